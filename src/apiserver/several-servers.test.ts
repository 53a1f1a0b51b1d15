/** Three API servers on one etcd, each with a store of its own in it: they are as one. */
import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { mustParseCIDR } from '../lib/ip.ts';
import { type EtcdFixture, fileScope, skipWithoutEtcd, startEtcd } from '../store/etcd/etcd.fixture.ts';
import { ServiceCIDRMismatchError } from './allocation/default-service-cidr.ts';
import { assertSound } from './allocation/testing.ts';
import { OtherAuthorityError } from './cluster-authority.ts';
import { ClusterCIDRMismatchError } from './cluster-cidrs.ts';
import {
  type Json,
  LEASES,
  lease,
  SERVICES,
  service,
  startTestServer,
  type TestServer,
  type TestServerOptions,
} from './testing/server.ts';

const COUNT = 90;
const OPTIONS = { serviceCIDRs: ['10.0.0.0/25'], nodePortRange: { first: 30000, last: 30099 } };
/** Milliseconds until etcd counts as away. */
const TIMEOUT = 1000;

describe('servers on one etcd', { skip: skipWithoutEtcd() }, () => {
  const scope = fileScope();
  let etcd: EtcdFixture;
  let one: TestServer;
  let two: TestServer;
  let three: TestServer;

  async function start(name: string, more: TestServerOptions = {}): Promise<TestServer> {
    const store = await etcd.open(scope, { timeout: TIMEOUT });
    return startTestServer({ ...OPTIONS, store, peers: { name }, ...more });
  }

  before(async () => {
    etcd = await startEtcd(scope, { members: 1 });
    one = await start('one');
    const pkiDir = `${one.dir}/pki`;
    [two, three] = await Promise.all([start('two', { pkiDir }), start('three', { pkiDir })]);
    scope.after(() => Promise.all([two.close(), three.close()]).then(() => one.close()));
  });

  it('give no address and no port twice, and see each other’s writes', async () => {
    const servers = [one, two, three];
    const replies = await Promise.all(
      Array.from({ length: COUNT }, (_, i) => {
        const api = servers[i % servers.length] ?? one;
        return api.call('POST', SERVICES, { body: service(`s${i}`, { type: 'NodePort' }) });
      }),
    );
    assert.deepEqual([...new Set(replies.map(({ code, text }) => (code === 201 ? code : text)))], [201]);
    assert.equal(new Set(replies.map(({ body }) => body.spec.clusterIP)).size, COUNT);
    assert.equal(new Set(replies.map(({ body }) => body.spec.ports[0].nodePort)).size, COUNT);
    await assertSound(one.store, OPTIONS.nodePortRange);
    const lists = await Promise.all(servers.map((api) => api.call('GET', SERVICES)));
    for (const { body } of lists) assert.deepEqual(body.items, lists[0]?.body.items);
    // A change through one is refused to whoever read before through another.
    const stale = replies[0]?.body;
    const update = (api: TestServer, label: string) => {
      const metadata = { ...stale.metadata, labels: { label } };
      return api.call('PUT', `${SERVICES}/s0`, { body: { ...stale, metadata } });
    };
    const answers = await Promise.all([update(one, 'one'), update(two, 'two'), update(three, 'three')]);
    assert.deepEqual(answers.map(({ code }) => code).sort(), [200, 409, 409]);
  });

  it('give what another gave back, and say that all are given when they are', async () => {
    const fill = async (api: TestServer, i: number) => api.call('POST', SERVICES, { body: service(`more${i}`) });
    let given = 0;
    for (let isFree = true; isFree; given++) isFree = (await fill(one, given)).code === 201;
    assert.equal((await two.call('POST', SERVICES, { body: service('late') })).code, 500);
    await three.call('DELETE', `${SERVICES}/more0`);
    assert.equal((await two.call('POST', SERVICES, { body: service('late') })).code, 201);
    for (let i = 0; i < given; i++) await one.call('DELETE', `${SERVICES}/more${i}`);
  });

  it('tell a watch on one of writes made through others within milliseconds, each once and in order', async () => {
    const { body } = await three.call('GET', LEASES);
    const end = new AbortController();
    const told: { name: string; at: number }[] = [];
    const path = `${LEASES}?watch=1&resourceVersion=${body.metadata.resourceVersion}`;
    const watching = (async () => {
      for await (const { object } of three.watch(path, end.signal)) {
        told.push({ name: object.metadata.name, at: performance.now() });
        if (told.length === 40) end.abort();
      }
    })();
    const answered: number[] = [];
    for (let i = 0; i < 40; i++) {
      await (i % 2 === 0 ? one : two).call('POST', LEASES, { body: lease(`l${i}`) });
      answered.push(performance.now());
    }
    await watching;
    assert.deepEqual(
      told.map(({ name }) => name),
      Array.from({ length: 40 }, (_, i) => `l${i}`),
    );
    const late = told.map(({ at }, i) => at - (answered[i] ?? 0)).sort((a, b) => a - b);
    assert.ok((late[20] ?? 0) < 50, `${late[20]} ms at the median`);
  });

  it('watch from a revision that another gave, which they have not been told of yet', async () => {
    for (let i = 0; i < 20; i++) {
      const { body } = await one.call('POST', LEASES, { body: lease(`w${i}`) });
      const end = new AbortController();
      const first = two.watch(`${LEASES}?watch=1&resourceVersion=${body.metadata.resourceVersion}`, end.signal).next();
      const next = await one.call('POST', LEASES, { body: lease(`x${i}`) });
      const { value } = await first;
      end.abort();
      assert.equal(value.object.metadata.uid, next.body.metadata.uid);
    }
  });

  it('go on with a list that another began, as of its revision', async () => {
    const page = await one.call('GET', `${LEASES}?limit=5`);
    const { continue: token, resourceVersion } = page.body.metadata;
    const last = (await one.call('GET', LEASES)).body.items.at(-1).metadata.name;
    await two.call('DELETE', `${LEASES}/${last}`);
    const rest = await two.call('GET', `${LEASES}?continue=${token}`);
    assert.equal(rest.body.metadata.resourceVersion, resourceVersion);
    assert.ok(rest.body.items.some(({ metadata }: Json) => metadata.name === last));
    const exact = await three.call('GET', `${LEASES}?resourceVersion=${resourceVersion}&resourceVersionMatch=Exact`);
    assert.deepEqual(exact.body.items, [...page.body.items, ...rest.body.items]);
    const newer = await three.call(
      'GET',
      `${LEASES}?resourceVersion=${resourceVersion}&resourceVersionMatch=NotOlderThan`,
    );
    assert.equal(newer.body.items.length, exact.body.items.length - 1);
  });

  it('take each other’s tokens of service accounts', async () => {
    await one.call('POST', '/api/v1/namespaces/default/serviceaccounts', { body: { metadata: { name: 'guest' } } });
    const path = '/api/v1/namespaces/default/serviceaccounts/guest/token';
    const { body } = await one.call('POST', path, { body: { spec: { expirationSeconds: 600 } } });
    const review = { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview', metadata: {} };
    const headers = { authorization: `Bearer ${body.status.token}` };
    const answer = await two.call('POST', '/apis/authentication.k8s.io/v1/selfsubjectreviews', {
      body: review,
      headers,
      as: null,
    });
    assert.equal(answer.body.status?.userInfo.username, 'system:serviceaccount:default:guest', answer.text);
  });

  it('do not let in one of another authority, nor one with other addresses for Services or pods', async () => {
    await assert.rejects(start('four'), OtherAuthorityError);
    const pkiDir = `${one.dir}/pki`;
    await assert.rejects(start('five', { pkiDir, serviceCIDRs: ['10.1.0.0/16'] }), (error: Error) => {
      assert.ok(error instanceof ServiceCIDRMismatchError);
      assert.match(error.message, /start it with --service-cidr 10\.0\.0\.0\/25/);
      return true;
    });
    const peers = (cidr: string) => ({ name: 'six', clusterCIDRs: [mustParseCIDR(cidr)] });
    await (await start('six', { pkiDir, peers: peers('10.244.0.0/16') })).close();
    await assert.rejects(start('six', { pkiDir, peers: peers('10.32.0.0/12') }), ClusterCIDRMismatchError);
  });

  it('answer nothing that may be out of date while etcd is away, say so, and go on when it is back', async () => {
    const [member] = etcd.members;
    await member?.kill();
    const [read, list, written, ready, alive] = await Promise.all([
      one.call('GET', `${SERVICES}/s0`),
      two.call('GET', SERVICES),
      three.call('POST', LEASES, { body: lease('meanwhile') }),
      one.call('GET', '/readyz'),
      one.call('GET', '/livez'),
    ]);
    for (const { code, body } of [read, list]) assert.deepEqual([code, body.reason], [503, 'ServiceUnavailable']);
    assert.ok([503, 504].includes(written.code), written.text);
    assert.match(written.body.message, /etcd/);
    assert.deepEqual([ready.code, alive.code], [500, 200]);
    assert.match(ready.text, /\[-\]etcd failed/);
    member?.start();
    for (let tries = 0; (await one.call('GET', '/readyz')).code !== 200; tries++) {
      assert.ok(tries < 100);
      await sleep(100);
    }
    assert.equal((await two.call('GET', `${SERVICES}/s0`)).code, 200);
    assert.equal((await three.call('POST', LEASES, { body: lease('afterwards') })).code, 201);
  });
});
