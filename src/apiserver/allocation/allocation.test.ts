import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Json, type Reply, SERVICES, service, startTestServer, type TestServer } from '../testing/server.ts';

let api: TestServer;
before(async () => {
  api = await startTestServer();
});
after(() => api?.close());

const create = (name: string, spec: object = {}) => api.call('POST', SERVICES, { body: service(name, spec) });
const patch = (name: string, spec: object) =>
  api.call('PATCH', `${SERVICES}/${name}`, { body: { spec }, type: 'application/merge-patch+json' });
const causes = ({ code, body }: Reply) => [code, ...body.details.causes.map((c: Json) => `${c.field}: ${c.message}`)];

async function keys(server: TestServer, prefix: string): Promise<string[]> {
  return (await server.store.list(prefix)).entries.map(({ key }) => key.slice(prefix.length));
}
const addresses = (server = api) => keys(server, '/registry/ipaddresses/');
const ports = (server = api) => keys(server, '/registry/postern.dev/nodeports/');

const families = [
  { spec: {}, policy: 'SingleStack', families: ['IPv4'] },
  { spec: { ipFamilies: ['IPv6'] }, policy: 'SingleStack', families: ['IPv6'] },
  { spec: { ipFamilyPolicy: 'PreferDualStack' }, policy: 'PreferDualStack', families: ['IPv4', 'IPv6'] },
  {
    spec: { ipFamilyPolicy: 'RequireDualStack', ipFamilies: ['IPv6'] },
    policy: 'RequireDualStack',
    families: ['IPv6', 'IPv4'],
  },
  { spec: { clusterIP: 'fd00:10:96::99' }, policy: 'SingleStack', families: ['IPv6'] },
  {
    spec: {
      clusterIP: '10.96.0.9',
      clusterIPs: ['10.96.0.9', 'fd00:10:96::9'],
      ipFamilyPolicy: 'RequireDualStack',
    },
    policy: 'RequireDualStack',
    families: ['IPv4', 'IPv6'],
  },
];
for (const [i, { spec, policy, families: wanted }] of families.entries()) {
  test(`gives a Service with ${JSON.stringify(spec)} ${policy} and addresses of ${wanted.join(' and ')}`, async () => {
    const { body, code, text } = await create(`f${i}`, spec);
    assert.equal(code, 201, text);
    assert.deepEqual([body.spec.ipFamilyPolicy, body.spec.ipFamilies], [policy, wanted]);
    const found = body.spec.clusterIPs.map((ip: string) => (ip.includes(':') ? 'IPv6' : 'IPv4'));
    assert.deepEqual([found, body.spec.clusterIP], [wanted, body.spec.clusterIPs[0]]);
    assert.ok((await addresses()).includes(body.spec.clusterIP));
  });
}

test('gives headless Services families and no addresses, and ExternalName neither', async () => {
  const headless = await create('headless', { clusterIP: 'None', selector: { a: 'b' } });
  assert.deepEqual(headless.body.spec.clusterIPs, ['None']);
  assert.deepEqual(headless.body.spec.ipFamilies, ['IPv4']);
  const open = await create('open', { clusterIP: 'None' });
  assert.deepEqual([open.body.spec.ipFamilyPolicy, open.body.spec.ipFamilies], ['RequireDualStack', ['IPv4', 'IPv6']]);
  const external = await create('external', { type: 'ExternalName', externalName: 'a.example', ports: undefined });
  assert.deepEqual([external.body.spec.clusterIPs, external.body.spec.ipFamilies], [undefined, undefined]);
});

test('adds a second family and takes it away again, and keeps the first address', async () => {
  const { body } = await create('grow');
  const grown = await patch('grow', { ipFamilyPolicy: 'PreferDualStack' });
  assert.equal(grown.body.spec.clusterIPs[0], body.spec.clusterIP);
  assert.deepEqual(grown.body.spec.ipFamilies, ['IPv4', 'IPv6']);
  const second = grown.body.spec.clusterIPs[1];
  assert.ok((await addresses()).includes(second));
  const shrunk = await patch('grow', { ipFamilyPolicy: 'SingleStack' });
  assert.deepEqual(shrunk.body.spec.clusterIPs, [body.spec.clusterIP]);
  assert.ok(!(await addresses()).includes(second));
});

