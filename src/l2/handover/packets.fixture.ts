// Runs alone in namespaces of its own, as a client on a LAN of two nodes and an endpoint. Addresses are translated by
// rules such as node proxies have, made by the program that is named. Prints what the client saw, as JSON.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../../host/clock.ts';
import { createLogger } from '../../host/log.ts';
import { openNft } from '../../host/open-nft.ts';
import { kernelNetfilter } from '../../netfilter/kernel.ts';
import type { FromLan, LanPort } from '../lan/messages.ts';
import { Handover } from './handover.ts';

const HOSTS = { client: 254, node1: 1, node2: 2, endpoint: 50 } as const;
type Host = keyof typeof HOSTS;
const NODES = ['node1', 'node2'] as const;
const MACS: Readonly<Record<Host, string>> = {
  ...{
    client: '02:00:00:00:00:fe',
    node1: '02:00:00:00:00:01',
    node2: '02:00:00:00:00:02',
    endpoint: '02:00:00:00:00:50',
  },
};
const FAMILIES = ['IPv4', 'IPv6'] as const;
type Family = (typeof FAMILIES)[number];
const VIPS = { IPv4: '192.168.77.100', IPv6: 'fd77::100' } as const;
const PORT = 80;

const addressOf = (host: Host, family: Family): string =>
  family === 'IPv4' ? `192.168.77.${HOSTS[host]}` : `fd77::${HOSTS[host]}`;
const run = (program: string, ...args: readonly string[]): string => execFileSync(program, args, { encoding: 'utf8' });
const at = (host: Host): readonly string[] => (host === 'client' ? [] : ['netns', 'exec', host]);
const inside = (host: Host, ...command: readonly string[]): string => {
  const [program = '', ...args] = host === 'client' ? command : ['ip', ...at(host), ...command];
  return run(program, ...args);
};

/** The second node's side of hand-overs: what its LAN side would say comes in by lines, what it is told goes out. */
async function passOn(): Promise<void> {
  const ended = new AbortController();
  const log = createLogger('handover');
  let say: (message: FromLan) => void = () => {};
  const lan: LanPort = {
    send: (message) => void process.stdout.write(`${JSON.stringify(message)}\n`),
    onMessage: (listener) => {
      say = listener;
    },
  };
  const runner = await openNft({ log });
  const addressesOf = (node: string): readonly string[] => FAMILIES.map((family) => addressOf(node as Host, family));
  new Handover({ netfilter: kernelNetfilter(runner), lan, addressesOf, clock: systemClock, log }).start(ended.signal);
  for await (const line of createInterface({ input: process.stdin })) say(JSON.parse(line) as FromLan);
  ended.abort();
  await runner.close();
}

/** Sends back what it is sent. */
function echo(): void {
  createServer((socket) => socket.on('error', () => {}).pipe(socket)).listen(PORT, '::', () =>
    process.stdout.write('up\n'),
  );
}

function connectAll(): void {
  run('mount', '-t', 'tmpfs', 'tmpfs', '/run');
  run('ip', 'link', 'add', 'lan', 'address', MACS.client, 'type', 'bridge');
  for (const host of Object.keys(HOSTS) as Host[]) {
    const device = host === 'client' ? 'lan' : 'eth0';
    if (host !== 'client') {
      run('ip', 'netns', 'add', host);
      const peer = ['peer', 'name', 'eth0', 'address', MACS[host], 'netns', host];
      run('ip', 'link', 'add', `to-${host}`, 'type', 'veth', ...peer);
      run('ip', 'link', 'set', `to-${host}`, 'master', 'lan', 'up');
    }
    inside(host, 'ip', 'link', 'set', 'lo', 'up');
    inside(host, 'ip', 'link', 'set', device, 'up');
    inside(host, 'ip', 'address', 'add', `${addressOf(host, 'IPv4')}/24`, 'dev', device);
    inside(host, 'ip', 'address', 'add', `${addressOf(host, 'IPv6')}/64`, 'dev', device, 'nodad');
  }
}

