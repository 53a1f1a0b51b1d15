import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inNamespace, skipWithoutNft, skipWithoutPrograms } from '../../host/testing/in-namespace.ts';
import { DEFAULT_HEARTBEATS } from '../settings.ts';

const { interval: HEARTBEAT_INTERVAL, timeout: HEARTBEAT_TIMEOUT } = DEFAULT_HEARTBEATS;

const skip = skipWithoutPrograms('ip', 'nsenter', 'nft') || skipWithoutNft();
/** A machine that runs all tests at once may be late by as much. */
const BUSY = 700;

test('nodes in namespaces notice a frozen process, a cut cable and one-way silence in time, over both families', {
  skip,
}, (t) => {
  const measured = JSON.parse(inNamespace(new URL('heartbeats.fixture.ts', import.meta.url))) as Record<
    string,
    unknown
  >;
  t.diagnostic(JSON.stringify(measured));
  const within = (limit: number, ...names: readonly string[]): void => {
    for (const [what, took] of Object.entries(measured)) {
      if (!names.some((name) => what.startsWith(name)) || typeof took !== 'number') continue;
      assert.ok(took <= limit + BUSY, `${what}: took ${took} ms`);
    }
  };
  within(HEARTBEAT_TIMEOUT + HEARTBEAT_INTERVAL, 'process frozen', 'cable cut', 'not heard any more', 'crash');
  within(4 * HEARTBEAT_INTERVAL, 'process goes on', 'heard again', 'leaves');
  // Linux takes up to a second to use a link that is back (RFC 2863 states are looked at once a second).
  within(1000 + 4 * HEARTBEAT_INTERVAL, 'cable back');
  assert.deepEqual(measured['told by the third'], ['n1 n2 n3', 'n1 n2 n3', 'n1 n2 n3']);
  assert.match(String(measured['not heard any more, itself']), /arrive, but none of ours get there/);
  assert.equal(measured['one family, one in ten lost'], 'nothing changed');
});
