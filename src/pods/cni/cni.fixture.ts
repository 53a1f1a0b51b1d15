/** A real containerd whose sandboxes get onto the pod network: run by `cni.test.ts` in a world for containers. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Pod } from '../../api/core/v1/pod.ts';
import { fakeClient } from '../../client/fake.ts';
import { FakeClock } from '../../host/clock.ts';
import { silentLogger } from '../../host/log.ts';
import { runCommand } from '../../host/process.ts';
import { mustParseCIDR, printIP } from '../../lib/ip.ts';
import { cleanupPodNetwork, startPodNetwork } from '../../network/network.ts';
import type { PodNetwork } from '../../network/pod-network.ts';
import { listPorts } from '../../network/ports.ts';
import { makeLAN } from '../../network/testing/places.ts';
import type { PortMapping, SandboxConfig } from '../cri/cri.ts';
import { containerConfig, sandboxConfig } from '../testing/configs.ts';
import { startContainerd, type TestContainerd } from '../testing/containerd.ts';
import { HTTP_IMAGE } from '../testing/images.ts';
import { type CNI, cleanupCNI, letSandboxesGo, startCNI } from './cni.ts';
import { Collector } from './collector.ts';

const dir = mkdtempSync('/run/n-');
const logDirectory = join(dir, 'logs');
const cniState = join(dir, 'cni');
const client = fakeClient([]);
let containerd: TestContainerd;
let network: PodNetwork;
let cni: CNI;
let agent = new AbortController();

async function startAgent(): Promise<void> {
  agent = new AbortController();
  network = await startPodNetwork(
    {
      ...{ client, nodeName: 'node1', stateDir: join(dir, 'network'), clusterDomain: 'cluster.local' },
      podCIDRs: ['10.244.1.0/24', 'fd00:10:244:1::/64'].map(mustParseCIDR),
      ...{ lanInterface: 'lan', log: silentLogger },
    },
    agent.signal,
  );
  const { runtime } = containerd;
  cni = await startCNI({ client, network, runtime, stateDir: cniState, log: silentLogger }, agent.signal);
}

before(async () => {
  [containerd] = await Promise.all([startContainerd({ dir }), makeLAN(dir)]);
  await startAgent();
  await untilNetworkReady();
});
after(async () => {
  await containerd.stop();
  agent.abort();
  await cleanupPodNetwork();
});

/** containerd sees its folder change. */
async function untilNetworkReady(): Promise<void> {
  for (let i = 0; i < 500; i++) {
    const { conditions } = await containerd.runtime.status();
    if (conditions.some(({ type, status }) => type === 'NetworkReady' && status)) return;
    await new Promise((go) => setTimeout(go, 10));
  }
  throw new Error('the network of containerd does not become ready');
}

function config(name: string, portMappings: readonly PortMapping[] = []): SandboxConfig {
  return { ...sandboxConfig({ name, logDirectory, network: 'POD' }), portMappings };
}

async function end(id: string): Promise<void> {
  await containerd.runtime.stopSandbox(id);
  await containerd.runtime.removeSandbox(id);
}

test('a pod gets its leased addresses, is reached at them and at its host port, and leaves nothing behind', async () => {
  const { runtime } = containerd;
  const mapping: PortMapping = { protocol: 'TCP', containerPort: 8080, hostPort: 18_080, hostIP: '' };
  const sandbox = config('web', [mapping, { ...mapping, containerPort: 9000, hostPort: 0 }]);
  const id = await runtime.runSandbox(sandbox);
  const { ips } = await runtime.sandboxStatus(id);
  assert.deepEqual(
    network.ports().map(({ podUID, sandbox: owner, addresses }) => [podUID, owner, addresses.map(printIP)]),
    [['web-uid', id, ips]],
  );
  assert.equal(ips[0], '10.244.1.2');

  const web = containerConfig({ name: 'web', image: HTTP_IMAGE, network: 'POD' });
  const container = await runtime.createContainer(id, web, sandbox);
  await runtime.startContainer(container);
  const inside = async (...command: string[]) =>
    Buffer.from((await runtime.execSync(container, command, 5)).stdout).toString();
  assert.match(await inside('ip', 'addr', 'show', 'dev', 'lo'), /<LOOPBACK,UP/);
  assert.match(await inside('wget', '-qO-', 'http://127.0.0.1:8080/'), /^web\n$/);
  for (const url of [
    `http://${ips[0]}:8080/`,
    `http://[${ips[1]}]:8080/`,
    'http://192.0.2.1:18080/',
    'http://127.0.0.1:18080/',
  ]) {
    assert.equal((await runCommand(['curl', '-sS', '--max-time', '5', url])).stdout, 'web\n');
  }

  await end(id);
  assert.deepEqual([network.ports(), await listPorts(), readdirSync('/run/netns')], [[], [], []]);
  await end(id);
});

