/** Two LANs with a router between, and nodes on them, each in a network namespace of its own: for tests in namespaces. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Node } from '../../api/core/v1/node.ts';
import { CommandError, runCommand } from '../../host/process.ts';
import type { IPFamily } from '../../lib/ip.ts';
import type { PodNetworkMode } from '../routes/desired.ts';
import { ip, makeNamespace, Speaker } from './places.ts';

const PROGRAM = fileURLToPath(new URL('node.program.ts', import.meta.url));

/** What a node is told to do. */
export type Order =
  | { readonly kind: 'node'; readonly node: Node }
  | { readonly kind: 'no-node'; readonly name: string }
  | { readonly kind: 'attach'; readonly name: string; readonly namespace: string }
  | { readonly kind: 'start'; readonly mode?: PodNetworkMode }
  | { readonly kind: 'stop' }
  | { readonly kind: 'clean-up' };

export type LANName = 'a' | 'b';

const PREFIXES: Readonly<Record<LANName, Readonly<Record<IPFamily, string>>>> = {
  a: { IPv4: '192.0.2.', IPv6: '2001:db8:a::' },
  b: { IPv4: '198.51.100.', IPv6: '2001:db8:b::' },
};
const BITS: Readonly<Record<IPFamily, number>> = { IPv4: 24, IPv6: 64 };
const ANYWHERE: Readonly<Record<IPFamily, string>> = { IPv4: '0.0.0.0/0', IPv6: '::/0' };
const ROUTER = 254;

export interface LANsOptions {
  readonly dir: string;
  /** Of the LANs, and of pods; the primary one first. */
  readonly families: readonly IPFamily[];
  /** Of pods, where they have others than the LANs. */
  readonly podFamilies?: readonly IPFamily[];
  readonly mode?: PodNetworkMode;
}

/** An address of a host on a LAN. */
export const addressOn = (lan: LANName, family: IPFamily, host: number): string => `${PREFIXES[lan][family]}${host}`;

export class LANs {
  readonly options: LANsOptions;
  readonly router: string;
  readonly #nodes: TestNode[] = [];

  private constructor(options: LANsOptions, router: string) {
    this.options = options;
    this.router = router;
  }

  static async make(options: LANsOptions): Promise<LANs> {
    const router = await makeNamespace(join(options.dir, 'router'));
    await inPlace(router, 'sysctl', '-qw', 'net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1');
    await settleAtOnce(router);
    const bridges = (['a', 'b'] as const).flatMap((lan) => [
      // With a MAC of its own: else it has that of a port, and another when that one goes.
      `link add lan-${lan} address 02:00:00:00:00:0${lan} type bridge forward_delay 0 mcast_snooping 0`,
      ...options.families.map(
        (family) =>
          `addr add ${addressOn(lan, family, ROUTER)}/${BITS[family]} dev lan-${lan}${family === 'IPv6' ? ' nodad' : ''}`,
      ),
      `link set lan-${lan} up`,
    ]);
    await ip(['link set lo up', ...bridges], router);
    return new LANs(options, router);
  }

