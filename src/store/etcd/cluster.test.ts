import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { systemClock } from '../../host/clock.ts';
import { silentLogger } from '../../host/log.ts';
import { put } from '../contract/tools.ts';
import { Cluster, learnable } from './cluster.ts';
import type { Connection } from './connection.ts';
import { StoreUnavailableError } from './errors.ts';
import { skipWithoutEtcd, startEtcd } from './etcd.fixture.ts';
import { CallError } from './failure.ts';
import type { CallName, ResponseOf } from './messages.ts';

describe('members that etcd names', () => {
  const cases: readonly [string, readonly string[], readonly string[], readonly string[]][] = [
    ['are added', ['https://10.0.0.2:2379'], ['https://10.0.0.1:2379'], ['https://10.0.0.2:2379']],
    ['are known already', ['https://10.0.0.1:2379/'], ['https://10.0.0.1:2379'], []],
    ['are not asked without TLS', ['http://10.0.0.2:2379'], ['https://10.0.0.1:2379'], []],
    ['mean their own machine', ['https://localhost:2379', 'https://[::1]:2379'], ['https://10.0.0.1:2379'], []],
    ['are on this machine, as all are', ['http://localhost:3'], ['http://127.0.0.1:2'], ['http://localhost:3']],
    [
      'name no address',
      ['https://0.0.0.0:2379', 'https://[::]:2379', 'nonsense', 'https://etcd'],
      ['https://etcd:2379'],
      [],
    ],
    ['name one twice', ['https://a:2379', 'https://a:2379/'], ['https://b:2379'], ['https://a:2379']],
  ];
  for (const [title, urls, endpoints, expected] of cases) {
    test(title, () => assert.deepEqual(learnable(urls, endpoints), expected));
  }
});

/** A member of an etcd, as long as `isUp`; the first of them leads. */
function member(endpoint: string, clusterId: number, isUp: () => boolean, memberId = 1): Connection {
  return {
    endpoint,
    async call<Name extends CallName>(name: Name): Promise<ResponseOf<Name>> {
      if (!isUp()) throw new CallError(endpoint, name, 'refused', 'away');
      const status = { header: { clusterId, memberId }, version: '3.4.0', leader: 1, raftTerm: 1 };
      return (name === 'Status' ? status : { header: status.header, members: [] }) as unknown as ResponseOf<Name>;
    },
    async *watch() {},
    close() {},
  };
}

/** Closed with the test. */
function clusterOf(t: TestContext, endpoints: readonly string[], connect: (endpoint: string) => Connection): Cluster {
  const cluster = new Cluster({
    ...{ endpoints, connect, clock: systemClock, log: silentLogger },
    refresh: async () => {},
  });
  t.after(() => cluster.close());
  return cluster;
}

test('an endpoint that is of another etcd than the first that answered is not asked', async (t) => {
  let firstIsUp = true;
  const cluster = clusterOf(t, ['http://one:1', 'http://other:1'], (endpoint) =>
    endpoint === 'http://one:1' ? member(endpoint, 1, () => firstIsUp) : member(endpoint, 2, () => !firstIsUp),
  );
  const first = await cluster.member(performance.now() + 1000);
  assert.equal(first.endpoint, 'http://one:1');
  firstIsUp = false;
  cluster.lose(first, 'gone');
  await assert.rejects(cluster.member(performance.now() + 200), (error) => {
    return error instanceof StoreUnavailableError && /other:1 is a member of another etcd/.test(error.message);
  });
});

test('the leader is asked, when it answers as well as another', async (t) => {
  let leaderIsUp = true;
  const cluster = clusterOf(t, ['http://follower:1', 'http://leader:1'], (endpoint) =>
    endpoint === 'http://leader:1' ? member(endpoint, 1, () => leaderIsUp) : member(endpoint, 1, () => true, 2),
  );
  const first = await cluster.member(performance.now() + 1000);
  assert.equal(first.endpoint, 'http://leader:1');
  leaderIsUp = false;
  cluster.lose(first, 'gone');
  assert.equal((await cluster.member(performance.now() + 1000)).endpoint, 'http://follower:1');
});

test('members that were not given are found when the one that was given is gone', {
  skip: skipWithoutEtcd(),
}, async (t) => {
  const etcd = await startEtcd(t, { members: 3 });
  const [given] = etcd.members;
  assert.ok(given);
  await etcd.leader();
  const store = await etcd.open(t, { endpoints: [given.endpoint] });
  await put(store, 'a', '1');
  await given.kill();
  assert.equal((await store.get('a'))?.modified, 1);
});
