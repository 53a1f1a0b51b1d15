/**
 * Builds the world of `topology.ts` from network namespaces. The calling process is node1, and must be alone in fresh network
 * and mount namespaces: see `in-namespace.ts`. Those it makes end with it.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { IP_FAMILIES, type IPFamily } from '../../../lib/ip.ts';
import { Actor } from './agent/actor.ts';
import type { Answer, Command } from './agent/command.ts';
import { serve } from './agent/server.ts';
import {
  type ActorName,
  type Addresses,
  BRIDGE,
  CLIENT,
  GATEWAYS,
  MORE_CLIENTS,
  NODES,
  nodeOf,
  POD_PREFIXES,
  PODS,
  PORTS,
  type PodName,
  REMOTE,
  REMOTE_GATEWAY,
  ROUTER,
  VIRTUAL_PREFIXES,
} from './topology.ts';

const AGENT = fileURLToPath(new URL('agent/agent.ts', import.meta.url));

const NAMESPACES = ['lan', 'node2', 'client', 'remote', ...Object.keys(PODS)];

export interface World {
  /** Has someone carry out a command. */
  tell(who: ActorName, command: Command): Promise<unknown>;
  /** Ends the processes. */
  close(): void;
}

/** Builds it all; resolves once everyone serves. */
export async function buildWorld(): Promise<World> {
  execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', '/run']);
  routeWhatIsBridged();
  for (const name of ['lan', 'node2', 'client', 'remote', ...Object.keys(PODS)])
    execFileSync('ip', ['netns', 'add', name]);
  tuneKernels();
  connectNetworks();
  const names = [...(Object.keys(PODS) as PodName[]), 'client', 'remote'] as const;
  const agents = new Map(names.map((name) => [name as ActorName, new Agent(name, name === 'client' ? [] : PORTS)]));
  const own = new Actor();
  await Promise.all([...PORTS.map((port) => serve('node1', port)), ...[...agents.values()].map(({ ready }) => ready)]);
  return {
    tell: (who, command) => agents.get(who)?.tell(command) ?? own.carryOut(command),
    close: () => {
      for (const agent of agents.values()) agent.end();
    },
  };
}

/**
 * With bridge netfilter on, a packet whose destination is translated to a pod on the same bridge is bridged there
 * instead of routed, and dropped between isolated ports. The pod network turns it off on a node.
 */
function routeWhatIsBridged(): void {
  for (const tables of ['iptables', 'ip6tables']) {
    const file = `/proc/sys/net/bridge/bridge-nf-call-${tables}`;
    if (existsSync(file)) writeFileSync(file, '0');
  }
}

const ROUTING = [
  'net.ipv4.ip_forward=1',
  'net.ipv6.conf.all.forwarding=1',
  // Nobody hears of a shorter way: the LAN is one, and the tests want packets to go through node1.
  'net.ipv4.conf.default.send_redirects=0',
  'net.ipv4.conf.all.send_redirects=0',
  'net.ipv4.conf.default.rp_filter=0',
  'net.ipv4.conf.all.rp_filter=0',
  // Many tests ask for the same ICMP error at once.
  'net.ipv4.icmp_ratelimit=0',
  'net.ipv6.icmp.ratelimit=0',
  'net.ipv4.icmp_msgs_per_sec=100000',
  'net.ipv4.icmp_msgs_burst=10000',
];

const EVERYWHERE = [
  // Nobody waits for duplicate address detection.
  'net.ipv6.conf.default.accept_dad=0',
  'net.ipv6.conf.all.accept_dad=0',
  // The pod network keeps a node from telling pods that they reach each other directly: their ports are isolated.
  'net.ipv6.conf.default.accept_redirects=0',
  'net.ipv6.conf.all.accept_redirects=0',
];

const ROUTERS: readonly string[] = ['lan', 'node2'];

function tuneKernels(): void {
  execFileSync('sysctl', ['-qew', ...ROUTING, ...EVERYWHERE]);
  for (const name of NAMESPACES) {
    const settings = [...EVERYWHERE, ...(ROUTERS.includes(name) ? ROUTING : [])];
    execFileSync('ip', ['netns', 'exec', name, 'sysctl', '-qew', ...settings]);
  }
}

/** Commands of ip(8) in a namespace, all in one go. */
function ip(namespace: string | undefined, lines: readonly string[]): void {
  const argv = [...(namespace === undefined ? [] : ['-n', namespace]), '-batch', '-'];
  execFileSync('ip', argv, { input: `${lines.join('\n')}\n`, stdio: ['pipe', 'ignore', 'inherit'] });
}

