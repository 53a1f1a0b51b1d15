/**
 * Each part with the account that `deploy/` gives it, at an API server that enforces its roles. Runs alone in fresh namespaces: see
 * deploy-rights.test.ts.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, afterEach, before, test } from 'node:test';
import { IMAGE_DIR, PROGRAM } from '../../src/cli/wiring/defaults.ts';
import { loadKubeconfig, printKubeconfig } from '../../src/client/kubeconfig.ts';
import { CommandError, runCommand } from '../../src/host/process.ts';
import { type Base, kustomized, type Manifest, printed } from '../deploy/kustomize.ts';
import { GUEST } from '../support/guest.ts';
import { fetchFrom, MACHINE, machineState, makeMachine } from './machine.ts';
import { compare, type Recorder, rightsOf, startRecorder } from './rights.ts';
import { startServer, type TestServer } from './server.ts';

const OBJECTS = `
apiVersion: v1
kind: Node
metadata: { name: node1 }
spec: { podCIDRs: [10.244.1.0/24] }
status:
  addresses: [{ type: InternalIP, address: ${MACHINE} }]
  conditions: [{ type: Ready, status: "True" }]
---
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: { name: lan, namespace: metallb-system }
spec: { addresses: [192.0.2.100-192.0.2.101] }
---
apiVersion: metallb.io/v1beta1
kind: L2Advertisement
metadata: { name: lan, namespace: metallb-system }
---
apiVersion: metallb.io/v1beta1
kind: MetalLB
metadata: { name: metallb, namespace: metallb-system }
spec: {}`;

const loadBalancer = (name: string) => `
apiVersion: v1
kind: Service
metadata: { name: ${name} }
spec: { type: LoadBalancer, ports: [{ port: 80 }] }
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: ${name}-4, labels: { kubernetes.io/service-name: ${name} } }
addressType: IPv4
ports: [{ port: 8080, name: "" }]
endpoints: [{ addresses: [10.244.1.5], nodeName: node1 }]`;

let server: TestServer;
/** What runs in the present test. */
const running: Running[] = [];

/** A part, and what it asks. */
interface Running {
  readonly child: ChildProcess;
  readonly recorder: Recorder;
  readonly base: Base;
  readonly role: string;
}

before(async () => {
  await makeMachine();
  await runCommand(['mount', '-t', 'tmpfs', 'tmpfs', '/run']);
  server = await startServer(['--controllers', 'namespace,serviceaccounts,scheduler']);
  for (const base of ['proxy', 'l2', 'dns', 'vm'] as const) await apply((await kustomized(base)).filter(isAccount));
  await server.kubectl(['create', '-f', '-'], OBJECTS);
});

afterEach(async () => {
  for (const { child, recorder } of running.splice(0)) {
    child.kill('SIGKILL');
    await recorder.close();
  }
});

after(() => server.stop());

const ACCOUNTS = /^(ServiceAccount|Namespace|ClusterRole|Role|ClusterRoleBinding|RoleBinding)$/;
const isAccount = ({ kind }: Manifest) => ACCOUNTS.test(kind);
const apply = (manifests: readonly Manifest[]) => server.kubectl(['apply', '-f', '-'], printed(manifests));

/** Starts what a workload of a base runs, as its account, and waits until it works. */
async function start(base: Base, role: string, ...more: readonly string[]): Promise<Running> {
  const objects = await kustomized(base);
  const found = objects.find(({ kind, metadata }) => metadata.name === role && isWorkload(kind));
  assert.ok(found);
  const { serviceAccountName: account, containers } = found['spec'].template.spec;
  const words = containers[0].args.map((word: string) => word.replace('$(NODE_NAME)', 'node1'));
  const { stdout: token } = await server.kubectl(['create', 'token', account, '-n', found.metadata.namespace ?? '']);
  const recorder = await startRecorder(await loadKubeconfig(server.kubeconfig), quicker());
  const kubeconfig = join(server.dir, `${role}.kubeconfig`);
  const endpoint = { server: recorder.url, token: token.trim() };
  writeFileSync(kubeconfig, printKubeconfig({ endpoint, name: role }), { mode: 0o600 });
  const child = spawn(PROGRAM, [...words, ...more], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, KUBECONFIG: kubeconfig },
  });
  const part = { child, recorder, base, role };
  running.push(part);
  assert.match(await firstLine(child), /^ready/);
  return part;
}

const POD_STATUS = /^\/api\/v1\/namespaces\/([^/]+)\/pods\/([^/]+)\/status$/;

/** Somebody who changes each pod just before its first status arrives: who writes it has to read the pod again. */
function quicker(): (method: string, path: string) => Promise<void> {
  const seen = new Set<string>();
  return async (method, path) => {
    const [, namespace = '', name = ''] = POD_STATUS.exec(path) ?? [];
    if (method !== 'PUT' || name === '' || seen.has(name)) return;
    seen.add(name);
    await server.kubectl(['annotate', 'pod', name, '-n', namespace, 'example.com/seen=true']);
  };
}

