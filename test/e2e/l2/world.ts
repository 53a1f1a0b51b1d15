/**
 * A lab for stories about load balancer addresses: real agents and a client on one LAN, an endpoint on every node's own
 * network, and what can go wrong between them.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Event } from '../../../src/api/core/v1/event.ts';
import { Namespace } from '../../../src/api/core/v1/namespace.ts';
import { Service } from '../../../src/api/core/v1/service.ts';
import { EndpointSlice } from '../../../src/api/discovery/v1/endpointslice.ts';
import type { KubeObject } from '../../../src/api/meta/v1.ts';
import { isAlreadyExists } from '../../../src/api/status.ts';
import type { Client } from '../../../src/client/client.ts';
import { type CommandOptions, runCommand } from '../../../src/host/process.ts';
import { labExec, labStatus } from '../../../src/lab/lab.ts';
import type { IPFamily } from '../../../src/lib/ip.ts';
import { runAt, type TestLab, type TestLabOptions, testLab } from '../lab.ts';
import { Faults } from './faults.ts';
import {
  ENDPOINT_PORT,
  METALLB,
  NAMESPACE,
  type NodeEndpoint,
  type ServiceFields,
  service,
  slices,
} from './objects.ts';
import { Traffic, trafficArgv } from './requests.ts';
import type { Target } from './traffic.ts';

const FAMILIES: readonly IPFamily[] = ['IPv4', 'IPv6'];
/** Milliseconds that something may take to come about, and between two looks whether it has. */
const LIMIT = 20_000;
const LOOK_EVERY = 25;

/** Addresses of a Service by family; of the families that it has. */
export type Addresses = Readonly<Record<IPFamily, string>>;

export class World {
  readonly faults: Faults;
  readonly nodes: readonly NodeEndpoint[];
  readonly #lab: TestLab;
  readonly #started = new Set<ChildProcess>();

  private constructor(lab: TestLab, faults: Faults) {
    this.#lab = lab;
    this.faults = faults;
    this.nodes = labStatus(lab.dir)
      .places.filter(({ kind }) => kind === 'node')
      .map(({ name, addresses: [IPv4 = '', IPv6 = ''] }) => ({ name, addresses: { IPv4, IPv6 } }));
  }

  static async open(options: TestLabOptions): Promise<World> {
    const lab = await testLab(options);
    const world = new World(lab, await Faults.open(lab.dir));
    try {
      await Promise.all(world.nodes.map(({ name }) => world.startEndpoint(name)));
      for (const name of [NAMESPACE, METALLB]) await world.#namespace(name);
    } catch (error) {
      await world.close();
      throw error;
    }
    return world;
  }

  get dir(): string {
    return this.#lab.dir;
  }

  get client(): Client {
    return this.#lab.client;
  }

  get kubeconfig(): string {
    return this.#lab.kubeconfig;
  }

  /** The last lines of every log of the lab. */
  logs(): Promise<string> {
    return this.#lab.logs();
  }

