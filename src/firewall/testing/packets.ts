/**
 * A node between its pods and a LAN, as namespaces, to try with real packets what a firewall lets in. The calling process is the node,
 * alone in fresh network and mount namespaces: see `in-namespace.ts`. All of it ends with that.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer, type Server } from 'node:net';
import { createInterface } from 'node:readline';
import type { IPFamily } from '../../lib/ip.ts';

/** Of the node, on the LAN; of the load balancer; of a pod; of a client, and of another that no list of sources names. */
export const NODE = { IPv4: '192.168.50.1', IPv6: 'fd00:50::1' } as const;
export const VIP = { IPv4: '192.168.50.100', IPv6: 'fd00:50::100' } as const;
export const POD = { IPv4: '10.244.0.2', IPv6: 'fd00:244::2' } as const;
/** The node's among its pods, its prefixes of pods, and the interface behind which they are. */
export const GATEWAY = { IPv4: '10.244.0.1', IPv6: 'fd00:244::1' } as const;
export const PODS = { IPv4: '10.244.0.0/24', IPv6: 'fd00:244::/64' } as const;
export const BRIDGE = 'postern0';
export const CLIENT = { IPv4: '192.168.50.7', IPv6: 'fd00:50::7' } as const;
export const STRANGER = { IPv4: '192.168.50.8', IPv6: 'fd00:50::8' } as const;

export interface Packets {
  /** Whether connections from addresses of the client's get through, all tried at once. */
  reach(attempts: readonly Attempt[]): Promise<readonly boolean[]>;
  /** The same from the pod. */
  reachFromPod(attempts: readonly Attempt[]): Promise<readonly boolean[]>;
  close(): Promise<void>;
}

export interface Attempt {
  readonly from: string;
  readonly address: string;
  readonly port: number;
  /** Milliseconds after which it counts as lost. */
  readonly within: number;
}

/** Nobody waits for duplicate address detection. */
const AT_ONCE = ['net.ipv6.conf.default.accept_dad=0', 'net.ipv6.conf.all.accept_dad=0'];

const BOTH = ['IPv4', 'IPv6'] as const;

/**
 * Translates the load balancer's port 80 and the node's port 30080 to the pod's port 8080; the node itself serves its ports
 * 32000 and 53. Nothing is filtered.
 */
export async function packets(): Promise<Packets> {
  execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', '/run']);
  for (const name of ['client', 'pod']) execFileSync('ip', ['netns', 'add', name]);
  execFileSync('sysctl', ['-qew', 'net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1', ...AT_ONCE]);
  for (const name of ['client', 'pod']) execFileSync('ip', ['netns', 'exec', name, 'sysctl', '-qew', ...AT_ONCE]);
  batch(undefined, ['link set lo up', ...cable('client', 'lan'), ...cable('pod', BRIDGE)]);
  batch(
    undefined,
    BOTH.flatMap((f) => [`address add ${wide(NODE[f])} dev lan`, `address add ${gateway(f)} dev ${BRIDGE}`]),
  );
  batch(
    'client',
    BOTH.flatMap((f) => [CLIENT[f], STRANGER[f]].map((ip) => `address add ${wide(ip)} dev eth0`)),
  );
  batch('client', [
    'link set lo up',
    'link set eth0 up',
    ...BOTH.flatMap((f) => [VIP[f], POD[f]].map((ip) => `route add ${ip} via ${NODE[f]}`)),
  ]);
  batch(
    'pod',
    BOTH.map((f) => `address add ${wide(POD[f])} dev eth0`),
  );
  batch('pod', ['link set lo up', 'link set eth0 up', ...BOTH.map((f) => `route add default via ${GATEWAY[f]}`)]);
  execFileSync('nft', ['-f', '-'], { input: BOTH.map(translation).join('') });
  const own = [await listen(32000), await listen(53)];
  const pod = await servant('pod', ['8080']);
  const client = await servant('client', []);
  return {
    reach: (attempts) => client.ask(attempts),
    reachFromPod: (attempts) => pod.ask(attempts),
    async close() {
      pod.end();
      client.end();
      for (const server of own) server.close();
    },
  };
}

const wide = (ip: string): string => `${ip}/${ip.includes(':') ? 64 : 24}`;
const gateway = (family: IPFamily): string => `${GATEWAY[family]}/${family === 'IPv4' ? 24 : 64}`;

const cable = (namespace: string, here: string): readonly string[] => [
  `link add ${here} type veth peer name eth0 netns ${namespace}`,
  `link set ${here} up`,
];

function batch(namespace: string | undefined, lines: readonly string[]): void {
  const argv = [...(namespace === undefined ? [] : ['-n', namespace]), '-batch', '-'];
  execFileSync('ip', argv, { input: `${lines.join('\n')}\n`, stdio: ['pipe', 'ignore', 'inherit'] });
}

/** As the proxy translates: before anything filters. */
function translation(family: IPFamily): string {
  const ip = family === 'IPv4' ? 'ip' : 'ip6';
  const pod = family === 'IPv4' ? `${POD.IPv4}:8080` : `[${POD.IPv6}]:8080`;
  return `table ${ip} postern-proxy { chain nat { type nat hook prerouting priority dstnat
    ${ip} daddr ${VIP[family]} tcp dport 80 dnat to ${pod}
    ${ip} daddr ${NODE[family]} tcp dport 30080 dnat to ${pod}
  }; }\n`;
}

interface Servant {
  ask(attempts: readonly Attempt[]): Promise<readonly boolean[]>;
  end(): void;
}

/** This file, run in a namespace: serves ports, and tries what each line names. */
async function servant(namespace: string, ports: readonly string[]): Promise<Servant> {
  const argv = ['netns', 'exec', namespace, process.execPath, import.meta.filename, ...ports];
  const child: ChildProcess = spawn('ip', argv, { stdio: ['pipe', 'pipe', 'inherit'] });
  if (child.stdout === null || child.stdin === null) throw new Error('no pipes');
  const { stdin } = child;
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  await lines.next(); // It is ready.
  return {
    async ask(attempts) {
      stdin.write(`${JSON.stringify(attempts)}\n`);
      return JSON.parse((await lines.next()).value ?? '[]');
    },
    end: () => void child.kill(),
  };
}

async function listen(port: number): Promise<Server> {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.end();
  }).listen(port, '::');
  await once(server, 'listening');
  return server;
}

function reach({ from, address, port, within }: Attempt): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: address, port, localAddress: from });
    const end = (reached: boolean) => {
      socket.destroy();
      resolve(reached);
    };
    socket.once('connect', () => end(true)).once('error', () => end(false));
    setTimeout(() => end(false), within).unref();
  });
}

async function serve(): Promise<void> {
  for (const port of process.argv.slice(2)) await listen(Number(port));
  process.stdout.write('ready\n');
  for await (const line of createInterface({ input: process.stdin })) {
    const attempts: readonly Attempt[] = JSON.parse(line);
    process.stdout.write(`${JSON.stringify(await Promise.all(attempts.map(reach)))}\n`);
  }
  process.exit();
}

if (process.argv[1] === import.meta.filename) await serve();
