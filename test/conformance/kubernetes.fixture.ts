/**
 * Each part alone at an unmodified kube-apiserver, as `deploy/` runs it: its arguments, its account, its roles. Postern's controllers stand
 * in for those of Kubernetes, which are not there. Runs alone in fresh namespaces: see kubernetes.test.ts.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { before, test } from 'node:test';
import { ConfigMap } from '../../src/api/core/v1/configmap.ts';
import { Node } from '../../src/api/core/v1/node.ts';
import { Pod } from '../../src/api/core/v1/pod.ts';
import { Service } from '../../src/api/core/v1/service.ts';
import type { KubeObject } from '../../src/api/meta/v1.ts';
import { IMAGE_DIR, PROGRAM, PROGRAM_DIR } from '../../src/cli/wiring/defaults.ts';
import type { Endpoint } from '../../src/client/client.ts';
import { createClient } from '../../src/client/http-client.ts';
import { printKubeconfig } from '../../src/client/kubeconfig.ts';
import { runCommand } from '../../src/host/process.ts';
import { fileScope } from '../../src/store/etcd/etcd.fixture.ts';
import { BASES, type Base, kustomized, type Manifest, printed } from '../deploy/kustomize.ts';
import { fetchFrom, MACHINE, makeMachine } from '../e2e/machine.ts';
import { GUEST } from '../support/guest.ts';
import { ADDRESS, LATE, NODE, NODE_STATUS, POD_ADDRESS, POD_STATUS, POOL, WEB } from './kubernetes-objects.ts';
import { type KubernetesWorld, startKubernetes } from './kubernetes-world.ts';

/** How long a part may take until it works, in milliseconds. */
const READY_WITHIN = 30_000;
const deploy = (name: string) => join(PROGRAM_DIR, 'deploy', name);

const scope = fileScope();
const dir = mkdtempSync(join(tmpdir(), 'postern-kubernetes-'));
const started: ChildProcess[] = [];
const running: Part[] = [];
let world: KubernetesWorld;

interface Part {
  readonly child: ChildProcess;
  /** What it printed when it was ready. */
  readonly line: string;
  readonly said: () => string;
}

before(async () => {
  scope.after(() => rmSync(dir, { recursive: true, force: true }));
  await makeMachine();
  await runCommand(['mount', '-t', 'tmpfs', 'tmpfs', '/run']);
  await runCommand(['ip', 'address', 'add', `${POD_ADDRESS}/32`, 'dev', 'lo']);
  world = await startKubernetes(scope, dir, MACHINE);
  scope.after(() => {
    for (const child of started) child.kill('SIGKILL');
  });
  const pod = createServer((_, answer) => answer.end('web'));
  await new Promise<void>((resolve) => pod.listen(8080, POD_ADDRESS, resolve));
  scope.after(() => void pod.close());
});

async function eventually<T>(what: string, look: () => Promise<T | undefined>, limit = 20_000): Promise<T> {
  for (const start = Date.now(); Date.now() - start < limit; ) {
    const found = await look();
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`${what} did not come about; parts said:\n${running.map(({ said }) => said()).join('\n')}`);
}

/** Starts a part and waits until it works. */
async function start(words: readonly string[], env: NodeJS.ProcessEnv): Promise<Part> {
  const child = spawn(PROGRAM, words, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  started.push(child);
  const line = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).once('line', resolve);
    child.once('exit', (code) => reject(new Error(`postern ${words.join(' ')} ended with ${code}\n${said}`)));
    setTimeout(() => reject(new Error(`postern ${words.join(' ')} is not ready\n${said}`)), READY_WITHIN).unref();
  });
  const part = { child, line, said: () => said };
  running.push(part);
  assert.match(line, /^ready/);
  return part;
}

const workloads = async (base: Base): Promise<readonly Manifest[]> =>
  (await kustomized(base)).filter(({ kind }) => kind === 'DaemonSet' || kind === 'Deployment');

/** Starts what a workload of a base runs, as its account. */
async function startWorkload(base: Base, name: string, ...more: readonly string[]): Promise<Part> {
  const found = (await workloads(base)).find(({ metadata }) => metadata.name === name);
  assert.ok(found);
  const { serviceAccountName, containers } = found['spec'].template.spec;
  const words = containers[0].args.map((word: string) => word.replace('$(NODE_NAME)', 'node1'));
  const endpoint = await world.account(found.metadata.namespace ?? '', serviceAccountName);
  return start([...words, ...more], { KUBECONFIG: keep(name, endpoint) });
}

