/** A machine in namespaces of its own that joins a server with a token, and a second one of its name; prints what was seen as JSON. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { Lease } from '../../src/api/coordination/v1/lease.ts';
import { Node } from '../../src/api/core/v1/node.ts';
import { findCondition, isTrue } from '../../src/api/meta/conditions.ts';
import { PROGRAM } from '../../src/cli/wiring/defaults.ts';
import { createClient } from '../../src/client/http-client.ts';
import { loadKubeconfig } from '../../src/client/kubeconfig.ts';
import { runCommand } from '../../src/host/process.ts';
import { MACHINE, machineState, makeMachine } from './machine.ts';

/** Seconds that a certificate of a node lives here: it is renewed between 14 s and 18 s. */
const LIFE = 20;
/** Of the machine that becomes the node later. */
const OTHER = '192.0.2.20';

const FLAGS: Readonly<Record<string, readonly string[]>> = {
  lives: ['--cluster-signing-duration', `${LIFE}s`],
  replaced: ['--node-monitor-grace-period', '6s'],
};
const story = process.argv[2] ?? 'lives';

await makeMachine();
const dir = await mkdtemp(join(tmpdir(), 'postern-test-'));
const stateBefore = await machineState();
const socket = join(dir, 'api.sock');
const serverArgs = ['server', '--data-dir', join(dir, 'server'), '--listen', `${MACHINE}:0`, '--socket', socket];
const server = await start([...serverArgs, ...(FLAGS[story] ?? [])]);
const url = /^ready (\S+)/.exec(server.line)?.[1] ?? '';
const kubeconfig = join(dir, 'server', 'kubeconfig');
const client = createClient(await loadKubeconfig(kubeconfig));
const made = await runCommand([PROGRAM, 'token', 'create', '--kubeconfig', kubeconfig, '-o', 'json']);
const tokenFile = join(dir, 'token');
await writeFile(tokenFile, (JSON.parse(made.stdout) as { token: string }).token, { mode: 0o600 });

const agentArgs = (state: string, ...more: readonly string[]) => [
  ...['agent', '--state-dir', join(dir, state), '--node-name', 'n1', '--container-runtime-endpoint', 'none'],
  ...['--node-lease-duration', '4s', ...more],
];
const joining = ['--server', url, '--token-file', tokenFile];

const began = performance.now();
const agent = await start(agentArgs('a', ...joining));
const node = await eventually(async () => {
  const { items } = await client.list(Node);
  return items.find(({ status }) => isTrue(status?.conditions, 'Ready'));
});
const joinedIn = performance.now() - began;
const seen = story === 'replaced' ? await replaced(agent) : await lives(agent);

const metrics = (await client.raw('GET', '/metrics')) as string;
const refused = metrics.split('\n').filter((line) => /^apiserver_request_total\{.*code="40[13]"/.test(line));
client.close();
await stop(server.child, 'SIGTERM');
const result = {
  joinedIn: Math.round(joinedIn),
  podCIDRs: node.spec?.podCIDRs,
  agentId: node.metadata.annotations?.['postern.dev/agent-id'],
  ...seen,
  refused,
  stateBefore,
  stateAfter: await machineState(),
};
await rm(dir, { recursive: true, force: true });
process.stdout.write(JSON.stringify(result));

/** The node keeps its name, renews its certificate, and is there again without a token. */
async function lives({ child }: Started): Promise<object> {
  const first = await readFile(join(dir, 'a', 'client.pem'), 'utf8');
  // Another machine of the name, with a token as good as the first: it is told before it has touched anything.
  const taken = await ended(agentArgs('b', ...joining));
  // As one that has a certificate of the node already, such as a copy of the first machine's disk.
  await runCommand(['cp', '-r', join(dir, 'a'), join(dir, 'c')]);
  await rm(join(dir, 'c', 'agent-id'));
  const copied = await ended(agentArgs('c'));

  await eventually(async () => ((await readFile(join(dir, 'a', 'client.pem'), 'utf8')) === first ? undefined : true));
  // Past the end of the first certificate, and of all connections that it could have been good for.
  await sleep(Math.max(0, LIFE * 1000 - (performance.now() - began)) + 3000);
  const renewals = async () =>
    (await client.get(Lease, { namespace: 'kube-node-lease', name: 'n1' })).spec?.renewTime ?? '';
  const before = await renewals();
  const goesOn = await eventually(async () => ((await renewals()) > before ? true : undefined));

  await stop(child, 'SIGKILL');
  await rm(tokenFile);
  const again = await start(agentArgs('a', '--on-stop', 'end'));
  await stop(again.child, 'SIGTERM');
  return { taken, copied, goesOn, againReady: again.line };
}

/** The agent stands still until it counts as lost, another machine becomes the node, and then it goes on. */
async function replaced(agent: Started): Promise<object> {
  agent.child.kill('SIGSTOP');
  await eventually(async () => {
    const { status } = await client.get(Node, { name: 'n1' });
    return findCondition(status?.conditions, 'Ready')?.status === 'Unknown' ? true : undefined;
  });
  const script = [
    ...['ip link set lo up', 'ip link add lan0 type veth peer name lan1', 'ip link set lan1 up', 'ip link set lan0 up'],
    ...[`ip address add ${OTHER}/24 dev lan0`, 'ip route add default via 192.0.2.1', 'exec "$0" "$@"'],
  ].join(' && ');
  const args = agentArgs('b', ...joining, '--api-socket', socket);
  const successor = await start(args, ['unshare', '--net', 'sh', '-c', script]);
  agent.child.kill('SIGCONT');
  const lost = await agent.ended;
  const successorGoesOn = await eventually(async () => {
    const { status } = await client.get(Node, { name: 'n1' });
    return status?.addresses?.some(({ address }) => address === OTHER) ? isTrue(status.conditions, 'Ready') : undefined;
  });
  await stop(successor.child, 'SIGTERM');
  return { lost, successorGoesOn };
}

interface Ended {
  readonly code: number | null;
  /** What it said to people, without its log. */
  readonly said: string;
}

interface Started {
  readonly child: ChildProcess;
  /** The first that it printed. */
  readonly line: string;
  readonly ended: Promise<Ended>;
}

/** Starts the program, as what `within` runs if that is something, and waits for its ready line. */
async function start(args: readonly string[], within: readonly string[] = []): Promise<Started> {
  const [file = PROGRAM, ...rest] = [...within, PROGRAM, ...args];
  const child = spawn(file, rest, { stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = endOf(child);
  const line = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).once('line', resolve);
    void ended.then(({ code, said }) => reject(new Error(`postern ${args[0]} ended with ${code}: ${said}`)));
  });
  return { child, line, ended };
}

/** Runs the program until it ends by itself. */
function ended(args: readonly string[]): Promise<Ended> {
  return endOf(spawn(PROGRAM, args, { stdio: ['ignore', 'ignore', 'pipe'] }));
}

async function endOf(child: ChildProcess): Promise<Ended> {
  let said = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    said = (said + chunk.toString()).slice(-64 * 1024);
  });
  const code = await new Promise<number | null>((resolve) => child.once('exit', resolve));
  const lines = said.split('\n').filter((line) => !line.startsWith('{'));
  return { code, said: lines.join('\n') };
}

function stop(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  return new Promise((resolve) => {
    child.once('exit', () => resolve());
    child.kill(signal);
  });
}

async function eventually<T>(look: () => Promise<T | undefined>): Promise<T> {
  for (let tries = 0; tries < 1200; tries++) {
    const found = await look();
    if (found !== undefined) return found;
    await sleep(25);
  }
  throw new Error('did not come about within thirty seconds');
}
