/**
 * What failures happen to: three servers on a three-member etcd and three agents, each at a place of its own, with Services whose
 * endpoints are on every node. Requests go on from the first story to the last, and each story answers for those of its time.
 */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { Node } from '../../src/api/core/v1/node.ts';
import { Service } from '../../src/api/core/v1/service.ts';
import { labHeal, labStart, labStatus } from '../../src/lab/lab.ts';
import { answeredBy } from '../e2e/l2/judges.ts';
import { advertisement, NAMESPACE, PORT, pool, preferring } from '../e2e/l2/objects.ts';
import type { Request, Traffic } from '../e2e/l2/requests.ts';
import { now, type Target } from '../e2e/l2/traffic.ts';
import { World as Lan } from '../e2e/l2/world.ts';
import type { TestLabOptions } from '../e2e/lab.ts';
import { Clocks } from './clocks.ts';
import { etcdLeader, health, type LabServer, openServers } from './servers.ts';

/** Milliseconds between two requests for the same address. */
const EVERY = 50;
/** Milliseconds until all is well after a story. */
const HEALED = 60_000;
/** Milliseconds from when an announcer has taken over until it can be asked to give up again. */
const HANDED_OVER = 2_000;
/** Where the requests enter the cluster: what is cut from others in a story is not this node, unless the story says so. */
export const ENTRANCE = 'node1';

/** A node is given up sooner than by default, so that a story can wait for it. */
const GRACE = ['--node-monitor-grace-period', '10s'];

export class World {
  readonly lan: Lan;
  readonly servers: readonly LabServer[];
  readonly clocks: Clocks;
  /** Those of the load balancer. */
  #outside: readonly string[] = [];
  #clusterIP = '';
  #traffics: readonly Traffic[] = [];
  #since = 0;

  private constructor(lan: Lan, servers: readonly LabServer[], clocks: Clocks) {
    this.lan = lan;
    this.servers = servers;
    this.clocks = clocks;
  }

  static async open(options: Partial<TestLabOptions> = {}): Promise<World> {
    const clocks = new Clocks();
    const lan = await withEnvironment(clocks.environment, () =>
      Lan.open({ nodes: 3, servers: 3, serverDisk: 256, serverFlags: GRACE, ...options }),
    );
    const world = new World(lan, await openServers(lan.dir), clocks);
    try {
      await world.#serve();
    } catch (error) {
      await world.close();
      throw error;
    }
    return world;
  }

  get dir(): string {
    return this.lan.dir;
  }

  /** Of the Service that is asked all the time, of IPv4. */
  get clusterIP(): string {
    return this.#clusterIP;
  }

  logs(): Promise<string> {
    return this.lan.logs();
  }

  server(name: string): LabServer {
    return this.servers.find((server) => server.name === name) ?? assert.fail(`there is no ${name}`);
  }

  /** Whose member leads, once one does. */
  etcdLeader(): Promise<LabServer> {
    return this.lan.eventually('etcd has a leader', () => etcdLeader(this.dir, this.servers));
  }

  /** Mends what a story has left, and fails when a request of its time was lost. */
  async check(): Promise<void> {
    await this.mend();
    this.assertNothingLost();
  }

  /** Undoes every cut, has every process run, and waits until all is well. */
  async mend(): Promise<void> {
    await labHeal(this.dir);
    const down = labStatus(this.dir).processes.filter(({ phase }) => phase === 'stopped');
    if (down.length > 0)
      await labStart(
        this.dir,
        down.map(({ name }) => name),
      );
    await this.untilWell();
  }

  /** Every process runs, every server is ready and every node is Ready. */
  async untilWell(): Promise<void> {
    const { dir, servers } = this;
    await this.lan.eventually(
      'all is well',
      async () => {
        if (labStatus(dir).processes.some(({ phase }) => phase !== 'ready')) return undefined;
        const states = await Promise.all(servers.map((server) => health(dir, server, '/readyz')));
        if (states.some(([status]) => status !== 200)) return undefined;
        return (await this.notReady().catch(() => ['?'])).length === 0 ? true : undefined;
      },
      HEALED,
    );
  }

