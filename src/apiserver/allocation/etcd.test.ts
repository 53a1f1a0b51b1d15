/** Two API servers on one etcd, each with a store of its own in it: they are as one. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { skipWithoutEtcd, startEtcd } from '../../store/etcd/etcd.fixture.ts';
import { SERVICES, service, startTestServer, type TestServer } from '../testing/server.ts';
import { assertSound } from './testing.ts';

const COUNT = 60;

test('two servers on one etcd see each other’s writes, and give no address and no port twice', {
  skip: skipWithoutEtcd(),
}, async (t) => {
  const etcd = await startEtcd(t, { members: 1 });
  const options = { serviceCIDRs: ['10.0.0.0/25'], nodePortRange: { first: 30000, last: 30079 } };
  const start = async (): Promise<TestServer> => {
    const api = await startTestServer({ ...options, store: await etcd.open(t) });
    t.after(() => api.close());
    return api;
  };
  const [one, two] = [await start(), await start()];
  const create = (api: TestServer, i: number) =>
    api.call('POST', SERVICES, { body: service(`s${i}`, { type: 'NodePort' }) });

  const replies = await Promise.all(Array.from({ length: COUNT }, (_, i) => create(i % 2 === 0 ? one : two, i)));
  assert.deepEqual([...new Set(replies.map(({ code, text }) => (code === 201 ? code : text)))], [201]);
  assert.equal(new Set(replies.map(({ body }) => body.spec.clusterIP)).size, COUNT);
  assert.equal(new Set(replies.map(({ body }) => body.spec.ports[0].nodePort)).size, COUNT);
  await assertSound(one.store, options.nodePortRange);

  const [fromOne, fromTwo] = await Promise.all([one, two].map((api) => api.call('GET', SERVICES)));
  assert.deepEqual(fromOne?.body, fromTwo?.body);
  // A change through one is refused to whoever read before through the other.
  const stale = replies[0]?.body;
  const update = (api: TestServer, label: string) => {
    const metadata = { ...stale.metadata, labels: { label } };
    return api.call('PUT', `${SERVICES}/s0`, { body: { ...stale, metadata } });
  };
  const answers = await Promise.all([update(one, 'one'), update(two, 'two')]);
  assert.deepEqual(answers.map(({ code }) => code).sort(), [200, 409]);
});
