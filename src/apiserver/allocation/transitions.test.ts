/** Every way from one type of Service to another: what is allocated, kept and released. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type Json, type Reply, SERVICES, service, startTestServer, type TestServer } from '../testing/server.ts';
import { assertSound } from './testing.ts';

let api: TestServer;
before(async () => {
  api = await startTestServer();
});
after(() => api?.close());

const create = (name: string, spec: object = {}) => api.call('POST', SERVICES, { body: service(name, spec) });
const patch = (name: string, spec: object) =>
  api.call('PATCH', `${SERVICES}/${name}`, { body: { spec }, type: 'application/merge-patch+json' });
const causes = ({ body }: Reply) =>
  (body.details?.causes ?? []).map(({ field, message }: Json) => `${field}: ${message}`);

/** What makes a Service, and what turns another into it. */
const TYPES: Readonly<Record<string, object>> = {
  ClusterIP: { type: 'ClusterIP' },
  NodePort: { type: 'NodePort' },
  LoadBalancer: { type: 'LoadBalancer' },
  ExternalName: { type: 'ExternalName', externalName: 'a.example' },
  headless: { type: 'ClusterIP', clusterIP: 'None' },
};

/** From, to, then the fate of the cluster IP and of the node port; or the field and message of a refusal. */
const TABLE = `
  ClusterIP     NodePort      kept      new
  ClusterIP     LoadBalancer  kept      new
  ClusterIP     ExternalName  released  none
  ClusterIP     headless      !         spec.clusterIPs[0]: may not change once set
  NodePort      ClusterIP     kept      released
  NodePort      LoadBalancer  kept      kept
  NodePort      ExternalName  released  released
  NodePort      headless      !         spec.clusterIPs[0]: may not change once set
  LoadBalancer  ClusterIP     kept      released
  LoadBalancer  NodePort      kept      kept
  LoadBalancer  ExternalName  released  released
  LoadBalancer  headless      !         spec.clusterIPs[0]: may not change once set
  ExternalName  ClusterIP     new       none
  ExternalName  NodePort      new       new
  ExternalName  LoadBalancer  new       new
  ExternalName  headless      None      none
  headless      ClusterIP     None      none
  headless      NodePort      !         spec.clusterIPs[0]: may not be set to 'None' for NodePort services
  headless      LoadBalancer  !         spec.clusterIPs[0]: may not be set to 'None' for LoadBalancer services
  headless      ExternalName  none      none`;

/** What became of a value that was `before` and is `now`. */
function fate(before: unknown, now: unknown): string {
  if (now === 'None') return 'None';
  const had = before !== undefined && before !== 'None';
  if (now === undefined) return had ? 'released' : 'none';
  return !had ? 'new' : before === now ? 'kept' : 'changed';
}

describe('from one type to another', () => {
  const rows = TABLE.trim()
    .split('\n')
    .map((line) => line.trim().split(/\s{2,}/));
  assert.equal(rows.length, 20, 'each of five with each of the four others');
  for (const [from = '', to = '', ip = '', port = ''] of rows) {
    const name = `${from}-${to}`.toLowerCase();
    const what = ip === '!' ? `refused, ${port}` : `cluster IP ${ip}, node port ${port}`;
    test(`${from} to ${to}: ${what}`, async () => {
      const made = await create(name, { selector: { a: 'b' }, ...TYPES[from] });
      assert.equal(made.code, 201, made.text);
      const old = made.body.spec;
      const changed = await patch(name, TYPES[to] ?? {});
      if (ip === '!') {
        const [field = '', why = ''] = port.split(': ');
        assert.equal(changed.code, 422);
        assert.ok(
          causes(changed).some((cause: string) => cause.startsWith(`${field}: `) && cause.endsWith(why)),
          changed.text,
        );
        assert.deepEqual((await api.call('GET', `${SERVICES}/${name}`)).body, made.body, 'nothing has changed');
      } else {
        assert.equal(changed.code, 200, changed.text);
        const now = changed.body.spec;
        const fates = [fate(old.clusterIP, now.clusterIP), fate(old.ports[0].nodePort, now.ports[0].nodePort)];
        assert.deepEqual(fates, [ip, port]);
        assert.equal(now.ipFamilies === undefined, to === 'ExternalName');
      }
      await assertSound(api.store);
      assert.equal((await api.call('DELETE', `${SERVICES}/${name}`)).code, 200);
      await assertSound(api.store);
    });
  }
});

test('what is released on the way to ExternalName can be had by another, and on the way back there is a new one', async () => {
  const { body } = await create('there', { type: 'NodePort', ports: [{ port: 80, nodePort: 30777 }] });
  await patch('there', { type: 'ExternalName', externalName: 'a.example' });
  const heir = await create('heir', {
    type: 'NodePort',
    clusterIP: body.spec.clusterIP,
    ports: [{ port: 80, nodePort: 30777 }],
  });
  assert.equal(heir.code, 201, heir.text);
  const back = await patch('there', { type: 'NodePort' });
  assert.notEqual(back.body.spec.clusterIP, body.spec.clusterIP);
  assert.notEqual(back.body.spec.ports[0].nodePort, 30777);
  await assertSound(api.store);
});

