import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { Agent, get, request } from 'node:https';
import { after, before, describe, it } from 'node:test';
import type { KeyPair } from '../../pki/certificate.ts';
import { type Reply, startTestServer, type TestServer } from '../../testing/server.ts';

const MAPS = '/api/v1/namespaces/default/configmaps';
const BINDINGS = '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings';
/** Of one object; there are so many that a list is half a megabyte. */
const SIZE = 20_000;
const COUNT = 25;

let api: TestServer;
const users: Record<string, KeyPair> = {};
before(async () => {
  api = await startTestServer();
  for (const name of ['flooder', 'other']) {
    users[name] = await api.pki.issueClientCertificate({ commonName: name, organizations: [] });
  }
  const subjects = Object.keys(users).map((name) => ({ kind: 'User', name, apiGroup: 'rbac.authorization.k8s.io' }));
  const roleRef = { kind: 'ClusterRole', name: 'cluster-admin', apiGroup: 'rbac.authorization.k8s.io' };
  const body = { metadata: { name: 'users' }, roleRef, subjects };
  assert.equal((await api.call('POST', BINDINGS, { body })).code, 201);
  for (let i = 0; i < COUNT; i++) {
    const map = { metadata: { name: `m${i}` }, data: { text: 'x'.repeat(SIZE) } };
    assert.equal((await api.call('POST', MAPS, { body: map })).code, 201);
  }
});
after(() => api?.close());

/** The median of so many small requests, in milliseconds. */
async function median(count: number, act: () => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < count; i++) {
    const began = performance.now();
    await act();
    times.push(performance.now() - began);
  }
  return times.sort((a, b) => a - b)[Math.floor(count / 2)] ?? 0;
}

describe('a client that makes long lists in a loop', () => {
  it('delays the small requests of another by a few times at most', async () => {
    const { flooder, other } = users;
    assert.ok(flooder && other);
    const agent = new Agent({
      keepAlive: true,
      maxSockets: 1,
      ca: api.pki.caCertificate,
      cert: other.certificate,
      key: other.key,
    });
    const small = async () => {
      const asked = get({ agent, host: '127.0.0.1', port: api.server.port, path: '/api/v1/namespaces/default' });
      const [response] = await once(asked, 'response');
      assert.equal(response.statusCode, 200);
      await once(response.resume(), 'close');
    };
    await median(10, small);
    const alone = await median(15, small);
    const list = await median(5, async () => assert.equal((await api.call('GET', '/api/v1/configmaps')).code, 200));
    const argv = [String(api.server.port), api.pki.caCertificate, flooder.certificate, flooder.key];
    const flood = fork(new URL('flood.program.ts', import.meta.url), argv);
    await once(flood, 'message');
    const under = await median(15, small);
    const { text } = await api.call('GET', '/metrics');
    const told = once(flood, 'message');
    flood.send('end');
    const [{ lists }] = await told;
    await once(flood, 'exit');
    const seats = /current_executing_requests\{priority_level="lists",flow_schema="users"\} (\d+)/.exec(text)?.[1];
    assert.ok(Number(seats) <= 2, `${seats} lists at a time`);
    assert.ok(lists > 0);
    // Two of its lists are made in turns, where 24 would be; but tests run beside this one, and the flooder itself.
    assert.ok(under < alone + 12 * list, `${under} ms under load, ${alone} ms alone, ${list} ms for a list`);
    if (process.env['SHOW']) process.stderr.write(JSON.stringify({ alone, under, list, lists }));
    agent.destroy();
  });
});

describe('a client that sends bodies slowly', () => {
  it('takes no seats from anybody, itself included', async () => {
    const { flooder } = users;
    assert.ok(flooder);
    const { port } = api.server;
    const agent = new Agent({ ca: api.pki.caCertificate, cert: flooder.certificate, key: flooder.key });
    const headers = { 'content-type': 'application/json', 'content-length': '100' };
    const slow = Array.from({ length: 40 }, () => {
      return request({ agent, host: '127.0.0.1', port, path: MAPS, method: 'POST', headers }).on('error', () => {});
    });
    for (const each of slow) each.write('{');
    await Promise.all(slow.map((each) => once(each, 'socket')));
    const body = { metadata: { name: 'quick' } };
    assert.equal((await api.call('POST', MAPS, { as: flooder, body })).code, 201);
    for (const each of slow) each.destroy();
  });
});

describe('a client that tries tokens out', () => {
  it('is refused before they are looked at, while others with a certificate go on', async () => {
    const authorization = { authorization: 'Bearer eyJhbGciOiJFUzI1NiJ9.e30.c2ln' };
    const replies: Reply[] = [];
    // Slow as this machine may be: the more time passes, the more are borne.
    while (replies.at(-1)?.code !== 429 && replies.length < 400) {
      replies.push(await api.call('GET', '/api', { as: null, headers: authorization }));
    }
    assert.ok(replies.length > 50 && replies.slice(0, 50).every(({ code }) => code === 401));
    const refused = replies.at(-1);
    assert.equal(refused?.code, 429);
    assert.equal(refused?.headers['retry-after'], '1');
    assert.equal(refused?.body.message, 'Too many requests, please try again later.');
    assert.equal(refused?.body.reason, 'TooManyRequests');
    assert.equal((await api.call('GET', '/api')).code, 200);
  });
});
