/**
 * The lab's own main: makes the places, starts server and agents, and keeps them running until it is told to end. It runs
 * in a PID namespace that ends with it, so whatever happens to it, nothing of the lab is left.
 */
import { existsSync, mkdirSync, rmSync, symlinkSync, watch, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { Logger } from '../host/log.ts';
import { messageOf } from '../lib/errors.ts';
import { mustParseIP, printIP } from '../lib/ip.ts';
import { openApiRelay } from './api-relay.ts';
import { BoundedLog } from './bounded-log.ts';
import { importSandboxImage, prepareContainerd, type SandboxImage } from './container-runtime.ts';
import { LabError } from './error.ts';
import { firewallDir, type Layout, layoutOf, logFile, nodeDir } from './layout.ts';
import { bindFirewallSettings, FIREWALL_PROCESSES } from './node-firewall.ts';
import type { LabCommands } from './options.ts';
import { addressesIn, enterArgv, type OpenPlace, openPlaces } from './place.ts';
import { openReporter, type Reporter } from './reporter.ts';
import { type LabState, readSpec, writeJson } from './state.ts';
import { type ProcessState, Supervisor } from './supervisor.ts';
import { type LabSpec, type Place, printLan, resolvConf, type Topology, topologyOf } from './topology.ts';

export interface LabRunOptions {
  readonly dir: string;
  readonly commands: LabCommands;
  readonly log: Logger;
}

/** The bridge whose addresses are a node's name servers. */
const NODE_BRIDGE = 'postern0';
const LOOPBACK = mustParseIP('127.0.0.1');
const CLUSTER_DOMAIN = 'cluster.local';

/** Runs the lab of `dir` until the signal is aborted. Throws when a part of it never starts, or a place is lost. */
export async function labRun(options: LabRunOptions, signal: AbortSignal): Promise<void> {
  const layout = layoutOf(options.dir);
  const spec = readSpec(layout);
  if (spec === undefined) throw new LabError(`${layout.spec} is missing: \`postern lab up\` writes it.`);
  const reporter = openReporter(process.env);
  const lab = new RunningLab({ ...options, layout, spec, topology: topologyOf(spec), reporter });
  const ended = new AbortController();
  const end = AbortSignal.any([signal, reporter.orphaned, abandoned(layout, ended.signal)]);
  try {
    const places = await lab.start(end);
    await reporter.finish({ kind: 'ready' });
    await Promise.race([aborted(end), ...places.map(({ lost }) => lost)]);
  } catch (error) {
    if (end.aborted) return;
    await reporter.finish({ kind: 'failed', message: messageOf(error) });
    throw error;
  } finally {
    await lab.end();
    ended.abort();
  }
}

/** Aborted when the lab's directory is taken away from under it: then no command can find the lab any more. */
function abandoned(layout: Layout, signal: AbortSignal): AbortSignal {
  const controller = new AbortController();
  watch(layout.run, { signal }, () => {
    if (!existsSync(layout.owner)) controller.abort(new LabError(`${layout.run} was removed`));
  });
  return controller.signal;
}

interface Parts extends LabRunOptions {
  readonly layout: Layout;
  readonly spec: LabSpec;
  readonly topology: Topology;
  readonly reporter: Reporter;
}

/** Server and agents of one lab, and the file that says how they are. */
class RunningLab {
  readonly #parts: Parts;
  readonly #agentsEnd = new AbortController();
  readonly #serverEnd = new AbortController();
  readonly #placesEnd = new AbortController();
  readonly #agents: Promise<void>[] = [];
  readonly #processes = new Map<string, ProcessState>();
  readonly #firewalls: Promise<void>[] = [];
  readonly #runtimes: Promise<void>[] = [];
  #server: Promise<void> = Promise.resolve();
  #state: LabState = { ready: false, server: undefined, places: {}, processes: [] };

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Resolves when every part is ready; rejects when one is not going to be, or the signal is aborted. */
  async start(signal: AbortSignal): Promise<readonly OpenPlace[]> {
    const { layout, topology, reporter } = this.#parts;
    mkdirSync(layout.logs, { recursive: true, mode: 0o700 });
    for (const { name } of topology.nodes) mkdirSync(nodeDir(layout, name), { recursive: true, mode: 0o700 });
    const unlessAborted = <T>(work: Promise<T>): Promise<T> => Promise.race([work, aborted(signal)]);

    reporter.progress(`network ${printLan(topology)} and the API server`);
    const opening = this.#openPlaces();
    const firewalls = opening.then((places) => Promise.all(nodesOf(places).map((node) => this.#startFirewall(node))));
    const runtimes = opening.then((places) => this.#startRuntimes(nodesOf(places)));
    const [places, url] = await unlessAborted(Promise.all([opening, this.#startServer(), firewalls, runtimes]));
    await openApiRelay(
      {
        at: places.flatMap(({ place, pid }) =>
          [LOOPBACK, ...(place.kind === 'lan' ? place.addresses : [])].map((address) => ({ pid, address })),
        ),
        port: Number(new URL(url).port),
        socketPath: layout.apiSocket,
        log: this.#parts.log,
      },
      this.#agentsEnd.signal,
    );
    const waiting = new Set(topology.nodes.map(({ name }) => name));
    const progress = () =>
      reporter.progress(waiting.size === 0 ? 'all ready' : `waiting for ${[...waiting].join(', ')}`);
    progress();
    await unlessAborted(
      Promise.all(
        nodesOf(places).map(async (node) => {
          await this.#startAgent(node);
          waiting.delete(node.place.name);
          progress();
        }),
      ),
    );
    this.#update({ ready: true });
    return places;
  }

  /** Ends everything. What agents speak to goes last, so that they can still say goodbye. */
  async end(): Promise<void> {
    this.#agentsEnd.abort();
    await Promise.all(this.#agents);
    this.#serverEnd.abort();
    await Promise.all([this.#server, ...this.#firewalls, ...this.#runtimes]);
    this.#placesEnd.abort();
  }

  async #openPlaces(): Promise<readonly OpenPlace[]> {
    const { topology } = this.#parts;
    const places = await openPlaces(
      topology,
      { resolvConf: (place) => this.#resolvConfPath(place) },
      this.#placesEnd.signal,
    );
    writeFileSync(this.#resolvConfPath(topology.client), resolvConf([], CLUSTER_DOMAIN));
    this.#update({ places: Object.fromEntries(places.map(({ place, pid }) => [place.name, pid])) });
    return places;
  }

  /** Resolves to the API's URL. The port that the server found the first time is its port from then on. */
  async #startServer(): Promise<string> {
    const { layout, spec, topology, commands } = this.#parts;
    const agents = topology.nodes.map(({ name }) => ({ nodeName: name, kubeconfig: this.#agentKubeconfig(name) }));
    let listen = '127.0.0.1:0';
    const supervisor = this.#supervise({
      name: 'server',
      argv: () =>
        commands.server({
          dataDir: layout.serverData,
          listen,
          socketPath: layout.apiSocket,
          advertiseAddresses: topology.lan.addresses.map(printIP),
          ipFamilies: spec.ipFamilies,
          agents,
        }),
      onReady: (rest) => {
        listen = `127.0.0.1:${new URL(urlOf(rest)).port}`;
      },
    });
    this.#server = supervisor.run(this.#serverEnd.signal);
    const url = urlOf(await supervisor.firstReady);
    rmSync(layout.kubeconfig, { force: true });
    symlinkSync(relative(layout.dir, join(layout.serverData, 'kubeconfig')), layout.kubeconfig);
    this.#update({ server: url });
    return url;
  }

  /** Before its agent, which looks once for what to open. */
  async #startFirewall({ place, pid }: OpenPlace): Promise<void> {
    const { layout, spec } = this.#parts;
    if (spec.nodeFirewall === undefined) return;
    const enter = (argv: readonly string[]) => enterArgv(pid, argv);
    await bindFirewallSettings(enter, firewallDir(layout, place.name));
    for (const { name, argv } of FIREWALL_PROCESSES) {
      const supervisor = this.#supervise({ name: `${place.name}.${name}`, argv: () => enter(argv) });
      this.#firewalls.push(supervisor.run(this.#serverEnd.signal));
      await supervisor.firstReady;
    }
  }

  async #startRuntimes(nodes: readonly OpenPlace[]): Promise<void> {
    if (this.#parts.spec.nodeContainers !== true) return;
    const image = await this.#parts.commands.sandboxImage();
    await Promise.all(nodes.map((node) => this.#startRuntime(node, image)));
  }

  /** Before its agent, which finds it where it is on any machine. */
  async #startRuntime({ place: { name }, pid }: OpenPlace, sandboxImage: SandboxImage): Promise<void> {
    const enter = (argv: readonly string[]) => enterArgv(pid, argv);
    const node = { layout: this.#parts.layout, name, enter, sandboxImage };
    const argv = await prepareContainerd(node);
    const supervisor = this.#supervise({ name: `${name}.containerd`, argv: () => argv });
    this.#runtimes.push(supervisor.run(this.#serverEnd.signal));
    await supervisor.firstReady;
    await importSandboxImage(node);
  }

  async #startAgent({ place, pid }: OpenPlace): Promise<void> {
    const { layout, spec, commands, log } = this.#parts;
    const agent = commands.agent({
      nodeName: place.name,
      kubeconfig: this.#agentKubeconfig(place.name),
      socketPath: layout.apiSocket,
      stateDir: nodeDir(layout, place.name),
      lanInterface: place.lanInterface,
      addresses: place.addresses.map(printIP),
      ipFamilies: spec.ipFamilies,
      flags: spec.agentFlags ?? [],
    });
    const supervisor = this.#supervise({ name: place.name, argv: () => enterArgv(pid, agent) });
    this.#agents.push(supervisor.run(this.#agentsEnd.signal));
    await supervisor.firstReady;
    const nameservers = await addressesIn(pid, NODE_BRIDGE);
    // Written in place: the file is bind-mounted. Name servers are the node's own for as long as it lives.
    writeFileSync(this.#resolvConfPath(place), resolvConf(nameservers, CLUSTER_DOMAIN));
    log.info({ node: place.name, nameservers }, 'node ready');
  }

  #supervise(what: {
    readonly name: string;
    readonly argv: () => readonly string[];
    readonly onReady?: (rest: string) => void;
  }): Supervisor {
    const log = new BoundedLog(logFile(this.#parts.layout, what.name));
    return new Supervisor({ ...what, log, onChange: (state) => this.#processChanged(state) });
  }

  #processChanged(state: ProcessState): void {
    this.#processes.set(state.name, state);
    if (state.phase === 'backing-off') this.#parts.log.warn({ process: state.name, end: state.lastEnd }, 'restarting');
    this.#update({ processes: [...this.#processes.values()] });
  }

  #update(change: Partial<LabState>): void {
    this.#state = { ...this.#state, ...change };
    // A lab whose directory is gone is ending, and does not bring it back.
    if (existsSync(this.#parts.layout.owner)) writeJson(this.#parts.layout.state, this.#state);
  }

  #resolvConfPath(place: Place): string {
    return join(this.#parts.layout.run, `resolv.conf.${place.name}`);
  }

  #agentKubeconfig(node: string): string {
    return join(nodeDir(this.#parts.layout, node), 'kubeconfig');
  }
}

function nodesOf(places: readonly OpenPlace[]): readonly OpenPlace[] {
  return places.filter(({ place }) => place.kind === 'node');
}

function urlOf(readyLine: string): string {
  const url = readyLine.split(' ')[0] ?? '';
  if (!URL.canParse(url))
    throw new LabError(`the server said it is ready, but not where: ${JSON.stringify(readyLine)}`);
  return url;
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    else signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}
