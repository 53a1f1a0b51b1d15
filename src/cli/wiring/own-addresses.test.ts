import assert from 'node:assert/strict';
import { test } from 'node:test';
import { settle } from '../../client/testing.ts';
import { FakeClock } from '../../host/clock.ts';
import { FakeLinks } from '../../host/link-watch-fake.ts';
import { silentLogger } from '../../host/log.ts';
import { seconds } from '../../lib/duration.ts';
import { type Surroundings, untilReaddressed } from './own-addresses.ts';

const V4 = '192.0.2.1';
const V6 = '2001:db8::1';

function world() {
  const clock = new FakeClock();
  const links = new FakeLinks();
  const ending = new AbortController();
  let seen: Surroundings | undefined;
  const show = async (name: string, addresses: readonly string[], chosen = addresses) => {
    seen = { chosen: { name, addresses: chosen }, present: addresses };
    links.set(name);
    await settle();
  };
  const vanish = async () => {
    seen = undefined;
    links.set('lan');
    await settle();
  };
  const current = { name: 'lan', addresses: [V4, V6] };
  let found: unknown = 'nothing';
  const start = async () => {
    await show('lan', [V4, V6]);
    const watching = untilReaddressed(
      { current, look: async () => seen, links, clock, log: silentLogger },
      ending.signal,
    );
    void watching.then((value) => {
      found = value;
    });
    await settle();
  };
  const pass = async (time: number) => {
    await clock.advance(time);
    await settle();
    return found;
  };
  return { show, vanish, start, pass, end: () => ending.abort() };
}

test('another address counts when it has stayed for two seconds', async () => {
  const { show, start, pass } = world();
  await start();
  await show('lan', ['192.0.2.9', V6]);
  assert.equal(await pass(seconds(1.9)), 'nothing');
  assert.deepEqual(await pass(seconds(0.1)), { name: 'lan', addresses: ['192.0.2.9', V6] });
});

test('an address that comes back in time has never been away', async () => {
  const { show, vanish, start, pass, end } = world();
  await start();
  await show('lan', [V6]);
  await pass(seconds(14));
  await show('lan', [V4, V6]);
  assert.equal(await pass(seconds(60)), 'nothing');
  await vanish();
  assert.equal(await pass(seconds(3600)), 'nothing');
  end();
  await settle();
  assert.equal(await pass(0), undefined);
});

test('a family that stays away for fifteen seconds is gone', async () => {
  const { show, start, pass } = world();
  await start();
  await show('lan', [V4]);
  assert.equal(await pass(seconds(14)), 'nothing');
  assert.deepEqual(await pass(seconds(1)), { name: 'lan', addresses: [V4] });
});

test('an address that is still there is kept, whichever is listed first', async () => {
  const { show, start, pass, end } = world();
  await start();
  await show('lan', ['192.0.2.7', V4, '2001:db8::99', V6], ['192.0.2.7', '2001:db8::99']);
  assert.equal(await pass(seconds(3600)), 'nothing');
  end();
});

test('another interface is the LAN’s only after half a minute', async () => {
  const { show, start, pass } = world();
  await start();
  await show('wlan', ['198.51.100.1']);
  assert.equal(await pass(seconds(29)), 'nothing');
  assert.deepEqual(await pass(seconds(1)), { name: 'wlan', addresses: ['198.51.100.1'] });
});

test('what changes again meanwhile has to settle again', async () => {
  const { show, start, pass } = world();
  await start();
  await show('lan', ['192.0.2.9', V6]);
  await pass(seconds(1.5));
  await show('lan', ['192.0.2.8', V6]);
  assert.equal(await pass(seconds(1.5)), 'nothing');
  assert.deepEqual(await pass(seconds(0.5)), { name: 'lan', addresses: ['192.0.2.8', V6] });
});
