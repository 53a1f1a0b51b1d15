// Runs alone in namespaces of its own: three nodes on a bridge, each in a network namespace and a process of its own. Does to
// them what happens to nodes, and prints as JSON how long the others took to see it, in milliseconds, and whom they saw then.
import { type ChildProcess, execFile, fork } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { readlinkSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { PeerFacts } from '../lan/messages.ts';
import { DEFAULT_HEARTBEATS } from '../settings.ts';
import type { Order, Sight } from './namespace-node.fixture.ts';

const exec = promisify(execFile);
const ip = (...args: string[]) => exec('ip', args);
const SCRIPT = fileURLToPath(new URL('namespace-node.fixture.ts', import.meta.url));
const LIMIT = 10_000;

class NamespaceNode {
  readonly name: string;
  readonly port: string;
  readonly addresses: readonly string[];
  readonly #child: ChildProcess;
  readonly #sights = new EventEmitter();
  sight: Sight | undefined;

  constructor(host: number) {
    this.name = `n${host}`;
    this.port = `lan${host}`;
    this.addresses = [`192.168.79.${host}`, `fd79::${host}`];
    this.#child = fork(SCRIPT, [], { execPath: 'unshare', execArgv: ['--net', process.execPath] });
    this.#child.on('message', (sight: Sight) => {
      this.sight = sight;
      this.#sights.emit('sight');
    });
  }

  /** Connects it to the bridge; it gets its addresses only later. */
  async connect(): Promise<void> {
    const pid = String(this.#child.pid);
    while (readlinkSync(`/proc/${pid}/ns/net`) === readlinkSync('/proc/self/ns/net')) await sleep(5);
    await ip('link', 'add', this.port, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', pid);
    await ip('link', 'set', this.port, 'master', 'lan', 'up');
    await this.run('ip', 'link', 'set', 'eth0', 'up');
  }

  async setAddresses(): Promise<void> {
    const [v4, v6] = this.addresses;
    await this.run('ip', 'address', 'add', `${v4}/24`, 'dev', 'eth0');
    await this.run('ip', 'address', 'add', `${v6}/64`, 'dev', 'eth0', 'nodad');
  }

  facts(): PeerFacts {
    const { name, addresses } = this;
    return { name, addresses, port: DEFAULT_HEARTBEATS.port, lease: 'fresh', hears: [], onLan: true };
  }

  run(program: string, ...args: readonly string[]) {
    return exec('nsenter', ['-t', String(this.#child.pid), '-n', program, ...args]);
  }

  send(order: Order): void {
    this.#child.send(order);
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  /** When it saw these alive, and as it does still. */
  async sees(...names: readonly string[]): Promise<number> {
    const limit = AbortSignal.timeout(LIMIT);
    while (this.sight?.alive.join() !== names.join()) {
      await once(this.#sights, 'sight', { signal: limit }).catch((cause: unknown) => {
        const seen = JSON.stringify(this.sight);
        throw new Error(`${this.name} does not see ${names.join()} but ${seen}`, { cause });
      });
    }
    return this.sight.at;
  }
}

const now = (): number => Number(process.hrtime.bigint()) / 1e6;

await ip('link', 'add', 'lan', 'type', 'bridge', 'forward_delay', '0', 'mcast_snooping', '0');
await ip('link', 'set', 'lan', 'up');
const nodes = [new NamespaceNode(1), new NamespaceNode(2), new NamespaceNode(3)] as const;
const [n1, n2, n3] = nodes;
const result: Record<string, unknown> = {};

/** Does something to a node and measures until these nodes see these alive. */
async function measure(what: string, seers: readonly NamespaceNode[], alive: string, act: () => Promise<unknown>) {
  const began = now();
  await act();
  const seen = await Promise.all(seers.map((node) => node.sees(...alive.split(' '))));
  result[what] = Math.round(Math.max(...seen) - began);
}

await Promise.all(nodes.map((node) => node.connect()));
for (const { name, addresses, send } of nodes.map((node) => ({ ...node, send: node.send.bind(node) }))) {
  send({ kind: 'start', name, addresses, peers: nodes.map((node) => node.facts()) });
}
await sleep(150);
await measure('start', nodes, 'n1 n2 n3', () => Promise.all(nodes.map((node) => node.setAddresses())));

for (let run = 1; run <= 2; run++) {
  await measure(`process frozen ${run}`, [n1, n2], 'n1 n2', async () => n3.signal('SIGSTOP'));
  await measure(`process goes on ${run}`, nodes, 'n1 n2 n3', async () => n3.signal('SIGCONT'));
  await measure(`cable cut ${run}`, [n1, n2], 'n1 n2', () => ip('link', 'set', n3.port, 'down'));
  await measure(`cable back ${run}`, nodes, 'n1 n2 n3', () => ip('link', 'set', n3.port, 'up'));
}

const drop = (node: NamespaceNode, hook: string, rule: string) =>
  node.run('nft', `table inet t { chain c { type filter hook ${hook} priority 0; ${rule} drop; }; }`);
const restore = (node: NamespaceNode) => node.run('nft', 'delete', 'table', 'inet', 't');
const heartbeats = `udp dport ${DEFAULT_HEARTBEATS.port}`;

await measure('not heard any more', [n1, n2], 'n1 n2', () => drop(n3, 'output', heartbeats));
await n3.sees();
result['not heard any more, itself'] = n3.sight?.silent;
await measure('heard again', nodes, 'n1 n2 n3', () => restore(n3));

// Nothing may change by these.
const before = nodes.map(({ sight }) => sight?.at);
await drop(n3, 'input', `ip version 4 ${heartbeats}`);
await sleep(600);
await restore(n3);
await drop(n3, 'input', `ip6 version 6 ${heartbeats}`);
await sleep(600);
await restore(n3);
await drop(n3, 'input', `numgen random mod 100 < 10 ${heartbeats}`);
await sleep(1000);
await restore(n3);
result['one family, one in ten lost'] = nodes.every(({ sight }, i) => sight?.at === before[i])
  ? 'nothing changed'
  : nodes.map(({ sight }) => sight);

// These two do not hear each other any more, but n2 hears both.
for (const [node, other] of [
  [n1, n3],
  [n3, n1],
] as const) {
  const [v4, v6] = other.addresses;
  await node.run(
    'nft',
    `table inet t { chain c { type filter hook input priority 0; ip saddr ${v4} drop; ip6 saddr ${v6} drop; }; }`,
  );
}
while (n1.sight?.states['n3'] !== 'told' || n3.sight?.states['n1'] !== 'told') await sleep(10);
result['told by the third'] = nodes.map(({ sight }) => sight?.alive.join(' '));
await measure('crash', [n1, n2], 'n1 n2', async () => n3.signal('SIGKILL'));
await measure('leaves', [n1], 'n1', async () => n2.send({ kind: 'leave' }));
for (const node of nodes) node.signal('SIGKILL');
process.stdout.write(JSON.stringify(result));
