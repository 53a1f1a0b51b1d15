import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '../host/clock.ts';
import { silentLogger } from '../host/log.ts';
import { NetlinkError } from '../host/netlink-dump.ts';
import { keepRules } from './rules.ts';

/** Lets everything that waits for nothing outside have its turn. */
const settled = () => new Promise((resolve) => setImmediate(resolve));

test('rules that somebody took away are put back; a look that fails is no reason to', async () => {
  const clock = new FakeClock();
  const ending = new AbortController();
  let rules = 5;
  let refused = false;
  let restored = 0;
  const running = keepRules(
    {
      count: async (family) => {
        if (refused) throw new NetlinkError('EINTR', 'busy');
        return new Map(family === 'bridge' ? [['guest', rules]] : []);
      },
      restore: async () => {
        restored++;
        rules = 5;
      },
      clock,
      log: silentLogger,
    },
    ending.signal,
  );
  const look = async () => {
    await settled();
    await clock.advance(10_000);
    await settled();
    return restored;
  };
  assert.equal(await look(), 0);
  rules = 0;
  assert.equal(await look(), 1);
  refused = true;
  assert.equal(await look(), 1);
  refused = false;
  assert.equal(await look(), 1);
  rules = 4;
  assert.equal(await look(), 2);
  ending.abort();
  await running;
});
