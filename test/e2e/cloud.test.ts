/** The controller for clouds alone, as a process, between an API server and what stands for Oracle's cloud. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { parse } from 'yaml';
import { type Json, SERVICES, startTestServer, type TestServer } from '../../src/apiserver/testing/server.ts';
import { PROGRAM } from '../../src/cli/wiring/defaults.ts';
import { printKubeconfig } from '../../src/client/kubeconfig.ts';
import { type OciServer, startOciServer } from '../../src/controllers/cloud/oci/testing/server.ts';
import { type LesserApi, startLesserApi } from './lesser-api.ts';

const NODES = '/api/v1/nodes';

let api: TestServer;
let lesser: LesserApi;
let cloud: OciServer;
let running: ChildProcess | undefined;
let said = '';

before(async () => {
  api = await startTestServer();
  // Work there is done as soon as somebody looks: what it takes is tested beside the provider.
  cloud = await startOciServer({ nodes: ['node1', 'node2'], pace: { kind: 'polls', count: 0 } });
  lesser = await startLesserApi({ kubeconfig: await api.kubeconfig(), lacks: ['kubevirt.io', 'metallb.io'] });
  for (const { name, privateIp } of cloud.nodes) {
    const taints = [{ key: 'node.cloudprovider.kubernetes.io/uninitialized', value: 'true', effect: 'NoSchedule' }];
    await made('POST', NODES, { apiVersion: 'v1', kind: 'Node', metadata: { name }, spec: { taints } });
    const status = {
      addresses: [{ type: 'InternalIP', address: privateIp }],
      conditions: [{ type: 'Ready', status: 'True' }],
    };
    await made('PATCH', `${NODES}/${name}/status`, { status }, 'application/merge-patch+json');
  }
});

after(async () => {
  await end('SIGTERM');
  await lesser?.close();
  await cloud?.stop();
  await api?.close();
});

test('Services get load balancers and open node ports, nodes are known, by one process with few rights', async () => {
  const before = rules();
  await start();
  for (const example of ['load-balancer', 'network-load-balancer', 'node-port']) {
    await made('POST', SERVICES, parse(await readFile(`examples/oci/${example}.yaml`, 'utf8')));
  }
  for (const name of ['web', 'dns']) {
    const { metadata, status } = await eventually(async () => {
      const found = await get(name);
      return found.status.loadBalancer?.ingress?.[0]?.ip === undefined ? undefined : found;
    });
    assert.deepEqual(metadata.finalizers, ['service.kubernetes.io/load-balancer-cleanup']);
    const [balancer, ...others] = balancers().filter(({ displayName }) => displayName?.includes(metadata.uid));
    assert.deepEqual(others, []);
    assert.ok(balancer?.ipAddresses?.some(({ ipAddress }) => ipAddress === status.loadBalancer.ingress[0].ip));
  }
  const bare = (await get('bare')).spec.ports[0].nodePort;
  await eventually(async () => (JSON.stringify(rules()).includes(`"min":${bare}`) ? true : undefined));
  await eventually(async () => {
    const { body } = await api.call('GET', NODES);
    const ready = (body.items as readonly Json[]).every(({ spec }) => spec.providerID && spec.taints === undefined);
    return ready ? true : undefined;
  });

  for (const name of ['web', 'dns', 'bare']) await api.call('DELETE', `${SERVICES}/${name}`);
  for (const name of ['web', 'dns']) {
    await eventually(async () => ((await api.call('GET', `${SERVICES}/${name}`)).code === 404 ? true : undefined));
  }
  await eventually(async () => (isDeepStrictEqual(rules(), before) ? true : undefined));
  assert.deepEqual(balancers(), []);
  assert.deepEqual(groups(), []);
  assert.deepEqual([...lesser.asked].sort(), [
    'create events',
    'get namespaces',
    'list nodes',
    'list services',
    'patch nodes',
    'patch nodes/status',
    'patch services',
    'patch services/status',
    'watch nodes',
    'watch services',
  ]);
});

test('killed while a load balancer is being made, it goes on with that one, and leaves nothing when killed while removing it', async () => {
  await made('POST', SERVICES, service('web', { type: 'LoadBalancer' }));
  await eventually(async () => (balancers().length > 0 ? true : undefined));
  await end('SIGKILL');
  await start();
  await eventually(async () => (await get('web')).status.loadBalancer?.ingress);
  assert.equal(balancers().length, 1);
  const deletions = () => cloud.requests.filter(({ call }) => call === 'deleteLoadBalancer').length;
  const before = deletions();
  await api.call('DELETE', `${SERVICES}/web`);
  await eventually(async () => (deletions() > before ? true : undefined));
  await end('SIGKILL');
  await start();
  await eventually(async () => ((await api.call('GET', `${SERVICES}/web`)).code === 404 ? true : undefined));
  assert.deepEqual(balancers(), []);
});

test('credentials are in nothing that it says', async () => {
  await end('SIGTERM');
  assert.doesNotMatch(said, /PRIVATE KEY|Signature version/);
  assert.ok(said.includes('"level"'), 'nothing was logged at all');
});

/** Everything that is there and costs money. */
const balancers = () =>
  [...cloud.state.loadBalancers.all(), ...cloud.state.networkLoadBalancers.all()].filter(
    ({ lifecycleState }) => lifecycleState !== 'DELETED',
  );

const groups = () =>
  cloud.state.networkSecurityGroups.all().filter(({ lifecycleState }) => lifecycleState !== 'TERMINATED');

/** All rules of all security lists. */
const rules = () =>
  cloud.state.securityLists
    .all()
    .map(({ id, ingressSecurityRules, egressSecurityRules }) => ({ id, ingressSecurityRules, egressSecurityRules }));

async function start(): Promise<void> {
  const kubeconfig = join(api.dir, 'lesser');
  await writeFile(kubeconfig, printKubeconfig({ endpoint: { server: lesser.url }, name: 'lesser' }), { mode: 0o600 });
  const args = ['controllers', '--only', 'cloud', '--cloud-provider', 'oci', '--kubeconfig', kubeconfig];
  const env = { ...process.env, POSTERN_LOG: 'debug' };
  running = spawn(PROGRAM, [...args, '--cloud-config', await cloud.configFile()], { stdio: 'pipe', env });
  running.stderr?.setEncoding('utf8').on('data', (text) => {
    said += text;
  });
  assert.ok(running.stdout);
  const [first] = await Promise.race([once(running.stdout.setEncoding('utf8'), 'data'), once(running, 'exit')]);
  assert.equal(first, 'ready\n', said);
}

async function end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  if (running === undefined || running.exitCode !== null || running.signalCode !== null) return;
  const exited = once(running, 'exit');
  running.kill(signal);
  const [code] = await exited;
  if (signal === 'SIGTERM') assert.equal(code, 0);
}

function service(name: string, spec: object): Json {
  return { apiVersion: 'v1', kind: 'Service', metadata: { name }, spec: { ports: [{ port: 80 }], ...spec } };
}

async function get(name: string): Promise<Json> {
  return (await api.call('GET', `${SERVICES}/${name}`)).body;
}

async function made(method: string, path: string, body: Json, type = 'application/json'): Promise<void> {
  const { code, text } = await api.call(method, path, { body, type });
  assert.ok(code < 300, text);
}

/** Looks every 50 ms until there is something; fails after 20 seconds. */
async function eventually<T>(look: () => Promise<T | undefined>): Promise<T> {
  for (let tries = 0; tries < 400; tries++) {
    const found = await look();
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return assert.fail(`did not come about within 20 seconds; it said:\n${said.slice(-4000)}`);
}