test('many pods begin at once, each with an address of its own', async () => {
  const { runtime } = containerd;
  const names = Array.from({ length: 4 }, (_, number) => `many-${number}`);
  const ids = await Promise.all(names.map((name) => runtime.runSandbox(config(name))));
  const ips = await Promise.all(ids.map(async (id) => (await runtime.sandboxStatus(id)).ips[0]));
  assert.equal(new Set(ips).size, names.length);
  await Promise.all(ids.map(end));
  assert.deepEqual([network.ports(), await listPorts(), readdirSync('/run/netns')], [[], [], []]);
});

test('while the agent is away a pod waits, and one that runs keeps its network', async () => {
  const { runtime } = containerd;
  const id = await runtime.runSandbox(config('stays'));
  const [address = ''] = (await runtime.sandboxStatus(id)).ips;
  agent.abort();
  await assert.rejects(runtime.runSandbox(config('waits')), /the postern agent of this node does not answer at/);
  const container = containerConfig({ name: 'web', image: HTTP_IMAGE, network: 'POD' });
  await runtime.startContainer(await runtime.createContainer(id, container, config('stays')));
  const fetched = async () => (await runCommand(['curl', '-sS', '--max-time', '5', `http://${address}:8080/`])).stdout;
  assert.equal(await fetched(), 'stays\n');

  await startAgent();
  // What could not be taken back either is kept by the runtime, for its caller to remove.
  const { id: failed = '' } = (await runtime.listSandboxes()).find(({ metadata }) => metadata.name === 'waits') ?? {};
  await end(failed);
  assert.equal(await fetched(), 'stays\n');
  const second = await runtime.runSandbox(config('waits'));
  assert.notEqual((await runtime.sandboxStatus(second)).ips[0], address);
  await end(id);
  await end(second);
  assert.deepEqual([network.ports(), await listPorts()], [[], []]);
});

test('sandboxes are let go of when everything else has ended', async () => {
  const { runtime } = containerd;
  const id = await runtime.runSandbox(config('last'));
  agent.abort();
  const letting = new AbortController();
  await letSandboxesGo({ stateDir: cniState, log: silentLogger }, letting.signal);
  await end(id);
  letting.abort();
  assert.deepEqual(readdirSync('/run/netns'), []);
  await startAgent();
  assert.deepEqual(network.ports(), []);
});

test('a sandbox that the runtime has forgotten gives its port back after two looks', async () => {
  const namespace = '/run/netns/cni-0123-abcd';
  writeFileSync(namespace, '');
  await runCommand(['unshare', `--net=${namespace}`, 'true']);
  await network.attach({ podUID: 'lost', podKey: 'ns/lost', hostname: 'lost', namespace, sandbox: 'lost' });
  const { runtime } = containerd;
  const options = { network, runtime, log: silentLogger, clock: new FakeClock(), run: runCommand };
  const collector = new Collector(options);
  await collector.look();
  assert.equal(network.ports().length, 1);
  await collector.look();
  assert.deepEqual([network.ports(), await listPorts(), existsSync(namespace)], [[], [], false]);
});

test('a port whose namespace is gone is given back at the start', async () => {
  const namespace = join(dir, 'gone');
  writeFileSync(namespace, '');
  await runCommand(['unshare', `--net=${namespace}`, 'true']);
  await network.attach({ podUID: 'gone', podKey: 'ns/gone', hostname: 'gone', namespace, sandbox: 'gone' });
  await runCommand(['ip', 'link', 'del', network.ports()[0]?.device ?? '']);
  agent.abort();
  await startAgent();
  assert.deepEqual(network.ports(), []);
  await runCommand(['umount', namespace]);
});

/** The plugin as a runtime starts it. */
function plugin(command: string, env: Readonly<Record<string, string>> = {}, program = 'postern') {
  const { status, stdout } = spawnSync(join(containerd.cni.binDir, program), {
    input: '{"cniVersion":"1.0.0","name":"postern","type":"postern"}',
    encoding: 'utf8',
    env: { PATH: process.env['PATH'], CNI_COMMAND: command, ...env },
  });
  return { status, said: stdout === '' ? undefined : JSON.parse(stdout) };
}