test('refuses what cannot be allocated with the field and the reason, and allocates nothing then', async () => {
  await create('holder', { type: 'NodePort', clusterIP: '10.96.0.50', ports: [{ port: 80, nodePort: 30000 }] });
  const before = [await addresses(), await ports()];
  const refused = async (spec: object) => causes(await create('refused', spec));
  assert.deepEqual(await refused({ type: 'NodePort', ports: [{ port: 80, nodePort: 30000 }] }), [
    422,
    'spec.ports[0].nodePort: Invalid value: 30000: provided port is already allocated',
  ]);
  assert.deepEqual(await refused({ type: 'NodePort', ports: [{ port: 80, nodePort: 80 }] }), [
    422,
    'spec.ports[0].nodePort: Invalid value: 80: provided port is not in the valid range. The range of valid ports is 30000-32767',
  ]);
  assert.deepEqual(await refused({ clusterIP: '10.96.0.50' }), [
    422,
    'spec.clusterIPs: Invalid value: ["10.96.0.50"]: failed to allocate IP 10.96.0.50: provided IP is already allocated',
  ]);
  assert.match(
    String((await refused({ clusterIP: '192.0.2.1' }))[1]),
    /does not match the current range. The range of valid IPs is 10.96.0.0\/16, fd00:10:96::\/112/,
  );
  assert.match(String((await refused({ clusterIP: '10.96.0.1' }))[1]), /already allocated/);
  assert.deepEqual([await addresses(), await ports()], before);
});

test('allocates node ports by type, keeps them over updates, and gives them back', async () => {
  const { body } = await create('np', {
    type: 'NodePort',
    ports: [
      { name: 'a', port: 53, protocol: 'UDP' },
      { name: 'b', port: 53 },
      { name: 'c', port: 80 },
    ],
  });
  const [a, b, c] = body.spec.ports.map((port: Json) => port.nodePort);
  assert.equal(a, b);
  assert.notEqual(a, c);
  const without = body.spec.ports.map(({ nodePort: _, ...port }: Json) => port);
  const kept = await patch('np', { ports: without, selector: { x: 'y' } });
  assert.deepEqual(
    kept.body.spec.ports.map((port: Json) => port.nodePort),
    [a, a, c],
  );
  const balanced = await patch('np', { type: 'LoadBalancer' });
  assert.deepEqual(
    balanced.body.spec.ports.map((port: Json) => port.nodePort),
    [a, a, c],
  );
  assert.ok((await ports()).includes(String(c)));
  await patch('np', { type: 'ClusterIP' });
  assert.ok(!(await ports()).includes(String(c)) && !(await ports()).includes(String(a)));
  const again = await create('np2', { type: 'NodePort', ports: [{ port: 1, nodePort: c }] });
  assert.equal(again.code, 201);
  await api.call('DELETE', `${SERVICES}/np2`);
  assert.ok(!(await ports()).includes(String(c)));
});

test('gives load balancers node ports unless told not to, and one for health checks with policy Local', async () => {
  const none = await create('lb0', { type: 'LoadBalancer', allocateLoadBalancerNodePorts: false });
  assert.equal(none.body.spec.ports[0].nodePort, undefined);
  const local = await create('lb1', { type: 'LoadBalancer', externalTrafficPolicy: 'Local' });
  const { healthCheckNodePort, ports: given } = local.body.spec;
  assert.ok(healthCheckNodePort >= 30000 && healthCheckNodePort !== given[0].nodePort);
  assert.ok((await ports()).includes(String(healthCheckNodePort)));
});

test('releases addresses when a Service is deleted or turns to ExternalName', async () => {
  const first = (await create('r1')).body.spec.clusterIP;
  const second = (await create('r2')).body.spec.clusterIP;
  await api.call('DELETE', `${SERVICES}/r1`);
  await patch('r2', { type: 'ExternalName', externalName: 'a.example' });
  const left = await addresses();
  assert.deepEqual([left.includes(first), left.includes(second)], [false, false]);
  const back = await patch('r2', { type: 'ClusterIP', externalName: null });
  assert.ok((await addresses()).includes(back.body.spec.clusterIP), back.text);
});

