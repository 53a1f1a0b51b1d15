/** `postern expose` as it is typed, against a real server. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { SERVICES, startTestServer, type TestServer } from '../../apiserver/testing/server.ts';
import { CommandError, runCommand } from '../../host/process.ts';
import { PROGRAM } from '../wiring/defaults.ts';

let api: TestServer;
let kubeconfig: string;

const template = (ports: readonly object[]) => ({
  domain: { devices: { interfaces: [{ name: 'default', ports }] } },
  networks: [{ name: 'default', pod: {} }],
});
const SETS = '/apis/kubevirt.io/v1/namespaces/default/virtualmachineinstancereplicasets';
const replicaSet = (name: string, selector: object) => ({
  metadata: { name },
  spec: {
    selector,
    template: { metadata: { labels: { app: name } }, spec: template([{ name: 'http', port: 8080 }]) },
  },
});
/** What makes pods. */
function workload(name: string, selector: object) {
  const containers = [{ name: 'c', image: 'i', ports: [{ name: 'http', containerPort: 8080 }] }];
  return {
    metadata: { name },
    spec: { selector, template: { metadata: { labels: { app: name } }, spec: { containers } } },
  };
}
const OBJECTS: readonly (readonly [path: string, object])[] = [
  [
    '/apis/kubevirt.io/v1/namespaces/default/virtualmachines',
    {
      metadata: { name: 'web' },
      spec: {
        runStrategy: 'Halted',
        template: {
          spec: template([
            { name: 'http', port: 80 },
            { name: 'dns', port: 53, protocol: 'UDP' },
          ]),
        },
      },
    },
  ],
  [
    '/apis/kubevirt.io/v1/namespaces/default/virtualmachineinstances',
    { metadata: { name: 'one' }, spec: template([{ name: 'http', port: 8080 }]) },
  ],
  [SETS, replicaSet('set', { matchLabels: { app: 'set' } })],
  [
    SETS,
    replicaSet('expressions', {
      matchLabels: { app: 'expressions' },
      matchExpressions: [{ key: 'tier', operator: 'DoesNotExist' }],
    }),
  ],
  ['/apis/apps/v1/namespaces/default/deployments', workload('front', { matchLabels: { app: 'front' } })],
  [
    '/apis/apps/v1/namespaces/default/replicasets',
    workload('odd', { matchExpressions: [{ key: 'app', operator: 'Exists' }] }),
  ],
  ['/api/v1/namespaces/default/replicationcontrollers', workload('old', { app: 'old' })],
  [
    '/api/v1/namespaces/default/pods',
    {
      metadata: { name: 'p', labels: { app: 'p' } },
      spec: { containers: [{ name: 'c', image: 'i', ports: [{ containerPort: 9376 }] }] },
    },
  ],
  [
    '/api/v1/namespaces/default/pods',
    { metadata: { name: 'bare' }, spec: { containers: [{ name: 'c', image: 'i' }] } },
  ],
];

before(async () => {
  api = await startTestServer();
  kubeconfig = await api.kubeconfig();
  for (const [path, body] of OBJECTS) {
    const { code, text } = await api.call('POST', path, { body });
    assert.equal(code, 201, text);
  }
});
after(() => api.close());

async function expose(...args: readonly string[]): Promise<string> {
  return (await runCommand([PROGRAM, 'expose', ...args], { env: { KUBECONFIG: kubeconfig } })).stdout;
}
async function refused(...args: readonly string[]): Promise<string> {
  try {
    await expose(...args);
  } catch (error) {
    assert.ok(error instanceof CommandError);
    assert.doesNotMatch(error.stderr, /\n\s+at /, 'no stack trace');
    return error.stderr;
  }
  return assert.fail('the command did not fail');
}
async function specOf(name: string) {
  const { body } = await api.call('GET', `${SERVICES}/${name}`);
  return body.spec;
}

test('a virtual machine is exposed by its name, with the ports that it declares', async () => {
  assert.equal(await expose('vm', 'web'), 'Service web successfully exposed for vm web\n');
  const { type, selector, ports } = await specOf('web');
  assert.deepEqual({ type, selector }, { type: 'ClusterIP', selector: { 'vm.kubevirt.io/name': 'web' } });
  assert.deepEqual(ports, [
    { name: 'http', port: 80, targetPort: 80, protocol: 'TCP' },
    { name: 'dns', port: 53, targetPort: 53, protocol: 'UDP' },
  ]);
});