const isWorkload = (kind: string) => kind === 'DaemonSet' || kind === 'Deployment';

function firstLine(process: ChildProcess): Promise<string> {
  const { stdout } = process;
  assert.ok(stdout);
  return new Promise((resolve, reject) => {
    createInterface({ input: stdout }).once('line', resolve);
    process.once('exit', (code) => reject(new Error(`it ended with ${code}`)));
  });
}

/** What it asked, against all roles that are bound to it. */
async function comparison({ base, role, recorder }: Running): Promise<{ refused: string[]; unused: string[] }> {
  const roles = (await kustomized(base)).filter(({ kind, metadata }) => /Role$/.test(kind) && metadata.name === role);
  return compare(
    recorder.asked,
    roles.flatMap((manifest) => rightsOf(manifest as never)),
  );
}

/** Ends it, and compares. */
async function end(part: Running): Promise<{ refused: string[]; unused: string[] }> {
  const exited = once(part.child, 'exit');
  part.child.kill('SIGTERM');
  assert.deepEqual(await exited, [0, null]);
  return comparison(part);
}

/** Waits until everything that a part may do was done, besides some; or for ten seconds: the comparison says what was not. */
async function untilUsed(part: Running, besides: readonly string[] = []): Promise<void> {
  const isUsed = async () => (await comparison(part)).unused.every((right) => besides.includes(right)) || undefined;
  await server.eventually(isUsed).catch(() => undefined);
}

/** How often the Service web, or the object of another name, was told of something. */
async function eventCount(reason: string, name = 'web'): Promise<number> {
  const about = `reason=${reason},involvedObject.name=${name}`;
  const { stdout } = await server.kubectl([
    'get',
    'events',
    '--field-selector',
    about,
    '-o',
    'jsonpath={.items[*].count}',
  ]);
  return stdout
    .split(' ')
    .map(Number)
    .reduce((sum, count) => sum + count, 0);
}

/** How long nothing is asked of the API, in milliseconds. */
const QUIET = 1500;

/** What is asked for while nothing changes, besides of leases, which have to be renewed. */
async function askedMeanwhile({ recorder: { asked } }: Running): Promise<readonly string[]> {
  const before = asked.length;
  await new Promise((resolve) => setTimeout(resolve, QUIET));
  const more = asked.slice(before).filter(({ resource }) => resource !== 'leases');
  return more.map(({ verb, resource }) => `${verb} ${resource}`);
}

const NOTHING = { refused: [], unused: [] };

test('the proxy needs what its role says, and no more, and nothing while nothing changes', async () => {
  const proxy = await start('proxy', 'postern-proxy');
  await untilUsed(proxy);
  assert.deepEqual(await askedMeanwhile(proxy), []);
  assert.deepEqual(await end(proxy), NOTHING);
});

test('DNS needs what its role says, and no more, and nothing while nothing changes', async () => {
  const dns = await start('dns', 'postern-dns', '--listen', '127.0.0.1:0', '--metrics', 'none');
  await untilUsed(dns);
  assert.deepEqual(await askedMeanwhile(dns), []);
  assert.deepEqual(await end(dns), NOTHING);
});

test('the controller of load balancers needs what its roles say, and no more, and nothing while nothing changes', async () => {
  const controller = await start('l2', 'postern-loadbalancer');
  await server.kubectl(['apply', '-f', '-'], loadBalancer('web'));
  await server.kubectl(['apply', '-f', '-'], loadBalancer('second'));
  // The same mistake again and again: from the second time on its Event is counted up.
  const wish = (text: string) =>
    server.kubectl(['annotate', '--overwrite', 'service', 'web', `metallb.io/loadBalancerIPs=${text}`]);
  await server.eventually(async () => {
    await wish('no address');
    await wish('192.0.2.100');
    return (await eventCount('LoadBalancerFailed')) > 1 ? true : undefined;
  });
  await untilUsed(controller);
  assert.deepEqual(await askedMeanwhile(controller), []);
  assert.deepEqual(await end(controller), NOTHING);
});

test('the announcer needs what its roles say, and no more, and nothing while nothing changes', async () => {
  const announcer = await start('l2', 'postern-l2', '--metrics', 'none');
  const announced = async (count: number) => {
    const { stdout } = await server.kubectl(['get', 'servicel2statuses', '-A', '-o', 'name']);
    return stdout.split('\n').length - 1 === count ? true : undefined;
  };
  await server.eventually(() => announced(2));
  await server.eventually(async () => ((await eventCount('nodeAssigned')) === 1 ? true : undefined));
  const { stdout: slice } = await server.kubectl(['get', 'endpointslice', 'web-4', '-o', 'json']);
  await server.kubectl(['delete', 'endpointslice', 'web-4']);
  await server.eventually(() => announced(1));
  await server.kubectl(['create', '-f', '-'], slice);
  await server.eventually(async () => ((await eventCount('nodeAssigned')) === 2 ? true : undefined));
  const { stdout: key } = await server.kubectl([
    'get',
    'secret',
    'postern-l2-heartbeat',
    '-n',
    'metallb-system',
    '-o',
    'name',
  ]);
  assert.equal(key.trim(), 'secret/postern-l2-heartbeat');
  assert.deepEqual(await askedMeanwhile(announcer), []);
  await untilUsed(announcer, ['delete leases.coordination.k8s.io in metallb-system']);
  assert.deepEqual(await end(announcer), NOTHING);
});