  /** The nodes that are not Ready. */
  async notReady(): Promise<readonly string[]> {
    const { items } = await this.lan.client.list(Node);
    const isReady = ({ status }: Node) =>
      status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false;
    const ready = items.filter(isReady).map(({ metadata }) => metadata.name);
    return this.lan.nodes.map(({ name }) => name).filter((name) => !ready.includes(name));
  }

  /** The node that is to announce the load balancer's addresses does so, and what it was handed has come to rest. */
  async untilAnnounced(): Promise<void> {
    await answeredBy(this.lan, this.#outside, ENTRANCE);
    await sleep(HANDED_OVER);
  }

  /** Begins the time for which the next {@link assertNothingLost} answers. */
  begin(): void {
    this.#since = now();
  }

  /** Requests since {@link begin} that nobody has answered, and how many there were. */
  lost(): { readonly lost: readonly Request[]; readonly sent: number } {
    const requests = this.#traffics.flatMap((traffic) => traffic.requests.filter(({ sent }) => sent >= this.#since));
    return { lost: requests.filter(({ answered }) => answered === undefined), sent: requests.length };
  }

  assertNothingLost(): void {
    const { lost, sent } = this.lost();
    assert.ok(sent > 0, 'no requests were sent');
    const told = lost.slice(0, 5).map(({ target, sent: at, word }) => {
      const after = Math.round(at - this.#since);
      return `${target.address} port ${target.port} by ${target.by} after ${after} ms: ${word}`;
    });
    assert.equal(lost.length, 0, `${lost.length} of ${sent} requests were lost: ${told.join('; ')}`);
  }

  /** A Service that is made through one server: the API does its work, allocation and storage included. */
  async write(server: LabServer, name: string): Promise<Service> {
    return server.client.create(Service, {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name, namespace: NAMESPACE },
      spec: { ports: [{ port: PORT }] },
    });
  }

  /** The names of the Services that a server tells of. */
  async names(server: LabServer): Promise<ReadonlySet<string>> {
    const { items } = await server.client.list(Service, { namespace: NAMESPACE });
    return new Set(items.map(({ metadata }) => metadata.name ?? ''));
  }

  async close(): Promise<void> {
    for (const { client } of this.servers) client.close();
    await this.lan.close();
    this.clocks.close();
  }

  /** What is asked all the time: load balancer addresses, a node port and a cluster IP, from outside and from a node. */
  async #serve(): Promise<void> {
    await this.lan.apply(
      pool('failure', ['192.168.77.240/32', 'fd00:77::240/128']),
      advertisement('failure', { ipAddressPools: ['failure'], ...preferring(ENTRANCE) }),
    );
    const outside = await this.lan.serve('web', { policy: 'Cluster' });
    const { spec } = await this.lan.client.get(Service, { namespace: NAMESPACE, name: 'web' });
    const entrance = this.lan.nodes.find(({ name }) => name === ENTRANCE) ?? assert.fail(`there is no ${ENTRANCE}`);
    const nodePort = spec?.ports?.[0]?.nodePort ?? assert.fail('the Service has no node port');
    const [clusterIPv4 = '', clusterIPv6 = ''] = spec?.clusterIPs ?? [];
    const target = (by: Target['by'], address: string, port = PORT): Target => ({ by, address, port, every: EVERY });
    this.#outside = Object.values(outside);
    this.#clusterIP = clusterIPv4;
    await this.untilAnnounced();
    this.#traffics = await Promise.all([
      this.lan.traffic([
        target('connections', outside.IPv4),
        target('one-connection', outside.IPv6),
        target('datagrams', outside.IPv4),
        target('connections', entrance.addresses.IPv4, nodePort),
      ]),
      this.lan.traffic([target('connections', clusterIPv4), target('connections', clusterIPv6)], 'node1'),
    ]);
    await this.untilWell();
    this.begin();
  }
}

/** Runs `work` with more in this process's environment, for the processes that it starts. */
async function withEnvironment<T>(more: Readonly<Record<string, string>>, work: () => Promise<T>): Promise<T> {
  const before = { ...process.env };
  Object.assign(process.env, more);
  try {
    return await work();
  } finally {
    for (const name of Object.keys(more)) {
      if (before[name] === undefined) delete process.env[name];
      else process.env[name] = before[name];
    }
  }
}