  /** A node that runs, and that all others know. */
  async addNode(number: number, lan: LANName): Promise<TestNode> {
    const { dir, mode = 'auto', families, podFamilies = families } = this.options;
    const name = `node${number}`;
    const namespace = await makeNamespace(join(dir, name));
    await settleAtOnce(namespace);
    await ip(['link set lo up'], namespace);
    const stateDir = join(dir, `${name}.state`);
    await mkdir(stateDir);
    const pods = { IPv4: `10.244.${number}.0/24`, IPv6: `fd00:10:244:${number}::/64` };
    const node = new TestNode({
      ...{ name, number, namespace, dir },
      argv: [name, stateDir, mode, ...podFamilies.map((f) => pods[f])],
    });
    node.podCIDRs = podFamilies.map((family) => pods[family]);
    await this.plug(node, lan);
    this.#nodes.push(node);
    await this.tell(node);
    for (const other of this.#nodes) if (other !== node) await node.order({ kind: 'node', node: other.object });
    await node.order({ kind: 'start' });
    return node;
  }

  /** Puts a node's cable into a LAN, or into the other one, with the addresses that it has there. */
  async plug(node: TestNode, lan: LANName, host = node.number): Promise<void> {
    const { families } = this.options;
    const { name, namespace } = node;
    await ip([`link del ${name}`], this.router).catch(ignore);
    await ip(
      [`link add ${name} type veth peer name lan netns ${namespace}`, `link set ${name} master lan-${lan} up`],
      this.router,
    );
    await ip(
      [
        ...families.map(
          (family) =>
            `addr add ${addressOn(lan, family, host)}/${BITS[family]} dev lan${family === 'IPv6' ? ' nodad' : ''}`,
        ),
        'link set lan up',
        ...families.map((family) => `route replace ${ANYWHERE[family]} via ${addressOn(lan, family, ROUTER)}`),
      ],
      namespace,
    );
    node.addresses = families.map((family) => addressOn(lan, family, host));
  }

  /** Tells all nodes of one as it is now. */
  async tell(node: TestNode): Promise<void> {
    await Promise.all(this.#nodes.map((each) => each.order({ kind: 'node', node: node.object })));
  }

  async tellGone(node: TestNode): Promise<void> {
    const others = this.#nodes.filter((each) => each !== node);
    await Promise.all(others.map((each) => each.order({ kind: 'no-node', name: node.name })));
  }

  end(): void {
    for (const node of this.#nodes) node.end();
  }
}

interface TestNodeOptions {
  readonly name: string;
  readonly number: number;
  readonly namespace: string;
  readonly dir: string;
  readonly argv: readonly string[];
}

/** A pod of containers on a node: somebody in a network namespace. */
export interface TestPod {
  readonly speaker: Speaker;
  readonly namespace: string;
  readonly addresses: readonly string[];
  readonly mtu: number | undefined;
}

export class TestNode {
  readonly name: string;
  readonly number: number;
  readonly namespace: string;
  addresses: readonly string[] = [];
  podCIDRs: readonly string[] = [];
  readonly #dir: string;
  readonly #process: ChildProcess;
  readonly #waiting = new Map<number, { resolve: (result: unknown) => void; reject: (error: Error) => void }>();
  readonly #speakers: Speaker[] = [];
  #self: Speaker | undefined;
  #orders = 0;

  constructor({ name, number, namespace, dir, argv }: TestNodeOptions) {
    this.name = name;
    this.number = number;
    this.namespace = namespace;
    this.#dir = dir;
    const command = [`--net=${namespace}`, '--', process.execPath, PROGRAM, ...argv];
    this.#process = spawn('nsenter', command, { stdio: ['pipe', 'pipe', 'inherit'] });
    createInterface({ input: this.#process.stdout as NodeJS.ReadableStream }).on('line', (line) => {
      const { id, result, error } = JSON.parse(line) as { id: number; result: unknown; error?: string };
      const waiting = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (error === undefined) waiting?.resolve(result);
      else waiting?.reject(new Error(error));
    });
  }

  /** Its Node object. */
  get object(): Node {
    const addresses = this.addresses.map((address) => ({ type: 'InternalIP', address }));
    const { name, podCIDRs } = this;
    return { apiVersion: 'v1', kind: 'Node', metadata: { name }, spec: { podCIDRs }, status: { addresses } };
  }

  order(order: Order): Promise<unknown> {
    const id = ++this.#orders;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#process.stdin?.write(`${JSON.stringify({ ...order, id })}\n`);
    });
  }

  /** A new pod that serves at port 80. */
  async pod(name: string): Promise<TestPod> {
    const namespace = await makeNamespace(join(this.#dir, name));
    const made = (await this.order({ kind: 'attach', name, namespace })) as Pick<TestPod, 'addresses' | 'mtu'>;
    const speaker = await Speaker.start(name, [80], namespace);
    this.#speakers.push(speaker);
    return { ...made, speaker, namespace };
  }

  /** Somebody in the node's own network. */
  async self(): Promise<Speaker> {
    if (this.#self === undefined) {
      this.#self = await Speaker.start(this.name, [7000], this.namespace);
      this.#speakers.push(this.#self);
    }
    return this.#self;
  }

  show(...argv: readonly string[]): Promise<string> {
    return inPlace(this.namespace, ...argv);
  }

  end(): void {
    for (const speaker of this.#speakers) speaker.end();
    this.#process.stdin?.end();
  }
}

/** What a program prints that is run in a network namespace. */
export async function inPlace(namespace: string, ...argv: readonly string[]): Promise<string> {
  return (await runCommand(['nsenter', `--net=${namespace}`, '--', ...argv])).stdout.trim();
}

/** The most bytes that an IP packet to an address may have without being taken apart, as ping finds them. */
export async function largestPacket(from: string, to: string, sizes: readonly number[]): Promise<number | undefined> {
  const headers = to.includes(':') ? 40 + 8 : 20 + 8;
  for (const size of [...sizes].sort((a, b) => b - a)) {
    // Twice: the first may only have found out that it is too long.
    const arguments_ = [
      'ping',
      '-n',
      '-q',
      '-M',
      'do',
      '-c',
      '2',
      '-i',
      '0.01',
      '-W',
      '0.2',
      '-s',
      String(size - headers),
      to,
    ];
    const answered = await inPlace(from, ...arguments_).then(
      (text) => / [12] received/.test(text),
      (error: unknown) => {
        if (error instanceof CommandError) return / [12] received/.test(error.stdout);
        throw error;
      },
    );
    if (answered) return size;
  }
  return undefined;
}

/** Nobody else has the addresses: nothing is to wait until that is found out. */
async function settleAtOnce(namespace: string): Promise<void> {
  await inPlace(namespace, 'sysctl', '-qw', 'net.ipv6.conf.default.accept_dad=0', 'net.ipv6.conf.all.accept_dad=0');
}

function ignore(error: unknown): void {
  if (!(error instanceof CommandError)) throw error;
}
