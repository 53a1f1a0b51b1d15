// Runs alone in network and process namespaces of its own, which are the LAN's switch and a client on it. Two nodes are
// processes in namespaces of theirs, each with the real thread. Prints what the client saw, as JSON.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readlinkSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../../host/clock.ts';
import { createLogger } from '../../host/log.ts';
import { openPacketSocket } from '../../host/packet-socket.ts';
import { mustParseIP } from '../../lib/ip.ts';
import { parseMAC, printMAC } from '../../lib/mac.ts';
import { arp } from '../frames/arp/arp.ts';
import { decodeArp } from '../frames/arp/packet.ts';
import { BROADCAST, encodeEthernet } from '../frames/ethernet.ts';
import { DEFAULT_HEARTBEATS } from '../settings.ts';
import type { AddressPlan, FromLan, PeerFacts, ToLan } from './messages.ts';
import { LanThread } from './thread.ts';

const NODES = ['n1', 'n2'] as const;
type NodeName = (typeof NODES)[number];
const ADDRESSES = { n1: ['192.168.77.1', 'fd77::1'], n2: ['192.168.77.2', 'fd77::2'] } as const;
const MACS = { n1: '02:00:00:00:00:01', n2: '02:00:00:00:00:02' } as const;
const VIPS = ['192.168.77.100', 'fd77::100'] as const;

/** A node: commands come in by lines, and what its thread says goes out by lines. */
async function beNode(name: NodeName): Promise<void> {
  process.stdin.once('data', () => {}); // Nothing is begun before the first command: the interface has come then.
  const ended = new AbortController();
  const lan = new LanThread({
    ...{ nodeName: name, interfaces: undefined, heartbeats: DEFAULT_HEARTBEATS },
    ...{ clock: systemClock, log: createLogger(name) },
  });
  lan.onMessage((message) => {
    // Nothing here passes anything on.
    if (message.kind === 'takeover' && message.planned) lan.send({ kind: 'handover-ready', address: message.address });
    process.stdout.write(`${JSON.stringify(message)}\n`);
  });
  await lan.start(ended.signal);
  const other = name === 'n1' ? 'n2' : 'n1';
  const peer: PeerFacts = {
    ...{ name: other, addresses: ADDRESSES[other], port: DEFAULT_HEARTBEATS.port },
    ...{ lease: 'fresh', hears: [name], onLan: true },
  };
  lan.send({ kind: 'self', addresses: ADDRESSES[name] });
  lan.send({ kind: 'keys', keys: [{ secret: new Uint8Array(32).fill(7) }] });
  lan.send({ kind: 'peers', peers: [peer] });
  lan.send({ kind: 'api', reachable: true });
  for await (const line of createInterface({ input: process.stdin })) lan.send(JSON.parse(line) as ToLan);
  ended.abort();
}

class NodeProcess {
  readonly child: ChildProcess;
  readonly heard: FromLan[] = [];

  constructor(name: NodeName) {
    const argv = ['--net', '--kill-child', process.execPath, fileURLToPath(import.meta.url), name];
    this.child = spawn('unshare', argv, { stdio: ['pipe', 'pipe', 'inherit'] });
    const lines = createInterface({ input: this.child.stdout ?? process.stdin });
    lines.on('line', (line) => this.heard.push(JSON.parse(line) as FromLan));
  }

  send(message: ToLan): void {
    this.child.stdin?.write(`${JSON.stringify(message)}\n`);
  }
}

const ip = (...args: string[]): string => execFileSync('ip', args, { encoding: 'utf8' });
const inside = (pid: string, ...args: string[]): string =>
  execFileSync('nsenter', ['-t', pid, '-n', 'ip', ...args], { encoding: 'utf8' });