function keep(name: string, endpoint: Endpoint): string {
  const path = join(dir, `${name}.kubeconfig`);
  writeFileSync(path, printKubeconfig({ endpoint, name }), { mode: 0o600 });
  return path;
}

const patchStatus = (kind: string, name: string, status: object) =>
  world.kubectl(['patch', kind, name, '--subresource=status', '--type=merge', '-p', JSON.stringify(status)]);

test('takes all that deploy/ has, and the pods that it asks for, without a warning', async () => {
  const apply = (...args: readonly string[]) => world.kubectl(['apply', '--warnings-as-errors', ...args]);
  await apply('-f', deploy('crds'));
  await world.kubectl(['wait', '--for=condition=Established', 'crd', '--all', '--timeout=20s']);
  await apply('-f', deploy('l2/namespace.yaml'));
  for (const base of BASES) await apply('-k', deploy(base));
  const found = (await Promise.all(BASES.map(workloads))).flat();
  const pods = found.map(({ metadata: { name, namespace }, spec }) => ({
    ...{ apiVersion: 'v1', kind: 'Pod', metadata: { ...spec.template.metadata, name, namespace } },
    spec: spec.template.spec,
  }));
  const one = new Map(pods.map((pod) => [pod.metadata.name, pod] as const));
  const input = printed([...one.values()] as never);
  await world.kubectl(['create', '--dry-run=server', '--warnings-as-errors', '-f', '-'], input);
});

test('is served by controllers of Postern in place of its own', async () => {
  // What deploy/ runs does its own work here, and there is no cloud.
  const only = '*,-cloud,-nodeipam,-loadbalancer,-metallb,-virtualmachine,-virtualmachineinstance';
  // There is no kubelet that gives signs of life.
  const patient = ['--node-monitor-grace-period', '3600s'];
  await start(['controllers', '--only', only, ...patient], { KUBECONFIG: keep('admin', world.admin) });
  await eventually('the service account', () =>
    world.kubectl(['get', 'serviceaccount', 'default', '-o', 'name']).catch(() => undefined),
  );
  await world.kubectl(['create', '-f', '-'], NODE);
  await patchStatus('node', 'node1', NODE_STATUS);
  await world.kubectl(['create', '-f', '-'], WEB);
  await patchStatus('pod', 'web', POD_STATUS);
  const path = 'jsonpath={.items[*].endpoints[*].addresses[0]}';
  const slices = ['get', 'endpointslices', '-l', 'kubernetes.io/service-name=web', '-o', path];
  await eventually('the slice', async () => ((await world.kubectl(slices)) === POD_ADDRESS ? true : undefined));
});

test('proxy: connections to cluster IPs reach their pods, and the API itself', async () => {
  await startWorkload('proxy', 'postern-proxy', '--cluster-cidr', '10.244.0.0/16');
  assert.equal(await fetchFrom('http://10.96.0.80/'), 'web');
  const ca = join(dir, 'pki', 'ca.pem');
  assert.equal((await runCommand(['curl', '-sS', '-m', '5', '--cacert', ca, 'https://10.96.0.1/livez'])).stdout, 'ok');
});

let dnsPort = '';
async function dig(name: string, type: string): Promise<string> {
  const question = ['+short', `${name}.svc.cluster.local`, type];
  return (await runCommand(['dig', '@127.0.0.1', '-p', dnsPort, ...question])).stdout.trim();
}

test('dns: a pod asks for Services by name, and finds the API as every pod does', async () => {
  const { token = '' } = await world.account('kube-system', 'postern-dns');
  const account = '/var/run/secrets/kubernetes.io/serviceaccount';
  mkdirSync(account, { recursive: true });
  writeFileSync(join(account, 'token'), token);
  writeFileSync(join(account, 'ca.crt'), world.caData);
  const { line } = await start(['dns', '--listen', '127.0.0.1:0', '--metrics', 'none'], {
    ...{ KUBERNETES_SERVICE_HOST: '10.96.0.1', KUBERNETES_SERVICE_PORT: '443', KUBECONFIG: '' },
  });
  dnsPort = /:(\d+)$/.exec(line)?.[1] ?? '';
  assert.equal(await dig('web.default', 'A'), '10.96.0.80');
  assert.equal(await dig('kubernetes.default', 'A'), '10.96.0.1');
  assert.equal(await dig('_http._tcp.web.default', 'SRV'), '0 100 80 web.default.svc.cluster.local.');
});

