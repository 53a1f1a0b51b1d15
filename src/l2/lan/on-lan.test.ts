import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '../../host/clock.ts';
import { OnLan } from './on-lan.ts';
import { FakeAnnouncing, settle } from './testing.ts';

function world({
  peers = ['192.0.2.2'] as readonly string[],
  gateways = [] as readonly string[],
  isAlone = true,
} = {}) {
  const nothing = { onClaim: () => 'node' as const, onConflict() {}, onChange() {} };
  const announcing = new FakeAnnouncing(nothing, () => {});
  const [clock, ended, changes, asked] = [new FakeClock(), new AbortController(), [] as boolean[], [] as string[][]];
  announcing.ask = async (addresses) => {
    asked.push([...addresses]);
    return announcing.answer;
  };
  const onLan = new OnLan({
    ...{ announcing, clock, peers: () => peers, gateways: () => gateways },
    isAlone: () => isAlone,
    onChange: (value) => changes.push(value),
  });
  onLan.start(ended.signal);
  const pass = async (looks: number): Promise<void> => {
    for (let i = 0; i < looks; i++) {
      await settle();
      await clock.advance(500);
    }
    await settle();
  };
  return { announcing, changes, asked, pass, end: () => ended.abort() };
}

test('a node that hears nobody and gets no answer is not on its LAN, until somebody answers', async () => {
  const { announcing, changes, pass, end } = world();
  announcing.answer = false;
  await pass(3);
  assert.deepEqual(changes, [false]);
  announcing.answer = true;
  await pass(1);
  assert.deepEqual(changes, [false, true]);
  end();
});

test('one question that is lost changes nothing', async () => {
  const { announcing, changes, pass, end } = world();
  announcing.answer = false;
  await settle();
  announcing.answer = true;
  await pass(5);
  assert.deepEqual(changes, []);
  end();
});

test('frames of others are answer enough, and a cut cable is none', async () => {
  const { announcing, changes, asked, pass, end } = world();
  announcing.answer = false;
  for (let i = 0; i < 5; i++) {
    announcing.foreignFrames++;
    await pass(1);
  }
  // Only at the very beginning.
  assert.deepEqual([changes, asked.length], [[], 1]);
  announcing.carrier = false;
  for (let i = 0; i < 3; i++) {
    announcing.foreignFrames++;
    await pass(1);
  }
  assert.deepEqual(changes, [false]);
  end();
});

test('nobody is asked while heartbeats arrive, or where there is no other node', async () => {
  const heard = world({ isAlone: false });
  const single = world({ peers: [], gateways: ['192.0.2.254'] });
  for (const { announcing, pass, changes, asked, end } of [heard, single]) {
    announcing.answer = false;
    await pass(5);
    assert.deepEqual([changes, asked], [[], []]);
    end();
  }
});

test('of many nodes some are asked at a time, each in its turn, and the routers always', async () => {
  const peers = Array.from({ length: 7 }, (_, i) => `192.0.2.${i + 1}`);
  const { asked, pass, end } = world({ peers, gateways: ['192.0.2.254'] });
  await pass(7);
  assert.ok(asked.every(([router, ...some]) => router === '192.0.2.254' && some.length === 3));
  assert.deepEqual(new Set(asked.flatMap(([, ...some]) => some)), new Set(peers));
  end();
});