test('every option of virtctl expose, and --node-port, stands in the Service', async () => {
  const flags =
    '--name all --port 80 --target-port http --protocol tcp --type nodeport --node-port 30080 --port-name web --cluster-ip 10.96.7.7 --external-ip 192.0.2.7 --ip-family ipv4,ipv6 --ip-family-policy preferdualstack';
  await expose('vms/web', ...flags.split(' '));
  const { type, ports, clusterIP, externalIPs, ipFamilies, ipFamilyPolicy } = await specOf('all');
  assert.deepEqual(
    { type, ports, clusterIP, externalIPs, ipFamilies, ipFamilyPolicy },
    {
      type: 'NodePort',
      ports: [{ name: 'web', port: 80, targetPort: 'http', protocol: 'TCP', nodePort: 30080 }],
      clusterIP: '10.96.7.7',
      externalIPs: ['192.0.2.7'],
      ipFamilies: ['IPv4', 'IPv6'],
      ipFamilyPolicy: 'PreferDualStack',
    },
  );
});

test('an instance is exposed headless, and the Service is printed for programs', async () => {
  const created = JSON.parse(await expose('vmi', 'one', '--cluster-ip', 'None', '-o', 'json'));
  assert.equal(created.spec.clusterIP, 'None');
  assert.deepEqual(created.spec.selector, { 'vm.kubevirt.io/name': 'one' });
  assert.deepEqual(created.spec.ports, [{ name: 'http', port: 8080, targetPort: 8080, protocol: 'TCP' }]);
});

test('a pod is exposed by its labels and the ports of its containers', async () => {
  await expose('pod', 'p', '--type', 'LoadBalancer');
  const { type, selector, ports } = await specOf('p');
  assert.equal(type, 'LoadBalancer');
  assert.deepEqual(selector, { app: 'p' });
  assert.equal(ports[0].targetPort, 9376);
});

test('a pod without labels is refused with the command that gives it one', async () => {
  assert.match(await refused('pod', 'bare', '--port', '80'), /no labels[\s\S]*kubectl label pod bare -n default/);
});

test('a replica set is exposed by the labels that it selects, with the ports that its template declares', async () => {
  assert.equal(await expose('vmirs', 'set', '--name', 'fleet'), 'Service fleet successfully exposed for vmirs set\n');
  const { selector, ports } = await specOf('fleet');
  assert.deepEqual(selector, { app: 'set' });
  assert.deepEqual(ports, [{ name: 'http', port: 8080, targetPort: 8080, protocol: 'TCP' }]);
  await expose('virtualmachineinstancereplicasets/set', '--name', 'fleet-2', '--port', '80', '--target-port', '9090');
  const [port] = (await specOf('fleet-2')).ports;
  assert.deepEqual([port.port, port.targetPort], [80, 9090]);
});

test('a replica set that selects by expressions is refused, as virtctl refuses it', async () => {
  assert.match(
    await refused('vmirs', 'expressions', '--port', '80'),
    /cannot expose VirtualMachineInstanceReplicaSet with match expressions[\s\S]*kubectl get vmirs expressions -n default/,
  );
  assert.match(
    await refused('vmirs', 'nobody', '--port', '80'),
    /virtualmachineinstancereplicasets\.kubevirt\.io "nobody" not found/,
  );
});

test('what makes pods is exposed by the labels that it selects, with the ports of its containers', async () => {
  for (const [type, name] of [
    ['deploy', 'front'],
    ['replicationcontroller', 'old'],
  ] as const) {
    await expose(type, name);
    const { selector, ports } = await specOf(name);
    assert.deepEqual(selector, { app: name });
    assert.deepEqual(ports, [{ name: 'http', port: 8080, targetPort: 8080, protocol: 'TCP' }]);
  }
  assert.match(await refused('rs', 'odd', '--port', '80'), /cannot expose rs odd: it has match expressions/);
});

test('what does not exist, cannot be exposed, or is taken is said', async () => {
  assert.match(await refused('vm', 'nobody', '--port', '80'), /virtualmachines\.kubevirt\.io "nobody" not found/);
  assert.match(await refused('node', 'n', '--port', '80'), /"node" cannot be exposed[\s\S]*vm/);
  assert.match(await refused('vm'), /vm NAME/);
  await expose('vm', 'web', '--name', 'twice', '--port', '80');
  assert.match(await refused('vm', 'web', '--name', 'twice', '--port', '80'), /"twice" already exists/);
});

test('a wrong value is refused by its option, or by its field, and makes nothing', async () => {
  assert.match(await refused('vm', 'web', '--name', 'bad', '--port', '70000'), /--port.*1 to 65535/);
  assert.match(await refused('vm', 'web', '--name', 'bad', '--port', '80', '--type', 'ExternalName'), /LoadBalancer/);
  assert.match(
    await refused('vm', 'web', '--name', 'bad', '--port', '80', '--type', 'NodePort', '--node-port', '80'),
    /spec\.ports\[0\]\.nodePort.*30000-32767/,
  );
  assert.equal((await api.call('GET', `${SERVICES}/bad`)).code, 404);
});