/** A conversation with the agent, which is this process: it must not be held up. */
async function asked(
  command: string,
  env: Readonly<Record<string, string>>,
): Promise<Readonly<Record<string, unknown>>> {
  const program = join(containerd.cni.binDir, 'postern');
  const variables = Object.entries({ CNI_COMMAND: command, ...env }).map(([name, value]) => `${name}=${value}`);
  const input = '{"cniVersion":"1.0.0","name":"postern","type":"postern"}';
  const said = await runCommand(['env', ...variables, program], { input }).catch((error: { stdout: string }) => error);
  return said.stdout === '' ? {} : (JSON.parse(said.stdout) as Readonly<Record<string, unknown>>);
}

test('the plugin speaks CNI: versions, results, checks and errors by their codes', async () => {
  assert.deepEqual(plugin('VERSION'), {
    status: 0,
    said: { cniVersion: '1.0.0', supportedVersions: ['0.3.1', '0.4.0', '1.0.0'] },
  });
  const namespace = join(dir, 'by-hand');
  writeFileSync(namespace, '');
  await runCommand(['unshare', `--net=${namespace}`, 'true']);
  const where = { CNI_CONTAINERID: 'by-hand', CNI_NETNS: namespace, CNI_IFNAME: 'eth0' };
  const pod = { CNI_ARGS: 'K8S_POD_NAMESPACE=default;K8S_POD_NAME=by-hand' };

  assert.deepEqual(await asked('ADD', { ...where, ...pod }), {
    ...{ cniVersion: '1.0.0', code: 100, msg: 'there is no pod default/by-hand' },
  });
  const made = await client.create(Pod, {
    ...{ apiVersion: 'v1', kind: 'Pod', metadata: { namespace: 'default', name: 'by-hand' } },
    spec: { containers: [{ name: 'c', image: 'none' }] },
  });
  const added = await asked('ADD', { ...where, ...pod });
  assert.equal(network.ports()[0]?.podUID, made.metadata.uid);
  const [v4 = '', v6 = ''] = network.ports()[0]?.addresses.map(printIP) ?? [];
  assert.deepEqual(added['ips'], [
    { address: `${v4}/32`, gateway: '10.244.1.1', interface: 1 },
    { address: `${v6}/128`, gateway: 'fd00:10:244:1::1', interface: 1 },
  ]);
  assert.deepEqual(await asked('CHECK', where), {});
  await runCommand(['nsenter', `--net=${namespace}`, 'ip', 'addr', 'flush', 'dev', 'eth0', 'scope', 'global']);
  assert.equal((await asked('CHECK', where))['msg'], `eth0 has lost ${v4} and ${v6}`);
  assert.equal((await asked('CHECK', { ...where, CNI_CONTAINERID: 'other' }))['code'], 3);
  assert.equal((await asked('ADD', { ...where, ...pod, CNI_NETNS: 'relative' }))['code'], 4);
  assert.deepEqual(await asked('DEL', where), {});
  assert.deepEqual(await asked('DEL', where), {});
  assert.deepEqual(network.ports(), []);

  assert.deepEqual(plugin('ADD', { CNI_NETNS: namespace }, 'loopback').said, {
    ...{ cniVersion: '1.0.0', interfaces: [{ name: 'lo', mac: '00:00:00:00:00:00' }], dns: {} },
  });
  assert.equal(plugin('ADD', { CNI_NETNS: join(dir, 'none') }, 'loopback').said.code, 5);
  await runCommand(['umount', namespace]);
});

test('a configuration of others that comes first is told of; what is ours is put back, and goes at clean-up', async () => {
  const { binDir, confDir } = containerd.cni;
  const [conf, foreign, later] = ['00-postern.conflist', '00-other.conf', '10-later.conf'].map((name) =>
    join(confDir, name),
  );
  assert.equal(statSync(join(cniState, 'cni.sock')).mode & 0o777, 0o600);
  writeFileSync(later ?? '', '{}');
  rmSync(conf ?? '');
  assert.equal(await cni.verify(), undefined);
  assert.deepEqual(readdirSync(confDir).sort(), ['00-postern.conflist', '10-later.conf']);
  writeFileSync(foreign ?? '', '{}');
  assert.match((await cni.verify()) ?? '', /00-other\.conf comes before 00-postern\.conflist/);

  writeFileSync(join(binDir, 'loopback'), 'of others');
  assert.match((await cni.verify()) ?? '', /00-other/);
  await cleanupCNI(cniState);
  await cleanupCNI(cniState);
  assert.deepEqual(
    [readdirSync(confDir).sort(), readdirSync(binDir)],
    [['00-other.conf', '10-later.conf'], ['loopback']],
  );
  assert.equal(readFileSync(join(binDir, 'loopback'), 'utf8'), 'of others');
});