test('a load balancer is made with its cluster IP and its node ports', async () => {
  const { body } = await create('balanced', { type: 'LoadBalancer', ipFamilyPolicy: 'PreferDualStack' });
  assert.equal(body.spec.clusterIPs.length, 2);
  assert.ok(body.spec.ports[0].nodePort >= 30000);
  assert.equal(body.spec.allocateLoadBalancerNodePorts, true);
});

describe('node ports of a load balancer that allocates none', () => {
  test('are those that it asks for, and stay over updates', async () => {
    const ports = [
      { name: 'a', port: 80, nodePort: 30800 },
      { name: 'b', port: 81 },
    ];
    const { body } = await create('asks', { type: 'LoadBalancer', allocateLoadBalancerNodePorts: false, ports });
    assert.deepEqual(
      body.spec.ports.map(({ nodePort }: Json) => nodePort),
      [30800, undefined],
    );
    const silent = ports.map(({ name, port }) => ({ name, port }));
    const kept = await patch('asks', { ports: silent });
    assert.deepEqual(
      kept.body.spec.ports.map(({ nodePort }: Json) => nodePort),
      [30800, undefined],
    );
  });

  test('stay when the allocation is switched off, until the user takes them away', async () => {
    const { body } = await create('off', { type: 'LoadBalancer' });
    const [port] = body.spec.ports;
    const off = await patch('off', { allocateLoadBalancerNodePorts: false });
    assert.deepEqual(off.body.spec.ports, [port]);
    const on = await patch('off', { allocateLoadBalancerNodePorts: true });
    assert.deepEqual(on.body.spec.ports, [port]);
    await assertSound(api.store);
  });

  test('come when the allocation is switched on', async () => {
    await create('on', { type: 'LoadBalancer', allocateLoadBalancerNodePorts: false });
    const { body } = await patch('on', { allocateLoadBalancerNodePorts: true });
    assert.ok(body.spec.ports[0].nodePort >= 30000);
  });
});

describe('the port of health checks', () => {
  const local = { type: 'LoadBalancer', externalTrafficPolicy: 'Local' };

  test('is given to load balancers of policy Local, also to those without node ports', async () => {
    const { body } = await create('h0', { ...local, allocateLoadBalancerNodePorts: false });
    assert.ok(body.spec.healthCheckNodePort >= 30000);
    assert.equal(body.spec.ports[0].nodePort, undefined);
  });

  test('can be asked for, is held, and never changes', async () => {
    assert.equal((await create('h1', { ...local, healthCheckNodePort: 31900 })).body.spec.healthCheckNodePort, 31900);
    const taken = await create('h1b', { ...local, healthCheckNodePort: 31900 });
    assert.deepEqual(causes(taken), [
      'spec.healthCheckNodePort: Invalid value: 31900: provided port is already allocated',
    ]);
    const taken2 = await create('h1c', { type: 'NodePort', ports: [{ port: 80, nodePort: 31900 }] });
    assert.deepEqual(causes(taken2), [
      'spec.ports[0].nodePort: Invalid value: 31900: provided port is already allocated',
    ]);
    const changed = await patch('h1', { healthCheckNodePort: 31901 });
    assert.deepEqual(causes(changed), ['spec.healthCheckNodePort: Forbidden: field is immutable']);
  });

  test('is in the range of node ports', async () => {
    const { code, body } = await create('h2', { ...local, healthCheckNodePort: 80 });
    assert.equal(code, 422);
    assert.match(body.message, /spec\.healthCheckNodePort: Invalid value: 80: provided port is not in the valid range/);
  });

  test('is refused where it has no meaning', async () => {
    const why =
      "spec.healthCheckNodePort: Invalid value: 31902: may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'";
    for (const spec of [{}, { type: 'NodePort', externalTrafficPolicy: 'Local' }, { type: 'LoadBalancer' }]) {
      assert.deepEqual(causes(await create('h3', { ...spec, healthCheckNodePort: 31902 })), [why]);
    }
  });

  for (const [what, change] of [
    ['the policy becomes Cluster', { externalTrafficPolicy: 'Cluster' }],
    ['the type becomes NodePort', { type: 'NodePort' }],
    ['the type becomes ClusterIP', { type: 'ClusterIP' }],
    ['the type becomes ExternalName', { type: 'ExternalName', externalName: 'a.example' }],
  ] as const) {
    test(`is released when ${what}, and can be had by another`, async () => {
      await create('h4', { ...local, healthCheckNodePort: 31903 });
      const changed = await patch('h4', change);
      assert.deepEqual([changed.code, changed.body.spec.healthCheckNodePort], [200, undefined], changed.text);
      await assertSound(api.store);
      await api.call('DELETE', `${SERVICES}/h4`);
      assert.equal((await create('h5', { ...local, healthCheckNodePort: 31903 })).code, 201);
      await api.call('DELETE', `${SERVICES}/h5`);
    });
  }
});