test('l2: Services get addresses of pools, which a node announces', async () => {
  await world.kubectl(['create', '-f', '-'], POOL);
  await startWorkload('l2', 'postern-loadbalancer');
  await startWorkload('l2', 'postern-l2', '--metrics', 'none');
  await world.kubectl(['patch', 'service', 'web', '-p', '{"spec":{"type":"LoadBalancer"}}']);
  await world.kubectl([
    ...['wait', 'service/web', '--timeout=20s'],
    `--for=jsonpath={.status.loadBalancer.ingress[0].ip}=${ADDRESS}`,
  ]);
  const announced = ['get', 'servicel2statuses', '-A', '-o', 'jsonpath={.items[*].status.serviceName}'];
  await eventually('the announcement', async () => ((await world.kubectl(announced)) === 'web' ? true : undefined));
  assert.equal(await fetchFrom(`http://${ADDRESS}/`), 'web');
  const lease = ['get', 'lease', '-n', 'kube-system', 'postern-controllers-loadbalancer-metallb', '-o', 'name'];
  assert.match(await world.kubectl(lease), /^lease/);
});

/** The guest's address. */
let guest = '';

test('vm: a guest boots on a Node of guests, and answers', async () => {
  const own = ['--state-dir', join(dir, 'guests'), '--image-dir', IMAGE_DIR];
  const cidrs = ['--pod-cidr', '10.245.1.0/24', '--cluster-cidr', '10.245.0.0/16'];
  await startWorkload('vm', 'postern-vm', ...own, ...cidrs);
  await startWorkload('vm', 'postern-virtualmachines');
  await world.kubectl(['create', '-f', '-'], GUEST);
  await world.kubectl(['wait', 'virtualmachine/guest', '--for=condition=Ready', '--timeout=60s']);
  guest = await world.kubectl(['get', 'vmi', 'guest', '-o', 'jsonpath={.status.interfaces[0].ipAddress}']);
  assert.equal(await fetchFrom(`http://${guest}:9376/`), 'guest');
});

test('custom resources are shown with their columns', async () => {
  const columns = async (plural: string) =>
    (await world.kubectl(['get', plural, '-A'])).split('\n')[0]?.trim().split(/ {2,}/);
  assert.deepEqual(await columns('vm'), ['NAMESPACE', 'NAME', 'AGE', 'STATUS', 'READY']);
  assert.deepEqual(await columns('vmi'), ['NAMESPACE', 'NAME', 'AGE', 'PHASE', 'IP', 'NODENAME', 'READY']);
  const [pool, line] = (await world.kubectl(['get', 'ipaddresspools', '-n', 'metallb-system'])).split('\n');
  assert.match(pool ?? '', /^NAME +AUTO ASSIGN +AVOID BUGGY IPS +ADDRESSES/);
  assert.match(line ?? '', /^lan +true +false +\["192\.0\.2\.100-192\.0\.2\.109"\]/);
  const [, status] = (await world.kubectl(['get', 'servicel2statuses', '-n', 'metallb-system'])).split('\n');
  assert.match(status ?? '', /node1 +web +default/);
});

/** Of this process, to the API. */
async function connectionCount(): Promise<number> {
  const { stdout } = await runCommand([
    'ss',
    '-Htnp',
    'state',
    'established',
    'dst',
    `${MACHINE}:${world.server.port}`,
  ]);
  return stdout.split('\n').filter((line) => line.includes(`pid=${process.pid},`)).length;
}

test('watches share a connection of HTTP/2', async (t) => {
  const client = createClient(world.admin);
  t.after(() => client.close());
  const { metadata } = JSON.parse(await world.kubectl(['get', '--raw', '/api/v1/services']));
  const ended = new AbortController();
  const changes = [Service, Pod, Node, ConfigMap].map((kind) =>
    client.watch<KubeObject>(kind, metadata, ended.signal)[Symbol.asyncIterator](),
  );
  const firsts = Promise.all(changes.map(async (change) => (await change.next()).value?.type));
  await world.kubectl(['create', 'configmap', 'seen']);
  await world.kubectl(['label', 'service/web', 'pod/web', 'node/node1', 'example=seen']);
  assert.equal((await firsts).length, 4);
  assert.equal(await connectionCount(), 1);
  ended.abort();
});