async function plugIn(name: NodeName, { child }: NodeProcess): Promise<void> {
  const pid = String(child.pid);
  while (readlinkSync(`/proc/${pid}/ns/net`) === readlinkSync('/proc/self/ns/net')) await setTimeout(5);
  ip('link', 'add', `to-${name}`, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', pid, 'address', MACS[name]);
  ip('link', 'set', `to-${name}`, 'master', 'lan', 'up');
  inside(pid, 'address', 'add', `${ADDRESSES[name][0]}/24`, 'dev', 'eth0');
  inside(pid, 'address', 'add', `${ADDRESSES[name][1]}/64`, 'dev', 'eth0', 'nodad');
  inside(pid, 'link', 'set', 'eth0', 'up');
}

/** Asks who has an address every 5 ms; keeps who answered when. */
async function askOften(mac: string, signal: AbortSignal): Promise<{ readonly at: number; readonly mac: string }[]> {
  const answers: { at: number; mac: string }[] = [];
  const { etherType, filter } = arp;
  const socket = await openPacketSocket({ interface: 'lan', etherType, filter });
  const own = parseMAC(mac) ?? new Uint8Array(6);
  socket.onFrame(
    (frame) => {
      const packet = decodeArp(frame.subarray(14));
      if (packet?.operation === 2) answers.push({ at: performance.now(), mac: printMAC(packet.senderMAC) });
    },
    () => {},
  );
  const target = mustParseIP(VIPS[0]);
  const payload = Uint8Array.from([
    ...[0, 1, 8, 0, 6, 4, 0, 1, ...own, 192, 168, 77, 254, 0, 0, 0, 0, 0, 0],
    ...[24n, 16n, 8n, 0n].map((shift) => Number((target.value >> shift) & 255n)),
  ]);
  const question = encodeEthernet({ destination: BROADCAST, source: own, etherType, payload });
  void (async () => {
    while (!signal.aborted) {
      socket.send(question);
      await setTimeout(5);
    }
    socket.close();
  })();
  return answers;
}

const plan = (address: string, ...nodes: readonly NodeName[]): AddressPlan => ({
  ...{ address, services: ['ns/web'] },
  candidates: nodes.map((node) => ({ node, interfaces: undefined })),
});

async function until(holds: () => boolean, what: string): Promise<void> {
  for (let i = 0; i < 1000; i++) {
    if (holds()) return;
    await setTimeout(5);
  }
  throw new Error(`${what} did not come`);
}

async function beLan(): Promise<void> {
  const ended = new AbortController();
  ip('link', 'add', 'lan', 'address', '02:00:00:00:00:fe', 'type', 'bridge');
  ip('address', 'add', '192.168.77.254/24', 'dev', 'lan');
  ip('link', 'set', 'lan', 'up');
  const nodes = { n1: new NodeProcess('n1'), n2: new NodeProcess('n2') };
  for (const name of NODES) await plugIn(name, nodes[name]);
  const tellBoth = (...order: readonly NodeName[]): void => {
    const changed = VIPS.map((address) => plan(address, ...order));
    for (const name of NODES) nodes[name].send({ kind: 'plans', changed, removed: [] });
  };
  tellBoth('n1', 'n2');
  for (const name of NODES) nodes[name].send({ kind: 'synced' });
  const answers = await askOften('02:00:00:00:00:fe', ended.signal);
  const last = (): string | undefined => answers.at(-1)?.mac;
  const announces = (name: NodeName): boolean => {
    const told = nodes[name].heard.filter(({ kind }) => kind === 'announcing' || kind === 'withdrawn');
    return told.length >= VIPS.length && told.slice(-VIPS.length).every(({ kind }) => kind === 'announcing');
  };
  await until(() => last() === MACS.n1 && announces('n1'), 'the first announcement');
  const result: Record<string, unknown> = { first: last() };

  tellBoth('n2', 'n1');
  await until(() => last() === MACS.n2, 'the planned move');
  await setTimeout(300);
  result['moved'] = [...new Set(answers.slice(-20).map(({ mac }) => mac))];
  result['longestSilence'] = Math.max(...answers.map(({ at }, i) => at - (answers[i - 1]?.at ?? at)));

  const killed = performance.now();
  nodes.n2.child.kill('SIGKILL');
  await until(() => last() === MACS.n1, 'the take-over');
  result['failover'] = (answers.find(({ at, mac }) => at > killed && mac === MACS.n1)?.at ?? Number.NaN) - killed;
  const takeover = () => nodes.n1.heard.findLast((message) => message.kind === 'takeover' && !message.planned);
  await until(() => takeover() !== undefined, 'word of the take-over');
  result['takeover'] = takeover();

  nodes.n1.send({ kind: 'leave' });
  await until(
    () => nodes.n1.heard.at(-1)?.kind === 'left' || nodes.n1.heard.some(({ kind }) => kind === 'left'),
    'the end',
  );
  const from = performance.now();
  await setTimeout(100);
  result['afterLeaving'] = answers.filter(({ at }) => at > from + 20).length;
  nodes.n1.child.stdin?.end();
  const [status] = (await once(nodes.n1.child, 'exit')) as [number | null];
  result['exit'] = status;
  ended.abort();
  process.stdout.write(JSON.stringify(result));
}

const [, , name] = process.argv;
if (name === 'n1' || name === 'n2') await beNode(name);
else await beLan();
