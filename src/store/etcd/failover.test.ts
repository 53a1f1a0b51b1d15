import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { silentLogger } from '../../host/log.ts';
import { collect, put } from '../contract/tools.ts';
import { StoreUnavailableError } from './errors.ts';
import { type EtcdFixture, fileScope, skipWithoutEtcd, startEtcd } from './etcd.fixture.ts';
import { Recorder } from './failover.fixture.ts';

const skip = skipWithoutEtcd();

describe('an etcd of three members', { skip }, () => {
  const scope = fileScope();
  let etcd: EtcdFixture;
  before(async () => {
    etcd = await startEtcd(scope, { members: 3 });
  });

  test('loses no acknowledged write when its leader is killed, and tells watchers all of them once', async (t) => {
    const store = await etcd.open(t, { prefix: '/leader' });
    const watching = new AbortController();
    const seen: string[] = [];
    const watched = (async () => {
      for await (const { events } of store.watch('recorded/', 0, watching.signal)) {
        for (const event of events) {
          if (event.kind === 'put')
            seen.push(`${event.entry.key}${Buffer.from(event.entry.value)}@${event.entry.modified}`);
        }
      }
    })();
    const recorder = new Recorder(store, 8);
    await recorder.more(100);
    const leader = await etcd.leader();
    await leader.kill();
    await recorder.more(100);
    leader.start();
    await recorder.more(100);
    await recorder.stop();
    await recorder.check();
    const all = await collect(store, 'recorded/', 0, seen.length);
    watching.abort();
    await watched;
    assert.deepEqual(
      seen,
      all.map((text) => text.replace(/^put (\S+)=(\d+)@\d+-(\d+).*$/, '$1$2@$3')),
    );
    t.diagnostic(`longest time without an acknowledged write: ${Math.round(recorder.longestGap())} ms`);
    assert.ok(recorder.longestGap() < 4000);
  });

  test('goes on within 2 s when the member in use falls silent, with its watches', async (t) => {
    let used = '';
    const log = {
      ...silentLogger,
      info: (fields: object) => {
        if ('endpoint' in fields) used = String(fields.endpoint);
      },
    };
    // Followers: a leader that is gone costs an election besides.
    const leader = await etcd.leader();
    const endpoints = etcd.endpoints.filter((endpoint) => endpoint !== leader.endpoint);
    const store = await etcd.open(t, { prefix: '/silent', endpoints, log });
    const revision = await put(store, 'a', '1');
    const seen = collect(store, 'a', revision, 1);
    const silent = etcd.member(used);
    silent.freeze();
    try {
      const start = performance.now();
      assert.equal((await store.get('a'))?.modified, revision);
      const readAfter = performance.now() - start;
      const next = await put(store, 'a', '2');
      assert.deepEqual(await seen, [`put a=2@${revision}-${next} was 1`]);
      t.diagnostic(`read after ${Math.round(readAfter)} ms`);
      assert.ok(readAfter < 2500);
    } finally {
      await silent.kill();
      silent.start();
    }
  });

  test('without a quorum refuses reads and writes in time, and goes on when it is back', async (t) => {
    await etcd.leader();
    const store = await etcd.open(t, { prefix: '/quorum', timeout: 1200 });
    const revision = await put(store, 'a', '1');
    const seen = collect(store, 'a', revision, 1);
    const [first, second] = etcd.members;
    await Promise.all([first?.kill(), second?.kill()]);
    // Until the last member notices, writes may have been taken on their way.
    await assert.rejects(store.get('a'), StoreUnavailableError);
    const start = performance.now();
    await Promise.all([
      assert.rejects(store.get('a'), StoreUnavailableError),
      assert.rejects(store.revision(), StoreUnavailableError),
      assert.rejects(store.list(''), StoreUnavailableError),
      assert.rejects(put(store, 'a', 'never'), StoreUnavailableError),
    ]);
    assert.ok(performance.now() - start < 2500);
    first?.start();
    second?.start();
    await etcd.leader();
    while ((await put(store, 'a', '2').catch(() => 0)) === 0);
    const [told] = await seen;
    assert.match(told ?? '', /^put a=2@\d+-\d+ was 1$/);
  });
});
