import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '../host/clock.ts';
import { silentLogger } from '../host/log.ts';
import { openMemoryStore } from '../store/memory/memory-store.ts';
import { Health } from './health.ts';

/** A store of which only the revision is asked; it never answers while `isSilent`. */
function world() {
  const store = openMemoryStore();
  const state = { isSilent: false, asked: 0 };
  const clock = new FakeClock();
  const revision = () => {
    state.asked++;
    return state.isSilent ? new Promise<number>(() => {}) : store.revision();
  };
  const health = new Health({ store: { ...store, revision } as never, log: silentLogger, clock });
  const ask = async (path: string, isVerbose = false) => {
    const answer = health.answer(path.split('/'), isVerbose);
    await clock.advance(1000);
    const reply = await answer;
    return reply && `${reply.code} ${reply.text}`;
  };
  return { state, ask, health };
}

test('a server whose store answers is ready, and says what it looked at when asked to', async () => {
  const { ask } = world();
  assert.equal(await ask('readyz'), '200 ok');
  assert.equal(await ask('readyz', true), '200 [+]ping ok\n[+]etcd ok\nreadyz check passed\n');
  assert.equal(await ask('readyz/etcd'), '200 ok');
  assert.equal(await ask('livez', true), '200 [+]ping ok\nlivez check passed\n');
  assert.equal(await ask('readyz/nonsense'), undefined);
  assert.equal(await ask('livez/etcd'), undefined);
});

test('a server whose store is silent is alive and not ready, and ready again when the store is back', async () => {
  const { ask, state } = world();
  state.isSilent = true;
  assert.equal(await ask('readyz'), '500 [+]ping ok\n[-]etcd failed: reason withheld\nreadyz check failed\n');
  assert.equal(await ask('readyz/ping'), '200 ok');
  assert.equal(await ask('livez'), '200 ok');
  assert.equal(await ask('healthz'), '200 ok');
  state.isSilent = false;
  assert.equal(await ask('readyz'), '200 ok');
});

test('however many ask, the store is asked once at a time', async () => {
  const { health, state } = world();
  await Promise.all(Array.from({ length: 100 }, () => health.answer(['readyz'], false)));
  assert.equal(state.asked, 1);
});
