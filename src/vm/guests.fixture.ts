/**
 * Real guests on a real pod network, for `guests.test.ts`, which runs this in network and mount namespaces of its own:
 * `node guests.fixture.ts IMAGE_DIR STATE_DIR`. Prints what it saw as one JSON object.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { Pod } from '../api/core/v1/pod.ts';
import { VirtualMachineInstance } from '../api/kubevirt/v1/virtualmachineinstance.ts';
import { fakeClient } from '../client/fake.ts';
import { Informers } from '../client/informers.ts';
import { silentLogger } from '../host/log.ts';
import { runCommand } from '../host/process.ts';
import { mustParseCIDR } from '../lib/ip.ts';
import { cleanupPodNetwork, startPodNetwork } from '../network/network.ts';
import { consolePath, runInGuest } from './console/console.ts';
import { instance, instanceSpec } from './testing/instance.ts';
import { startVMs } from './vms.ts';

const [, , imageDir = '', stateDir = ''] = process.argv;
const NAMESPACE = 'example-namespace';
const LIMIT = 60_000;

const client = fakeClient();
const parts = new AbortController();
const networkState = join(stateDir, 'network');

/** Waits for the API to say so, as its watchers would see it. */
async function until<T>(what: string, look: () => Promise<T | undefined>): Promise<T> {
  const deadline = performance.now() + LIMIT;
  for (;;) {
    const seen = await look();
    if (seen !== undefined) return seen;
    if (performance.now() > deadline) throw new Error(`${what}: not within ${LIMIT} ms; ${await describe()}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

const podOf = (name: string) =>
  client.get(Pod, { namespace: NAMESPACE, name: `virt-launcher-${name}-abcde` }).catch(() => undefined);
const vmiOf = (name: string) => client.get(VirtualMachineInstance, { namespace: NAMESPACE, name });
const describe = async () => JSON.stringify((await client.list(Pod)).items.map((pod) => pod.status));

async function readyPod(name: string): Promise<Pod | undefined> {
  const pod = await podOf(name);
  return pod?.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ? pod : undefined;
}

async function createGuest(name: string, image?: string): Promise<void> {
  const kernelBoot = { container: { image: image ?? '', kernelPath: '/boot/vmlinuz' } };
  const spec = instanceSpec(image === undefined ? {} : { firmware: { kernelBoot } }, {
    readinessProbe: { httpGet: { path: '/', port: 9376 } },
  });
  const vmi = await client.create(VirtualMachineInstance, instance(name, spec));
  const { apiVersion, kind } = vmi;
  await client.create(Pod, {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: `virt-launcher-${name}-abcde`,
      namespace: NAMESPACE,
      labels: { 'kubevirt.io': 'virt-launcher' },
      ownerReferences: [{ apiVersion, kind, name, uid: vmi.metadata.uid ?? '', controller: true }],
    },
    spec: { nodeName: 'node1', containers: [{ name: 'compute', image: 'postern/guest' }] },
  });
}

function fetchText(host: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const call = request({ host, port: 9376, path: '/', agent: false, timeout: 5000 }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part) => {
        text += part;
      });
      response.on('end', () => resolve(text.trim()));
    });
    call.on('error', reject).end();
  });
}

function qemuPid(pod: Pod | undefined): number {
  return Number(readFileSync(join(stateDir, 'vms', 'guests', pod?.metadata.uid ?? '', 'qemu.pid'), 'utf8'));
}

/** One that has ended and that nobody has asked about yet has no command line any more. */
function isRunning(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8') !== '';
  } catch {
    return false;
  }
}

async function main(): Promise<object> {
  await runCommand(['ip', 'link', 'set', 'lo', 'up']);
  const podCIDRs = ['10.244.1.0/24', 'fd00:10:244:1::/64'].map(mustParseCIDR);
  const common = { client, nodeName: 'node1', log: silentLogger };
  const network = await startPodNetwork(
    { ...common, podCIDRs, stateDir: networkState, clusterDomain: 'cluster.local' },
    parts.signal,
  );
  const own = { hostIPs: ['192.0.2.1'], network, stateDir: join(stateDir, 'vms'), imageDir };
  /** As a new process begins: it knows nothing yet. */
  const options = () => ({ ...common, ...own, informers: new Informers(common) });
  const vms = await startVMs(options(), parts.signal);

  await Promise.all([createGuest('guest-a'), createGuest('guest-b'), createGuest('guest-c', 'example.com/none')]);
  const ready = await until('guest-a is ready', () => readyPod('guest-a'));
  await until('guest-b is ready', () => readyPod('guest-b'));
  const addresses = (ready.status?.podIPs ?? []).map(({ ip }) => ip);
  const names = await Promise.all(addresses.map(fetchText));
  const console = consolePath(own.stateDir, { namespace: NAMESPACE, name: 'guest-b' });
  const [v4 = '', v6 = ''] = addresses;
  const commands = [
    `wget -qO- http://${v4}:9376/`,
    `wget -qO- 'http://[${v6}]:9376/'`,
    'cat /etc/resolv.conf',
    'echo "it failed" >&2; exit 3',
  ];
  const inGuest = [];
  for (const command of commands) inGuest.push(await runInGuest(console, command, { timeout: 20_000 }));
  const blocked = (await vmiOf('guest-c')).status?.conditions?.find(({ type }) => type === 'Ready');

  // The agent is stopped and started again; the guests run on and are not doubled.
  const pids = [qemuPid(await podOf('guest-a')), qemuPid(await podOf('guest-b'))];
  await vms.stop('leave');
  const again = await startVMs(options(), parts.signal);
  const after = [qemuPid(await podOf('guest-a')), qemuPid(await podOf('guest-b'))];
  const afterRestart = await runInGuest(console, 'hostname', { timeout: 20_000 });

  process.kill(pids[0] ?? 0, 'SIGKILL');
  const killedAt = performance.now();
  const killed = await until('the killed guest is reported', async () => {
    const pod = await podOf('guest-a');
    return pod?.status?.phase === 'Failed' ? pod : undefined;
  });
  const reportedAfter = performance.now() - killedAt;

  await client.delete(Pod, { namespace: NAMESPACE, name: 'virt-launcher-guest-b-abcde' });
  await until('the deleted pod goes', async () => ((await podOf('guest-b')) === undefined ? true : undefined));
  const deleted = (await vmiOf('guest-b')).status?.phase;

  // While the agent is away a guest's pod goes, as with a Node that somebody deleted: the guest runs elsewhere by now.
  await createGuest('guest-d');
  const forgotten = await until('guest-d runs', async () => {
    const pod = await podOf('guest-d');
    return pod?.status?.phase === 'Running' ? qemuPid(pod) : undefined;
  });
  await again.stop('leave');
  client.remove(Pod, { namespace: NAMESPACE, name: 'virt-launcher-guest-d-abcde' });
  const ranOn = isRunning(forgotten);
  const back = await startVMs(options(), parts.signal);
  await until('the forgotten guest ends', async () => (isRunning(forgotten) ? undefined : true));

  await back.stop('end');
  parts.abort();
  await cleanupPodNetwork();
  const left = {
    guests: readdirSync(join(stateDir, 'vms', 'guests')),
    links: (await runCommand(['ip', '-br', 'link'])).stdout.trim().split('\n').length,
    rules: (await runCommand(['nft', 'list', 'ruleset'])).stdout.trim(),
  };
  return {
    addresses,
    names,
    inGuest,
    blocked,
    pids,
    after,
    afterRestart,
    killed: { reportedAfter, message: killed.status?.message },
    deleted,
    ranOn,
    left,
  };
}

main().then(
  (seen) => process.stdout.write(JSON.stringify(seen), () => process.exit(0)),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`, () => process.exit(1));
  },
);