/** One that there is nothing to boot from, and one of the demo image. */
const MACHINES = `
apiVersion: kubevirt.io/v1
kind: VirtualMachine
metadata: { name: vm }
spec:
  runStrategy: Always
  template: { spec: { domain: { devices: {}, memory: { guest: 64Mi } } } }
---
${GUEST}`;

test('guests: agent and controllers need what their roles say, and no more, and nothing while nothing changes', async () => {
  const own = ['--state-dir', join(server.dir, 'guests'), '--image-dir', IMAGE_DIR];
  const agent = await start(
    'vm',
    'postern-vm',
    ...own,
    '--pod-cidr',
    '10.245.1.0/24',
    '--cluster-cidr',
    '10.245.0.0/16',
  );
  const { stdout: node } = await server.kubectl(['get', 'node', 'node1-guests', '-o', 'json']);
  const { metadata, spec, status } = JSON.parse(node);
  assert.equal(metadata.labels['postern.dev/guests'], 'true');
  assert.equal(spec.taints[0].key, 'postern.dev/guests');
  assert.equal(status.addresses[0].address, MACHINE);
  const controllers = await start('vm', 'postern-virtualmachines');
  assert.deepEqual([...(await askedMeanwhile(agent)), ...(await askedMeanwhile(controllers))], []);
  await server.kubectl(['apply', '-f', '-'], MACHINES);
  const where = async () => (await server.kubectl(['get', 'pods', '-o', 'jsonpath={.items[*].spec.nodeName}'])).stdout;
  await server.eventually(async () => ((await where()) === 'node1-guests node1-guests' ? true : undefined));
  await server.kubectl(['wait', 'virtualmachine/guest', '--for=condition=Ready', '--timeout=60s']);
  const address = ['get', 'vmi', 'guest', '-o', 'jsonpath={.status.interfaces[0].ipAddress}'];
  assert.equal(await fetchFrom(`http://${(await server.kubectl(address)).stdout}:9376/`), 'guest');
  await untilUsed(agent, ['delete pods']);
  // Stopped and started again: that it was started is the same Event, counted up.
  const run = (strategy: string) =>
    server.kubectl(['patch', 'virtualmachine', 'vm', '--type=merge', '-p', `{"spec":{"runStrategy":"${strategy}"}}`]);
  await run('Halted');
  await server.kubectl(['wait', 'virtualmachineinstance/vm', '--for=delete', '--timeout=30s']);
  const started = () => eventCount('SuccessfulCreate', 'vm');
  const before = await started();
  await run('Always');
  await server.eventually(async () => ((await started()) > before ? true : undefined));
  await server.kubectl(['delete', 'virtualmachines', '--all']);
  await server.eventually(async () => ((await where()) === '' ? true : undefined));
  await untilUsed(agent);
  await untilUsed(controllers);
  assert.deepEqual([await end(controllers), await end(agent)], [NOTHING, NOTHING]);
  const { interfaces } = await machineState();
  assert.deepEqual(interfaces, ['lan0', 'lan1', 'lo']);
});

test('an agent of guests does not take the Node of a kubelet', async () => {
  const argv = [
    'vm',
    'agent',
    '--kubeconfig',
    server.kubeconfig,
    '--node',
    'node1',
    '--state-dir',
    join(server.dir, 'none'),
  ];
  const error = await runCommand([PROGRAM, ...argv]).catch((thrown: unknown) => thrown);
  assert(error instanceof CommandError);
  assert.match(error.stderr, /the Node "node1" is a kubelet's, or another agent's.*\n.*--node/);
  const { stdout } = await server.kubectl(['get', 'node', 'node1', '-o', 'jsonpath={.metadata.labels}']);
  assert.equal(stdout, '');
});

test('a part in a pod finds the API by itself, with its account', async () => {
  const { stdout: token } = await server.kubectl(['create', 'token', 'postern-dns', '-n', 'kube-system']);
  const { caData = '' } = await loadKubeconfig(server.kubeconfig);
  const account = '/var/run/secrets/kubernetes.io/serviceaccount';
  mkdirSync(account, { recursive: true });
  writeFileSync(join(account, 'token'), token.trim());
  writeFileSync(join(account, 'ca.crt'), caData);
  const { hostname, port } = new URL(server.url);
  const pod = { KUBERNETES_SERVICE_HOST: hostname, KUBERNETES_SERVICE_PORT: port, KUBECONFIG: '' };
  const child = spawn(PROGRAM, ['dns', '--listen', '127.0.0.1:0', '--metrics', 'none'], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...pod },
  });
  try {
    assert.match(await firstLine(child), /^ready/);
  } finally {
    child.kill('SIGKILL');
  }
});