function connectNetworks(): void {
  const pods = Object.entries(PODS) as [PodName, Addresses][];
  ip('lan', [
    ...['link set lo up', 'link add switch type bridge', 'link set switch up'],
    ...cable('client', 'switch'),
    ...cable('node2', 'switch'),
    'link add to-remote type veth peer name eth0 netns remote',
    ...up('to-remote', REMOTE_GATEWAY),
    ...up('switch', ROUTER),
    ...towards(NODES.node1, VIRTUAL_PREFIXES),
  ]);
  ip(undefined, [
    ...['link set lo up', 'link add eth0 type veth peer name to-node1 netns lan'],
    ...up('eth0', NODES.node1),
    ...bridge(pods.filter(([name]) => nodeOf(name) === 'node1')),
    ...up(BRIDGE, GATEWAYS.node1),
  ]);
  ip('lan', ['link set to-node1 master switch up']);
  ip('node2', [
    ...['link set lo up', ...up('eth0', NODES.node2)],
    ...bridge(pods.filter(([name]) => nodeOf(name) === 'node2')),
    ...up(BRIDGE, GATEWAYS.node2),
    ...towards(NODES.node1, prefixes(POD_PREFIXES.node1)),
    ...defaultVia(ROUTER),
  ]);
  // The node has a default route, as nodes do; without one it could not even begin to connect to a cluster IP.
  ip(undefined, [...towards(NODES.node2, prefixes(POD_PREFIXES.node2)), ...defaultVia(ROUTER)]);
  for (const [name, addresses] of pods) ip(name, podLink(addresses, GATEWAYS[nodeOf(name)]));
  ip('client', [
    ...['link set lo up', ...up('eth0', CLIENT), ...MORE_CLIENTS.flatMap((addresses) => further('eth0', addresses))],
    ...towards(NODES.node1, VIRTUAL_PREFIXES),
    ...towards(ROUTER, { IPv4: ['198.51.100.0/24'], IPv6: ['fd00:51::/64'] }),
  ]);
  ip('remote', ['link set lo up', ...up('eth0', REMOTE), ...defaultVia(REMOTE_GATEWAY)]);
}

const cable = (to: string, master: string): string[] => [
  `link add to-${to} type veth peer name eth0 netns ${to}`,
  `link set to-${to} master ${master} up`,
];

const prefixLength = (family: IPFamily): number => (family === 'IPv4' ? 24 : 64);

function up(device: string, addresses: Addresses): string[] {
  return [
    ...IP_FAMILIES.map((family) => {
      const nodad = family === 'IPv6' ? ' nodad' : '';
      return `addr add ${addresses[family]}/${prefixLength(family)} dev ${device}${nodad}`;
    }),
    `link set ${device} up`,
  ];
}

/** Deprecated from the start, so that nobody uses it unless told to. */
function further(device: string, addresses: Addresses): string[] {
  return up(device, addresses).map((line) => (line.endsWith('nodad') ? `${line} preferred_lft 0` : line));
}

function towards(via: Addresses, to: Readonly<Record<IPFamily, readonly string[]>>): string[] {
  return IP_FAMILIES.flatMap((family) => to[family].map((prefix) => `route add ${prefix} via ${via[family]}`));
}

const prefixes = (one: Addresses): Record<IPFamily, readonly string[]> => ({ IPv4: [one.IPv4], IPv6: [one.IPv6] });
const defaultVia = (via: Addresses): string[] => towards(via, { IPv4: ['default'], IPv6: ['default'] });

/** Pods of a node are isolated from each other: the node routes whatever they send. */
function bridge(pods: readonly (readonly [PodName, Addresses])[]): string[] {
  return [
    `link add ${BRIDGE} type bridge`,
    ...pods.flatMap(([name]) => [
      `link add pod-${name} type veth peer name eth0 netns ${name}`,
      `link set pod-${name} master ${BRIDGE} up`,
      `link set pod-${name} type bridge_slave isolated on`,
    ]),
  ];
}

/** A pod sends everything through its gateway. */
function podLink(addresses: Addresses, gateway: Addresses): string[] {
  return [
    'link set lo up',
    `addr add ${addresses.IPv4}/32 dev eth0`,
    `addr add ${addresses.IPv6}/128 dev eth0 nodad`,
    'link set eth0 up',
    ...IP_FAMILIES.flatMap((family) => [
      `route add ${gateway[family]} dev eth0`,
      `route add default via ${gateway[family]} dev eth0`,
    ]),
  ];
}

/** A process in a namespace. */
class Agent {
  readonly ready: Promise<unknown>;
  readonly #process: ChildProcess;
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  #commands = 0;

  constructor(name: string, ports: readonly number[]) {
    const argv = ['netns', 'exec', name, process.execPath, AGENT, name, ...ports.map(String)];
    this.#process = spawn('ip', argv, { stdio: ['pipe', 'pipe', 'inherit'] });
    if (this.#process.stdout === null) throw new Error('the agent has no output');
    this.ready = this.#answer(0);
    createInterface({ input: this.#process.stdout }).on('line', (line) => {
      const answer = JSON.parse(line) as Answer;
      this.#waiting.get(answer.id)?.(answer);
      this.#waiting.delete(answer.id);
    });
  }

  async tell(command: Command): Promise<unknown> {
    const id = ++this.#commands;
    const answer = this.#answer(id);
    this.#process.stdin?.write(`${JSON.stringify({ id, command })}\n`);
    return await answer;
  }

  end(): void {
    this.#process.stdin?.end();
  }

  async #answer(id: number): Promise<unknown> {
    const answer = await new Promise<Answer>((resolve) => this.#waiting.set(id, resolve));
    if ('error' in answer) throw new Error(answer.error);
    return answer.result;
  }
}