test('allocates nothing on a dry run', async () => {
  const before = await addresses();
  const { body } = await api.call('POST', `${SERVICES}?dryRun=All`, { body: service('dry', { type: 'NodePort' }) });
  assert.ok(body.spec.clusterIP && body.spec.ports[0].nodePort);
  assert.deepEqual(await addresses(), before);
});

test('gives every address and port of small pools to one Service each, says when they are exhausted, and recovers', async () => {
  const small = await startTestServer({ serviceCIDRs: ['10.0.0.0/28'], nodePortRange: { first: 30000, last: 30004 } });
  try {
    const make = (name: string, spec: object) => small.call('POST', SERVICES, { body: service(name, spec) });
    const replies = await Promise.all(Array.from({ length: 8 }, (_, i) => make(`n${i}`, { type: 'NodePort' })));
    const made = replies.filter(({ code }) => code === 201);
    assert.equal(made.length, 5);
    assert.equal(new Set(made.map(({ body }) => body.spec.ports[0].nodePort)).size, 5);
    const isExhausted = ({ body }: Reply, why: string, hint: RegExp) => {
      assert.deepEqual([body.code, body.reason], [500, 'InternalError']);
      assert.ok(body.message.startsWith(`Internal error occurred: ${why}: range is full`), body.message);
      assert.match(body.details.causes[0].message, hint);
    };
    const [noPort] = replies.filter(({ code }) => code !== 201);
    assert.ok(noPort);
    isExhausted(noPort, 'failed to allocate a nodePort', /no node port is free: all of 30000-30004 are allocated/);
    // 14 usable addresses, of which the API's own Service has one and those above five.
    const more = await Promise.all(Array.from({ length: 10 }, (_, i) => make(`c${i}`, {})));
    assert.equal(more.filter(({ code }) => code === 201).length, 8);
    const [noIP] = more.filter(({ code }) => code !== 201);
    assert.ok(noIP);
    isExhausted(
      noIP,
      'failed to allocate a serviceIP',
      /no IPv4 cluster IP is free: all of 10.0.0.0\/28 are allocated/,
    );
    assert.equal((await addresses(small)).length, 14);
    await small.call('DELETE', `${SERVICES}/${made[0]?.body.metadata.name}`);
    assert.equal((await make('again', { type: 'NodePort' })).code, 201);
  } finally {
    await small.close();
  }
});

test('says on a single-stack cluster that there is no second family, or does without where that is allowed', async () => {
  const single = await startTestServer({ serviceCIDRs: ['fd00:10:96::/112'] });
  try {
    const make = (name: string, spec: object) => single.call('POST', SERVICES, { body: service(name, spec) });
    assert.deepEqual((await make('a', { ipFamilyPolicy: 'PreferDualStack' })).body.spec.ipFamilies, ['IPv6']);
    assert.deepEqual(causes(await make('b', { ipFamilyPolicy: 'RequireDualStack' })), [
      422,
      'spec.ipFamilyPolicy: Invalid value: "RequireDualStack": this cluster is not configured for dual-stack services',
    ]);
    assert.match(
      String(causes(await make('c', { ipFamilies: ['IPv4'] }))[1]),
      /spec.ipFamilies\[0\].*not configured on this cluster/,
    );
  } finally {
    await single.close();
  }
});

test('finds after a restart what was allocated before', async () => {
  const first = await startTestServer();
  const made = await first.call('POST', SERVICES, {
    body: service('kept', { type: 'NodePort', ports: [{ port: 80, nodePort: 30123 }] }),
  });
  await first.server.close();
  const second = await startTestServer({ store: first.store });
  try {
    const body = service('other', { type: 'NodePort', ports: [{ port: 80, nodePort: 30123 }] });
    assert.equal((await second.call('POST', SERVICES, { body })).code, 422);
    const ip = service('other', { clusterIP: made.body.spec.clusterIP });
    assert.equal((await second.call('POST', SERVICES, { body: ip })).code, 422);
  } finally {
    await second.close();
    await first.close();
  }
});