/** Forwards to the endpoint what is for the virtual addresses, as a node proxy does. */
function proxy(node: Host, program: 'nft' | 'iptables'): void {
  const sysctls = ['net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1', 'net.ipv4.conf.all.rp_filter=1'];
  const noRedirects = ['net.ipv4.conf.all.send_redirects=0', 'net.ipv4.conf.eth0.send_redirects=0'];
  inside(node, 'sysctl', '-qw', ...sysctls, ...noRedirects);
  for (const family of FAMILIES) {
    const [vip, endpoint] = [VIPS[family], addressOf('endpoint', family)];
    const to = family === 'IPv4' ? `${endpoint}:${PORT}` : `[${endpoint}]:${PORT}`;
    if (program === 'nft') {
      const ip = family === 'IPv4' ? 'ip' : 'ip6';
      const rules = `table ${ip} proxy {
        chain in { type nat hook prerouting priority dstnat; ${ip} daddr ${vip} tcp dport ${PORT} dnat to ${to}; }
        chain out { type nat hook postrouting priority srcnat; ct status dnat masquerade; }
      }`;
      inside(node, 'nft', rules);
    } else {
      const iptables = family === 'IPv4' ? 'iptables' : 'ip6tables';
      const match = ['-d', vip, '-p', 'tcp', '--dport', String(PORT)];
      inside(node, iptables, '-t', 'nat', '-A', 'PREROUTING', ...match, '-j', 'DNAT', '--to-destination', to);
      inside(node, iptables, '-t', 'nat', '-A', 'POSTROUTING', '-d', endpoint, '-j', 'MASQUERADE');
    }
  }
}

/** What an announcement does: the client sends what is for the address to that node. */
function announce(node: Host): void {
  for (const vip of Object.values(VIPS)) {
    run('ip', 'neigh', 'replace', vip, 'lladdr', MACS[node], 'nud', 'permanent', 'dev', 'lan');
  }
}

class Process {
  readonly child: ChildProcess;
  readonly lines: string[] = [];

  constructor(host: Host, role: string) {
    const argv = [...at(host), process.execPath, fileURLToPath(import.meta.url), role];
    this.child = spawn('ip', argv, { stdio: ['pipe', 'pipe', 'inherit'] });
    createInterface({ input: this.child.stdout ?? process.stdin }).on('line', (line) => this.lines.push(line));
  }

  say(message: FromLan): void {
    this.child.stdin?.write(`${JSON.stringify(message)}\n`);
  }

  async heard(count: number): Promise<void> {
    for (let i = 0; this.lines.length < count; i++) {
      if (i === 1000) throw new Error(`only ${this.lines.length} lines of ${count} came`);
      await setTimeout(5);
    }
  }
}

async function open(family: Family): Promise<Socket> {
  const socket = connect({ host: VIPS[family], port: PORT });
  await once(socket, 'connect');
  socket.on('error', () => {}); // Told by `say`.
  return socket;
}

/** What comes of sending something: what comes back, or how it fails. */
async function say(socket: Socket, text: string): Promise<string> {
  const code = (error: NodeJS.ErrnoException): string => String(error.code);
  // The end of a packet that was sent before may have brought it about already.
  if (socket.errored !== null) return code(socket.errored);
  const answer = once(socket, 'data').then(String, code);
  socket.write(text);
  return await Promise.race([answer, setTimeout(2000, 'no answer')]);
}

async function beClient(program: 'nft' | 'iptables'): Promise<void> {
  connectAll();
  for (const node of NODES) proxy(node, program);
  const server = new Process('endpoint', 'endpoint');
  await server.heard(1);
  const node2 = new Process('node2', 'node2');
  announce('node1');
  const result: Record<string, unknown> = {};
  const old = { IPv4: await open('IPv4'), IPv6: await open('IPv6') };
  for (const family of FAMILIES) result[`before ${family}`] = await say(old[family], 'hello');

  for (const address of Object.values(VIPS)) {
    node2.say({ kind: 'takeover', address, from: 'node1', planned: true });
  }
  await node2.heard(2);
  announce('node2');
  const later = { IPv4: await open('IPv4'), IPv6: await open('IPv6') };
  for (const family of FAMILIES) {
    result[`moved ${family}`] = [await say(old[family], 'still there'), await say(later[family], 'new')];
  }
  // Node 1 knows the old connections only, and node 2 the new ones.
  result['flows'] = NODES.map((node) => inside(node, 'conntrack', '-L', '-p', 'tcp').split('ESTABLISHED').length - 1);
  for (const family of FAMILIES) later[family].destroy();

  for (const address of Object.values(VIPS)) node2.say({ kind: 'handover-over', address, why: 'node1 is lost' });
  await setTimeout(200);
  for (const family of FAMILIES) result[`lost ${family}`] = await say(old[family], 'anybody?');
  for (const { child } of [node2, server]) child.kill('SIGKILL');
  process.stdout.write(JSON.stringify(result));
}

const [, , role = ''] = process.argv;
if (role === 'node2') await passOn();
else if (role === 'endpoint') echo();
else await beClient(role === 'iptables' ? 'iptables' : 'nft');
