/**
 * The lab's own main: makes the places, starts servers and agents, and keeps them running until it is told to end. It runs
 * in a PID namespace that ends with it, so whatever happens to it, nothing of the lab is left.
 */
import { existsSync, mkdirSync, watch, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Logger } from '../host/log.ts';
import { messageOf } from '../lib/errors.ts';
import { printIP } from '../lib/ip.ts';
import { importSandboxImage, prepareContainerd, type SandboxImage } from './container-runtime.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';
import { LabError } from './error.ts';
import { firewallDir, type Layout, layoutOf, nodeDir } from './layout.ts';
import { bindFirewallSettings, FIREWALL_PROCESSES } from './node-firewall.ts';
import type { LabCommands } from './options.ts';
import { addressesIn, enterArgv, type OpenPlace, openPlaces } from './place.ts';
import { LabProcesses } from './processes.ts';
import { openReporter, type Reporter } from './reporter.ts';
import { readSpec } from './state.ts';
import { type LabSpec, type Place, printLans, resolvConf, type Topology, topologyOf } from './topology.ts';

export interface LabRunOptions {
  readonly dir: string;
  readonly commands: LabCommands;
  readonly log: Logger;
}

/** The bridge whose addresses are a node's name servers. */
const NODE_BRIDGE = 'postern0';
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

/** Everything of one lab. */
class RunningLab {
  readonly #parts: Parts;
  readonly #processes: LabProcesses;
  readonly #placesEnd = new AbortController();

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#processes = new LabProcesses(parts.layout, parts.log);
  }

  /** Resolves when every part is ready; rejects when one is not going to be, or the signal is aborted. */
  async start(signal: AbortSignal): Promise<readonly OpenPlace[]> {
    const { layout, topology, reporter } = this.#parts;
    mkdirSync(layout.logs, { recursive: true, mode: 0o700 });
    for (const { name } of topology.nodes) mkdirSync(nodeDir(layout, name), { recursive: true, mode: 0o700 });
    const unlessAborted = <T>(work: Promise<T>): Promise<T> => Promise.race([work, aborted(signal)]);

    reporter.progress(`network ${printLans(topology)} and the API server`);
    const opening = this.#openPlaces();
    const firewalls = opening.then((places) => Promise.all(nodesOf(places).map((node) => this.#startFirewall(node))));
    const runtimes = opening.then((places) => this.#startRuntimes(nodesOf(places)));
    const controlPlane = startControlPlane({ ...this.#parts, processes: this.#processes }, opening);
    const [places, servers] = await unlessAborted(Promise.all([opening, controlPlane, firewalls, runtimes]));
    this.#processes.update({ server: servers.url });
    const waiting = new Set(topology.nodes.map(({ name }) => name));
    const progress = () =>
      reporter.progress(waiting.size === 0 ? 'all ready' : `waiting for ${[...waiting].join(', ')}`);
    progress();
    await unlessAborted(
      Promise.all(
        nodesOf(places).map(async (node) => {
          await this.#startAgent(node, servers);
          waiting.delete(node.place.name);
          progress();
        }),
      ),
    );
    this.#processes.watchStopped(this.#placesEnd.signal);
    this.#processes.update({ ready: true });
    return places;
  }

  /** Ends everything. */
  async end(): Promise<void> {
    await this.#processes.end();
    this.#placesEnd.abort();
  }

  async #openPlaces(): Promise<readonly OpenPlace[]> {
    const { topology } = this.#parts;
    const places = await openPlaces(
      topology,
      { resolvConf: (place) => this.#resolvConfPath(place) },
      this.#placesEnd.signal,
    );
    for (const place of [...topology.servers, topology.client]) {
      writeFileSync(this.#resolvConfPath(place), resolvConf([], CLUSTER_DOMAIN));
    }
    this.#processes.update({ places: Object.fromEntries(places.map(({ place, pid }) => [place.name, pid])) });
    return places;
  }

  /** Before its agent, which looks once for what to open. */
  async #startFirewall({ place, pid }: OpenPlace): Promise<void> {
    const { layout, spec } = this.#parts;
    if (spec.nodeFirewall === undefined) return;
    const enter = (argv: readonly string[]) => enterArgv(pid, argv);
    await bindFirewallSettings(enter, firewallDir(layout, place.name));
    for (const { name, argv } of FIREWALL_PROCESSES) {
      await this.#processes.start({ name: `${place.name}.${name}`, stage: 'base', argv: () => enter(argv) });
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
    await this.#processes.start({ name: `${name}.containerd`, stage: 'base', argv: () => argv });
    await importSandboxImage(node);
  }

  async #startAgent({ place, pid }: OpenPlace, servers: ControlPlane): Promise<void> {
    const { layout, spec, commands, log } = this.#parts;
    const agent = commands.agent({
      nodeName: place.name,
      credentials: servers.credentialsOf(place.name),
      stateDir: nodeDir(layout, place.name),
      lanInterface: place.lanInterface,
      addresses: place.addresses.map(printIP),
      ipFamilies: spec.ipFamilies,
      flags: spec.agentFlags ?? [],
    });
    await this.#processes.start({ name: place.name, stage: 'agents', argv: () => enterArgv(pid, agent) });
    const nameservers = await addressesIn(pid, NODE_BRIDGE);
    // Written in place: the file is bind-mounted. Name servers are the node's own for as long as it lives.
    writeFileSync(this.#resolvConfPath(place), resolvConf(nameservers, CLUSTER_DOMAIN));
    log.info({ node: place.name, nameservers }, 'node ready');
  }

  #resolvConfPath(place: Place): string {
    return join(this.#parts.layout.run, `resolv.conf.${place.name}`);
  }
}

function nodesOf(places: readonly OpenPlace[]): readonly OpenPlace[] {
  return places.filter(({ place }) => place.kind === 'node');
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    else signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}