  async close(): Promise<void> {
    for (const child of this.#started) child.kill('SIGKILL');
    await this.faults.close();
    await this.#lab.down();
  }

  /** Runs a program at a place to its end, and returns what it prints. */
  at(place: string, argv: readonly string[], options: CommandOptions = {}): Promise<string> {
    return runAt(this.dir, place, argv, options);
  }

  /** Starts a program at a place. It ends with the world, if not before. */
  start(
    place: string,
    argv: readonly string[],
    { stderr = 'inherit' }: { stderr?: 'inherit' | 'pipe' } = {},
  ): ChildProcess {
    const { argv: command, env } = labExec(this.dir, place, argv);
    const [program = '', ...args] = command;
    const child = spawn(program, args, { stdio: ['pipe', 'pipe', stderr], env: { ...process.env, ...env } });
    this.#started.add(child);
    child.once('exit', () => this.#started.delete(child));
    return child;
  }

  /** Starts a node's endpoint, which every Service of this world has unless told otherwise. */
  async startEndpoint(node: string): Promise<void> {
    const program = fileURLToPath(new URL('endpoint.ts', import.meta.url));
    const child = this.start(node, [process.execPath, program, String(ENDPOINT_PORT)]);
    if (child.stdout === null) throw new Error('an endpoint has no output');
    const ended = once(child, 'exit').then(() => {
      throw new Error(`the endpoint of ${node} ended`);
    });
    ended.catch(() => {});
    await Promise.race([once(createInterface(child.stdout), 'line'), ended]);
  }

  /** Requests, by default a client's, until they are stopped. Returns when every target has answered once. */
  async traffic(targets: readonly Target[], place = 'client'): Promise<Traffic> {
    const traffic = new Traffic(this.start(place, trafficArgv(targets)), targets);
    await traffic.answeredBy(/./, targets);
    return traffic;
  }

  async kubectl(args: readonly string[], input?: string): Promise<string> {
    const env = { KUBECONFIG: this.kubeconfig };
    return (await runCommand(['kubectl', ...args], { env, ...(input === undefined ? {} : { input }) })).stdout;
  }

  async apply(...objects: readonly KubeObject[]): Promise<void> {
    await this.kubectl(['apply', '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }));
  }

  /** Makes a Service with an endpoint on each of some nodes, by default all, and resolves to its addresses once it has them. */
  async serve(name: string, fields: ServiceFields & { readonly on?: readonly string[] } = {}): Promise<Addresses> {
    const { on, ...rest } = fields;
    await this.makeService(name, rest, on);
    return this.addressesOf(name, rest.families);
  }

  /** The same without waiting. */
  async makeService(name: string, fields: ServiceFields = {}, on?: readonly string[]): Promise<void> {
    const nodes = this.nodes.filter((node) => on === undefined || on.includes(node.name));
    await this.client.create(Service, service(name, fields));
    for (const slice of slices(name, nodes, fields.families ?? FAMILIES)) {
      await this.client.create(EndpointSlice, slice);
    }
  }

  /** From now on, the nodes with these names have the Service's only endpoints. */
  async moveEndpoints(name: string, on: readonly string[]): Promise<void> {
    const nodes = this.nodes.filter((node) => on.includes(node.name));
    for (const slice of slices(name, nodes, FAMILIES)) await this.client.update(EndpointSlice, slice);
  }

  /** A Service's addresses, once it has one of each of these families. */
  async addressesOf(name: string, families: readonly IPFamily[] = FAMILIES): Promise<Addresses> {
    return this.eventually(`addresses of ${name}`, async () => {
      const { status } = await this.client.get(Service, { namespace: NAMESPACE, name });
      const ips = (status?.loadBalancer?.ingress ?? []).map(({ ip = '' }) => ip);
      const [IPv4 = '', IPv6 = ''] = [ips.find((ip) => ip.includes('.')), ips.find((ip) => ip.includes(':'))];
      const addresses = { IPv4, IPv6 };
      return families.every((family) => addresses[family] !== '') ? addresses : undefined;
    });
  }

  /** Events about a Service. */
  async eventsOf(name: string): Promise<readonly Event[]> {
    const { items } = await this.client.list(Event, { namespace: NAMESPACE });
    return items.filter(({ involvedObject }) => involvedObject.kind === 'Service' && involvedObject.name === name);
  }

  /** Process id of a node's agent, or of the `server`, as it runs now. */
  pidOf(name: string): number {
    const pid = labStatus(this.dir).processes.find((process) => process.name === name)?.pid;
    if (pid === undefined) throw new Error(`${name} does not run`);
    return pid;
  }

  /** Sends a signal that ends a node's agent or the server, and resolves when the lab has started it again and it is ready. */
  async restart(name: string, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const find = () => labStatus(this.dir).processes.find((process) => process.name === name);
    const restarts = find()?.restarts ?? 0;
    process.kill(this.pidOf(name), signal);
    await this.eventually(`${name} starts again`, async () => {
      const now = find();
      return now !== undefined && now.restarts > restarts && now.phase === 'ready' ? true : undefined;
    });
  }

  /** Looks until there is something. */
  async eventually<T>(what: string, look: () => Promise<T | undefined>, limit = LIMIT): Promise<T> {
    const deadline = performance.now() + limit;
    for (;;) {
      const found = await look();
      if (found !== undefined) return found;
      if (performance.now() > deadline) throw new Error(`${what}: not within ${limit} ms`);
      await sleep(LOOK_EVERY);
    }
  }

  async #namespace(name: string): Promise<void> {
    try {
      await this.client.create(Namespace, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
    }
  }
}