describe('node ports', () => {
  test('are one number for TCP and UDP of one port, held once, and released with the last', async () => {
    const ports = [
      { name: 'udp', port: 53, protocol: 'UDP' },
      { name: 'tcp', port: 53 },
    ];
    const { body } = await create('dns', { type: 'NodePort', ports });
    const [udp, tcp] = body.spec.ports.map(({ nodePort }: Json) => nodePort);
    assert.equal(udp, tcp);
    await patch('dns', { ports: [{ name: 'tcp', port: 53, nodePort: tcp }] });
    await assertSound(api.store);
    assert.equal((await create('dns2', { type: 'NodePort', ports: [{ port: 1, nodePort: tcp }] })).code, 422);
    await patch('dns', { ports: [{ name: 'other', port: 54 }] });
    assert.equal((await create('dns2', { type: 'NodePort', ports: [{ port: 1, nodePort: tcp }] })).code, 201);
  });

  test('follow the name of their port, whatever its number becomes', async () => {
    const { body } = await create('named', {
      type: 'NodePort',
      ports: [
        { name: 'a', port: 80 },
        { name: 'b', port: 81 },
      ],
    });
    const [a, b] = body.spec.ports.map(({ nodePort }: Json) => nodePort);
    const moved = await patch('named', {
      ports: [
        { name: 'b', port: 8081 },
        { name: 'a', port: 8080 },
      ],
    });
    assert.deepEqual(
      moved.body.spec.ports.map(({ nodePort }: Json) => nodePort),
      [b, a],
    );
  });

  test('are of one Service each, which may use a number for two protocols', async () => {
    await create('owner', { type: 'NodePort', ports: [{ port: 80, nodePort: 30900 }] });
    const other = await create('thief', { type: 'NodePort', ports: [{ port: 80, protocol: 'UDP', nodePort: 30900 }] });
    assert.deepEqual(causes(other), [
      'spec.ports[0].nodePort: Invalid value: 30900: provided port is already allocated',
    ]);
    const own = [
      { name: 'a', port: 80, nodePort: 30900 },
      { name: 'b', port: 90, protocol: 'UDP', nodePort: 30900 },
    ];
    assert.equal((await patch('owner', { ports: own })).code, 200, 'one Service may use a number for both protocols');
    await assertSound(api.store);
  });

  test('come from the upper band first, and the lower is for those who ask', async () => {
    for (let i = 0; i < 40; i++) {
      const { body } = await create(`band${i}`, { type: 'NodePort' });
      assert.ok(body.spec.ports[0].nodePort >= 30086, body.spec.ports[0].nodePort);
    }
    assert.equal((await create('low', { type: 'NodePort', ports: [{ port: 80, nodePort: 30001 }] })).code, 201);
  });
});

describe('an address and a node port are released', () => {
  const held = { type: 'NodePort', clusterIP: '10.96.0.200', ports: [{ port: 80, nodePort: 30070 }] };
  const isFree = async () => {
    const heir = await create('heir-of-all', held);
    assert.equal(heir.code, 201, heir.text);
    await api.call('DELETE', `${SERVICES}/heir-of-all`);
    await assertSound(api.store);
  };
  const label = { metadata: { labels: { all: 'these' } } };
  const type = 'application/merge-patch+json';

  test('when the Service is deleted', async () => {
    await create('d1', held);
    await api.call('DELETE', `${SERVICES}/d1`);
    await isFree();
  });

  test('when a collection is deleted', async () => {
    await create('d2', held);
    await api.call('PATCH', `${SERVICES}/d2`, { body: label, type });
    await api.call('DELETE', `${SERVICES}?labelSelector=all%3Dthese`);
    await isFree();
  });

  test('when the last finalizer goes, and not before', async () => {
    await create('d3', held);
    const finalizers = (list: string[] | null) =>
      api.call('PATCH', `${SERVICES}/d3`, { body: { metadata: { finalizers: list } }, type });
    await finalizers(['example.com/wait']);
    await api.call('DELETE', `${SERVICES}/d3`);
    assert.equal((await create('early', held)).code, 422);
    await finalizers(null);
    await isFree();
  });

  test('when the create is a dry run, or is refused for something else', async () => {
    await api.call('POST', `${SERVICES}?dryRun=All`, { body: service('d4', held) });
    const [port] = held.ports;
    const other = { name: 'b', port: 81, nodePort: 5 };
    assert.equal((await create('d4', { ...held, ports: [{ name: 'a', ...port }, other] })).code, 422);
    await isFree();
  });

  test('when an update takes the port away, or the create finds its name taken', async () => {
    await create('d5', { type: 'NodePort', ports: held.ports });
    await patch('d5', { ports: [{ name: 'new', port: 81 }] });
    assert.equal((await create('d5', held)).code, 409);
    await isFree();
  });
});
