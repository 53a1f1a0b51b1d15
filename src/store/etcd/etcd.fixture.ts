/** Real etcds for tests: processes on free loopback ports, with their data in memory, that end with the test. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { silentLogger } from '../../host/log.ts';
import type { Store } from '../store.ts';
import { connector } from './connection.ts';
import { type EtcdOptions, openEtcdStore } from './etcd-store.ts';

/** Whatever cleans up: a test, or a whole suite. */
export interface Scope {
  after(clean: () => void | Promise<void>): void;
}

/** The `skip` of tests with etcd. */
export function skipWithoutEtcd(): string | false {
  const { error } = spawnSync('etcd', ['--version']);
  return error === undefined ? false : 'etcd is not installed (Debian has it in etcd-server)';
}

/** Registers cleaning up after all tests of a file, for what its hooks begin: what they register themselves ends with the hook. */
export function fileScope(): Scope {
  const cleaners: (() => void | Promise<void>)[] = [];
  after(async () => {
    for (const clean of cleaners.reverse()) await clean();
  });
  return { after: (clean) => void cleaners.push(clean) };
}

/** With limits under which everything fits that a store takes. */
export const ROOMY = ['--max-txn-ops=1024', `--max-request-bytes=${16 * 1024 * 1024}`];

export interface ClusterFixtureOptions {
  readonly members: number;
  /** Further arguments of each member. */
  readonly argv?: readonly string[];
  /** Of the client URLs; default: http. */
  readonly scheme?: 'http' | 'https';
  /** Whether data is to be on a real disk. */
  readonly durable?: boolean;
  /** Where the first members keep their data, such as on a disk that fills up; the others have theirs in memory. */
  readonly dirs?: readonly string[];
}

export class EtcdFixture {
  readonly members: readonly Member[];

  constructor(members: readonly Member[]) {
    this.members = members;
  }

  get endpoints(): readonly string[] {
    return this.members.map(({ endpoint }) => endpoint);
  }

  /** The member that leads, once all of them say so. */
  async leader(): Promise<Member> {
    const connect = await connector({});
    for (let tries = 0; tries < 200; tries++) {
      const states = await Promise.all(
        this.members.map(async (member) => {
          const connection = connect(member.endpoint);
          const status = await connection.call('Status', {}, 500).catch(() => undefined);
          connection.close();
          return { member, id: status?.header.memberId, leader: status?.leader };
        }),
      );
      const leader = states.find((state) => state.leader === state.id)?.id;
      const found = states.find(({ id }) => id !== undefined && id === leader);
      if (found !== undefined && states.every((state) => state.leader === leader)) return found.member;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error('the members do not agree on a leader');
  }

  member(endpoint: string): Member {
    const found = this.members.find((member) => member.endpoint === endpoint);
    if (found === undefined) throw new Error(`no member has the endpoint ${endpoint}`);
    return found;
  }

  /** A store in it, closed with the scope. */
  async open(scope: Scope, options: Partial<EtcdOptions> = {}): Promise<Store> {
    const store = await openEtcdStore({ endpoints: this.endpoints, log: silentLogger, ...options });
    scope.after(() => store.close());
    return store;
  }
}

/** One process, and the next after it was killed. */
export class Member {
  readonly endpoint: string;
  readonly #argv: readonly string[];
  #process: ChildProcess | undefined;

  constructor(endpoint: string, argv: readonly string[]) {
    this.endpoint = endpoint;
    this.#argv = argv;
  }

  start(): void {
    // Ends with this process, however that ends.
    this.#process = spawn('setpriv', ['--pdeathsig', 'KILL', 'etcd', ...this.#argv], { stdio: 'ignore' });
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const process = this.#process;
    if (process === undefined || process.exitCode !== null || process.signalCode !== null) return;
    const exit = once(process, 'exit');
    process.kill(signal);
    // A stopped process is not ended before it goes on, by any signal but this.
    if (signal === 'SIGSTOP') return;
    await exit;
  }

  /** Whether the process has ended, by itself or by a signal. */
  get hasEnded(): boolean {
    const process = this.#process;
    return process === undefined || process.exitCode !== null || process.signalCode !== null;
  }

  /** Stops the process, as when its machine hangs: connections stay and nothing answers. */
  freeze(): void {
    this.#process?.kill('SIGSTOP');
  }
}

/** Starts an etcd; it ends with the scope. */
export async function startEtcd(scope: Scope, options: ClusterFixtureOptions): Promise<EtcdFixture> {
  const { members, argv = [], scheme = 'http', durable = false, dirs = [] } = options;
  const parent = !durable && existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
  const dir = mkdtempSync(join(parent, 'postern-etcd-'));
  const ports = await freePorts(2 * members);
  const peers = Array.from({ length: members }, (_, i) => `http://127.0.0.1:${ports[2 * i]}`);
  const cluster = peers.map((url, i) => `m${i}=${url}`).join(',');
  const fixture = new EtcdFixture(
    peers.map((peer, i) => {
      const endpoint = `${scheme}://127.0.0.1:${ports[2 * i + 1]}`;
      return new Member(endpoint, [
        ...[`--name=m${i}`, `--data-dir=${dirs[i] ?? join(dir, `m${i}`)}`, `--initial-cluster=${cluster}`],
        ...[`--listen-peer-urls=${peer}`, `--initial-advertise-peer-urls=${peer}`],
        ...[`--listen-client-urls=${listened(endpoint)}`, `--advertise-client-urls=${endpoint}`],
        ...['--heartbeat-interval=50', '--election-timeout=300', '--log-level=error', '--logger=zap', ...argv],
      ]);
    }),
  );
  for (const member of fixture.members) member.start();
  scope.after(async () => {
    await Promise.all(fixture.members.map((member) => member.kill()));
    rmSync(dir, { recursive: true });
  });
  return fixture;
}

/** With TLS at another address as well, which certificates may not be for. */
function listened(endpoint: string): string {
  return endpoint.startsWith('https:') ? `${endpoint},${endpoint.replace('127.0.0.1', '127.0.0.2')}` : endpoint;
}

/**
 * Ports that nobody listens on: all found before any is given back. The kernel gives none of them to others meanwhile, be it
 * for their connections: they are below those that it chooses from.
 */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(Array.from({ length: count }, () => listenAnywhere()));
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => new Promise((closed) => server.close(closed))));
  return ports;
}

const PORTS = { first: 10_000, last: 29_999 };

async function listenAnywhere(): Promise<Server> {
  for (;;) {
    const server = createServer().listen(randomInt(PORTS.first, PORTS.last + 1), '127.0.0.1');
    try {
      await once(server, 'listening');
      return server;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    }
  }
}
