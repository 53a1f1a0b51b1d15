// A node with two guests and a client on its LAN, as network namespaces. The calling process is the node, and must be
// alone in fresh network and mount namespaces: see `in-namespace.ts`.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type Command, request } from './agent.ts';

const AGENT = fileURLToPath(new URL('agent.ts', import.meta.url));

export const NODE = { IPv4: '192.168.50.1', IPv6: 'fd00:50::1' } as const;
export const CLIENT = { IPv4: '192.168.50.9', IPv6: 'fd00:50::9' } as const;
export const GUESTS = [
  { name: 'guest1', IPv4: '10.244.1.11', IPv6: 'fd00:10:244:1::11' },
  { name: 'guest2', IPv4: '10.244.1.12', IPv6: 'fd00:10:244:1::12' },
] as const;
/** Where load balancer addresses are reached through the node, as an announcer would have it. */
export const LOAD_BALANCER = { IPv4: '192.168.50.200', IPv6: 'fd00:50::200' } as const;
export const GATEWAY = { IPv4: '10.244.1.1', IPv6: 'fd00:10:244:1::1' } as const;

/** Someone who can be told to connect. */
export interface Actor {
  ask(command: Command): Promise<string>;
}

const ip = (...args: string[]) => execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'inherit'] });
const inside = (name: string, ...args: string[]) => ip('netns', 'exec', name, 'ip', ...args);

/** A redirect for each packet that leaves where it came in would use up the allowance of ICMP errors. */
const NODE_SYSCTLS = [
  'net.ipv4.ip_forward=1',
  'net.ipv6.conf.all.forwarding=1',
  'net.ipv4.conf.default.send_redirects=0',
  'net.ipv4.conf.all.send_redirects=0',
];
/** Nobody waits for duplicate address detection. */
const NO_DAD = ['net.ipv6.conf.default.accept_dad=0', 'net.ipv6.conf.all.accept_dad=0'];

/** Builds it all. `close` ends the processes; the namespaces end with the calling process. */
export async function buildWorld(): Promise<{ actors: ReadonlyMap<string, Actor>; close: () => void }> {
  execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', '/run']);
  ip('link', 'set', 'lo', 'up');
  execFileSync('sysctl', ['-qw', ...NODE_SYSCTLS, ...NO_DAD]);
  routeWhatIsBridged();
  ip('link', 'add', 'bridge0', 'type', 'bridge');
  address([], 'bridge0', `${GATEWAY.IPv4}/24`, `${GATEWAY.IPv6}/64`);
  for (const guest of GUESTS) addGuest(guest);
  addClient();
  const agents = new Map<string, Agent>();
  for (const { name } of GUESTS) agents.set(name, new Agent(name, ['9376']));
  agents.set('client', new Agent('client', []));
  await Promise.all([...agents.values()].map((agent) => agent.ready));
  const actors = new Map<string, Actor>([...agents, ['node', { ask: request }]]);
  return {
    actors,
    close: () => {
      for (const agent of agents.values()) agent.end();
    },
  };
}

/**
 * With bridge netfilter on, a packet whose destination is translated to a guest on the same bridge is bridged there
 * instead of routed, and dropped between isolated ports. The pod network turns it off on a node.
 */
function routeWhatIsBridged(): void {
  for (const tables of ['iptables', 'ip6tables']) {
    const file = `/proc/sys/net/bridge/bridge-nf-call-${tables}`;
    if (existsSync(file)) writeFileSync(file, '0');
  }
}

/** Each guest sends everything through the gateway, and is isolated from the other, as guests on a node's bridge are. */
function addGuest({ name, IPv4, IPv6 }: (typeof GUESTS)[number]): void {
  addNamespace(name);
  ip('link', 'add', `v-${name}`, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name);
  ip('link', 'set', `v-${name}`, 'master', 'bridge0', 'up');
  execFileSync('bridge', ['link', 'set', 'dev', `v-${name}`, 'isolated', 'on']);
  inside(name, 'link', 'set', 'lo', 'up');
  address(['netns', 'exec', name, 'ip'], 'eth0', `${IPv4}/32`, `${IPv6}/128`);
  for (const [family, gateway] of Object.entries(GATEWAY)) {
    const flag = family === 'IPv4' ? '-4' : '-6';
    inside(name, flag, 'route', 'add', gateway, 'dev', 'eth0');
    inside(name, flag, 'route', 'add', 'default', 'via', gateway, 'dev', 'eth0');
  }
}

/** The client knows the LAN and nothing of the cluster, so an unmasqueraded reply would never reach it. */
function addClient(): void {
  addNamespace('client');
  ip('link', 'add', 'lan', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', 'client');
  address([], 'lan', `${NODE.IPv4}/24`, `${NODE.IPv6}/64`);
  inside('client', 'link', 'set', 'lo', 'up');
  address(['netns', 'exec', 'client', 'ip'], 'eth0', `${CLIENT.IPv4}/24`, `${CLIENT.IPv6}/64`);
  inside('client', 'route', 'add', LOAD_BALANCER.IPv4, 'via', NODE.IPv4);
  inside('client', '-6', 'route', 'add', LOAD_BALANCER.IPv6, 'via', NODE.IPv6);
  // The node has a default route, as nodes do; without one it could not even begin to connect to a cluster IP.
  ip('route', 'add', 'default', 'via', CLIENT.IPv4);
  ip('-6', 'route', 'add', 'default', 'via', CLIENT.IPv6);
}

function addNamespace(name: string): void {
  ip('netns', 'add', name);
  ip('netns', 'exec', name, 'sysctl', '-qw', ...NO_DAD);
}

function address(prefix: readonly string[], device: string, ...addresses: string[]): void {
  for (const text of addresses) {
    ip(...prefix, 'addr', 'add', text, 'dev', device, ...(text.includes(':') ? ['nodad'] : []));
  }
  ip(...prefix, 'link', 'set', device, 'up');
}

/** A process in a namespace; questions are answered in order. */
class Agent implements Actor {
  readonly ready: Promise<string>;
  readonly #process: ChildProcess;
  #waiting: ((answer: string) => void)[] = [];

  constructor(name: string, ports: readonly string[]) {
    const argv = ['netns', 'exec', name, process.execPath, AGENT, name, ...ports];
    this.#process = spawn('ip', argv, { stdio: ['pipe', 'pipe', 'inherit'] });
    if (this.#process.stdout === null) throw new Error('the agent has no output');
    this.ready = new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
    createInterface({ input: this.#process.stdout }).on('line', (line) => this.#waiting.shift()?.(JSON.parse(line)));
  }

  ask(command: Command): Promise<string> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.#process.stdin?.write(`${JSON.stringify(command)}\n`);
    });
  }

  end(): void {
    this.#process.stdin?.end();
  }
}