test('watches get the bookmarks that they ask for', async (t) => {
  const client = createClient(world.admin);
  t.after(() => client.close());
  const query = 'watch=true&allowWatchBookmarks=true&timeoutSeconds=4&resourceVersion=';
  const { resourceVersion } = await client.list(ConfigMap);
  const answer = client.raw('GET', `/api/v1/configmaps?${query}${resourceVersion}`);
  const marked = await client.create(ConfigMap, nothing('marked'));
  const text = String(await answer);
  const bookmark = text.split('\n').findLast((line) => line.includes('BOOKMARK')) ?? '{}';
  const { resourceVersion: reached } = JSON.parse(bookmark).object?.metadata ?? {};
  assert.ok(Number(reached) >= Number(marked.metadata.resourceVersion), text);
});

const nothing = (name: string) => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'default' } });

test('long lists are read in pages', async (t) => {
  const client = createClient(world.admin);
  t.after(() => client.close());
  const names = Array.from({ length: 620 }, (_, i) => `many-${i}`);
  for (let at = 0; at < names.length; at += 20) {
    await Promise.all(names.slice(at, at + 20).map((name) => client.create(ConfigMap, nothing(name))));
  }
  const { items } = await client.list(ConfigMap, { namespace: 'default' });
  assert.equal(items.filter(({ metadata }) => metadata.name?.startsWith('many-')).length, names.length);
  const pages = (await world.audit()).filter(
    ({ verb, requestURI }) => verb === 'list' && requestURI.includes('continue='),
  );
  assert.ok(pages.length > 0);
});

/** While it starts, a kube-apiserver knows neither all roles nor all kinds. */
let [startingAt, readyAt] = [0, 0];

test('a kube-apiserver that is killed takes nothing along: traffic goes on, and so do the parts once it is back', async () => {
  await world.server.end('SIGKILL');
  assert.equal(await fetchFrom('http://10.96.0.80/'), 'web');
  assert.equal(await fetchFrom(`http://${ADDRESS}/`), 'web');
  assert.equal(await fetchFrom(`http://${guest}:9376/`), 'guest');
  assert.equal(await dig('web.default', 'A'), '10.96.0.80');
  startingAt = Date.now();
  await world.server.restart();
  readyAt = Date.now();
  // From the Service on every part has to do its share.
  await world.kubectl(['apply', '-f', '-'], LATE);
  await eventually(
    'the late Service',
    async () => (await fetchFrom('http://192.0.2.101/').catch(() => '')) === 'web' || undefined,
  );
  await eventually('its name', async () => ((await dig('late.default', 'A')) === '10.96.0.81' ? true : undefined));
  assert.equal(await fetchFrom('http://10.96.0.81/'), 'web');
  await world.kubectl(['patch', 'vm', 'guest', '--type=merge', '-p', '{"spec":{"runStrategy":"Halted"}}']);
  await world.kubectl(['wait', 'vmi/guest', '--for=delete', '--timeout=60s']);
});

/** Of answers that parts live with. */
const isExpected = (code: number, message: string): boolean =>
  // Somebody else was faster, or an object is not there yet, or any more.
  code === 409 ||
  (code === 404 && /"[^"]+" not found$/.test(message)) ||
  // A kube-apiserver makes the stores of custom resources when they are first asked for, ready as it says it is.
  (code === 429 && message === 'storage is (re)initializing');

test('nothing was refused that a part asked for', async () => {
  const parts = (await world.audit()).filter(
    ({ userAgent, requestURI }) => userAgent === 'postern' && requestURI !== '/readyz',
  );
  const users = new Set(parts.map(({ user }) => user.username));
  assert.equal(users.size, 7, [...users].join());
  const failed = parts.filter(({ responseStatus: { code = 0, message = '' } = {}, requestReceivedTimestamp }) => {
    const time = Date.parse(requestReceivedTimestamp);
    return code >= 400 && !isExpected(code, message) && !(time >= startingAt && time <= readyAt);
  });
  const texts = failed.map(
    ({ user, verb, requestURI, responseStatus }) =>
      `${user.username} ${verb} ${requestURI}: ${responseStatus?.code} ${responseStatus?.message}`,
  );
  assert.deepEqual([...new Set(texts)], []);
});

test('parts end when they are asked to, and have nothing to complain of', async () => {
  for (const { child, said } of running.splice(0).reverse()) {
    const exited = once(child, 'exit');
    child.kill('SIGTERM');
    assert.deepEqual(await exited, [0, null], said());
    assert.doesNotMatch(said(), /Warning: |"level":[56]0/);
  }
});
