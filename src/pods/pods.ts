/** Starts a node's part that runs pods of containers. */
import { access } from 'node:fs/promises';
import { resolve } from 'node:path';
import { Node } from '../api/core/v1/node.ts';
import { Pod } from '../api/core/v1/pod.ts';
import { Service } from '../api/core/v1/service.ts';
import { EndpointSlice } from '../api/discovery/v1/endpointslice.ts';
import type { Client } from '../client/client.ts';
import { EventRecorder } from '../client/events.ts';
import type { Informer } from '../client/informer.ts';
import type { Informers } from '../client/informers.ts';
import { type Clock, systemClock } from '../host/clock.ts';
import type { Logger } from '../host/log.ts';
import { untilAborted } from '../lib/abort.ts';
import { Slots } from '../lib/turns.ts';
import type { PodNetwork } from '../network/pod-network.ts';
import type { Assembled, AssembleOptions } from './assemble.ts';
import type { ContainerEventType, ContainerRuntime } from './cri/cri.ts';
import { podEvents } from './events.ts';
import { type Leavings, leavingsOf, logsUnder } from './leavings.ts';
import { podLookup } from './lookup.ts';
import { NodeReport } from './node-report.ts';
import { followRuntime, type RuntimeEndpoint, type RuntimeState } from './runtime/connection.ts';
import { type ContainerRun, nameOf, restartCountOf } from './runtime/pod-runtime.ts';
import { RuntimeCache } from './runtime/runtime-cache.ts';
import { startStreams } from './streams/streams.ts';
import type { Servers } from './streams/tunnels.ts';
import { sweep } from './sweep.ts';
import { EndpointDrain } from './worker/endpoints.ts';
import type { NodeParts } from './worker/parts.ts';
import { PodWorkers } from './worker/workers.ts';

/** Calls that keep the runtime busy, at the same time: making sandboxes and containers is work for processors and disks. */
const SLOTS = 8;
/** Seconds that containers get to end when the whole part ends. */
const END_GRACE = 5;
/** After an event about a container that nobody has heard of yet. */
const LOOK_SOON = 200;

export interface PodsOptions {
  readonly client: Client;
  readonly informers: Informers;
  readonly nodeName: string;
  /** The node's own addresses, at most one per family, the primary family first. */
  readonly hostIPs: readonly string[];
  readonly network: PodNetwork;
  /** The API servers, to which connections for streams are opened. */
  readonly servers: Servers;
  readonly runtimeEndpoint: RuntimeEndpoint;
  /** Holds a folder per pod, their logs, and what the network plugin keeps. */
  readonly stateDir: string;
  readonly clusterDomain: string;
  /** The cluster's DNS servers, as this node's pods reach them. */
  readonly clusterDNS: readonly string[];
  /** Resolves when this node forwards to endpoints as it was told until now. Default: nothing here forwards. */
  readonly forwarded?: () => Promise<void>;
  readonly log: Logger;
  readonly clock?: Clock;
  /** Default: a runtime behind a socket. */
  readonly open?: (socketPath: string) => Promise<ContainerRuntime>;
  /** Default: those on this machine. */
  readonly leavings?: Leavings;
  /** Default: the real parts. */
  readonly assemble?: (options: AssembleOptions, signal: AbortSignal) => Promise<Made>;
}

/** What serves with a runtime; a network plugin is no part of every test. */
type Made = Pick<Assembled, 'parts'> & Partial<Assembled>;

/** The part that runs a node's pods. */
export interface Pods {
  /** `leave`: the containers run on and are found again by the next start. `end`: they are ended and cleared away. */
  stop(how: 'leave' | 'end'): Promise<void>;
}

/**
 * Runs this node's pods of containers until the signal is aborted; without `stop` they are left running. Resolves when the pods are
 * known. A node without a runtime says so, and goes on looking for one.
 */
export async function startPods(options: PodsOptions, signal: AbortSignal): Promise<Pods> {
  const part = new PodsOfNode(options);
  await part.start(signal);
  return part;
}

class PodsOfNode implements Pods {
  readonly #options: PodsOptions;
  readonly #clock: Clock;
  readonly #pods: Informer<Pod>;
  readonly #parts: NodeParts;
  readonly #workers: PodWorkers;
  readonly #report: NodeReport;
  readonly #nodes: Informer<Node>;
  readonly #services: (namespace: string) => readonly Service[];
  #assembled: Made | undefined;
  #runtime: ContainerRuntime | undefined;
  #scheme = 'containerd';
  #isSwept = false;
  #looksSoon = false;

  constructor(options: PodsOptions) {
    const { client, informers, nodeName, log, clock = systemClock, forwarded } = options;
    this.#options = options;
    this.#clock = clock;
    this.#pods = informers.of(Pod, { fieldSelector: `spec.nodeName=${nodeName}` });
    this.#nodes = informers.of(Node);
    this.#services = informers.of(Service).index(({ metadata }) => [metadata.namespace ?? '']);
    const slices = informers.of(EndpointSlice);
    const recorder = new EventRecorder({ client, component: 'kubelet', host: nodeName, clock, log });
    this.#parts = {
      ...{ client, nodeName, clock, log },
      leavings: options.leavings ?? leavingsOf(nodeName, logsUnder(resolve(options.stateDir))),
      events: podEvents(recorder),
      facts: () => ({ hostIPs: options.hostIPs, scheme: this.#scheme }),
      cache: new RuntimeCache({ nodeName, lastWords: (run, uid) => this.#lastWords(run, uid) }),
      drain: new EndpointDrain({ slices, nodeName, clock, ...(forwarded && { forwarded }) }),
      slots: new Slots(SLOTS),
    };
    this.#workers = new PodWorkers({
      parts: this.#parts,
      pods: this.#pods,
      allocatable: () => this.#allocatable(),
    });
    this.#report = new NodeReport({ client, nodeName, nodes: this.#nodes, clock, log });
  }

  async start(signal: AbortSignal): Promise<void> {
    const {
      informers,
      runtimeEndpoint,
      open = (socketPath: string) => openRuntime(socketPath, log),
      log,
    } = this.#options;
    await untilAborted(informers.start(signal), signal);
    if (signal.aborted) return;
    const failed = (err: unknown) => log.error({ err }, 'the part that runs pods has stopped');
    this.#workers.run(signal).catch(failed);
    this.#report.run(signal).catch(failed);
    this.#serveStreams(signal);
    followRuntime(
      {
        ...{ endpoint: runtimeEndpoint, open, clock: this.#clock, log },
        onState: (state) => this.#stateChanged(state),
        prepare: (runtime, version) => this.#prepare(runtime, version.name, signal),
        onEvent: ({ type, containerID }) => this.#happened(type, containerID, signal),
        relist: (runtime) => this.#relist(runtime),
      },
      signal,
    ).catch(failed);
  }

  async stop(how: 'leave' | 'end'): Promise<void> {
    if (how === 'leave' || this.#assembled === undefined) return;
    const failures = await this.#workers.stop(this.#assembled.parts, END_GRACE);
    for (const err of failures) this.#options.log.warn({ err }, 'a pod was not ended');
  }

  #stateChanged(state: RuntimeState): void {
    this.#report.tell(state);
    this.#runtime = state.kind === 'there' ? this.#assembled?.parts.runtime : undefined;
    this.#workers.useRuntime(state.kind === 'there' ? this.#assembled?.parts : undefined);
  }

  /** Without a runtime, too: ports of virtual machines need none, and why there are no containers is to be said. */
  #serveStreams(signal: AbortSignal): void {
    const { servers, nodeName, log } = this.#options;
    const runtime = () => this.#runtime;
    const pods = podLookup({ pods: this.#pods, cache: this.#parts.cache, runtime });
    startStreams({ servers, nodeName, pods, runtime, log, clock: this.#clock }, signal);
  }

  async #prepare(runtime: ContainerRuntime, name: string, signal: AbortSignal): Promise<void> {
    this.#scheme = name;
    if (this.#assembled !== undefined) return this.#verify();
    const { client, network, nodeName, stateDir, clusterDomain, clusterDNS, hostIPs, log } = this.#options;
    const make = this.#options.assemble ?? (await import('./assemble.ts')).assemble;
    this.#assembled = await make(
      {
        ...{ runtime, client, network, nodeName, clusterDomain, hostIPs, log, clock: this.#clock },
        stateDir: resolve(stateDir),
        clusterDNS: () => clusterDNS,
        allocatable: () => this.#allocatable(),
        services: this.#services,
        events: this.#parts.events,
        changed: (uid) => this.#workers.retry(uid),
        probed: (uid) => this.#workers.poke(uid),
        logged: () => this.#logged(),
      },
      signal,
    );
  }

  /** A runtime that was installed anew may lack what was put into its folders. */
  async #verify(): Promise<void> {
    const problem = await this.#assembled?.cni?.verify();
    if (problem !== undefined) this.#options.log.warn({ problem }, 'pods do not get onto the pod network of this node');
  }

  async #relist(runtime: ContainerRuntime): Promise<void> {
    for (const uid of await this.#parts.cache.relist(runtime)) this.#workers.poke(uid);
    if (this.#isSwept || this.#assembled === undefined) return;
    this.#isSwept = true;
    const { leavings, log } = this.#parts;
    const isKnown = (uid: string) => this.#workers.has(uid);
    await sweep({ leavings, log, volumes: this.#assembled.parts.volumes, isKnown });
  }

  #happened(type: ContainerEventType, id: string, signal: AbortSignal): void {
    // What is made and started is known to whoever did it.
    if (type === 'CREATED' || type === 'STARTED') return;
    const uid = this.#parts.cache.podOf(id);
    if (uid !== undefined) {
      this.#parts.cache.markStale(uid);
      this.#workers.poke(uid);
    } else if (type === 'STOPPED' && !this.#looksSoon) {
      // One that ended before anybody had seen it: whose it was, a list tells.
      this.#looksSoon = true;
      this.#clock.sleep(LOOK_SOON, signal).then(
        () => this.#lookAgain(),
        () => undefined, // The part ends.
      );
    }
  }

  async #lookAgain(): Promise<void> {
    this.#looksSoon = false;
    const runtime = this.#runtime;
    if (runtime === undefined) return;
    await this.#relist(runtime).catch((err: unknown) => this.#options.log.debug({ err }, 'cannot list containers'));
  }

  async #lastWords(run: ContainerRun, podUID: string): Promise<string | undefined> {
    const { volumes } = this.#assembled?.parts ?? {};
    if (volumes === undefined) return undefined;
    try {
      const file = volumes.terminationMessageFile(podUID, nameOf(run), restartCountOf(run));
      return await this.#parts.leavings.lastWords(run, file);
    } catch (err) {
      this.#options.log.warn({ err, container: run.id }, 'cannot read what a container left to be said');
      return undefined;
    }
  }

  *#logged(): Iterable<{ readonly containerID: string; readonly logPath: string }> {
    for (const { id, logPath } of this.#parts.cache.running()) yield { containerID: id, logPath };
  }

  #allocatable(): Readonly<Record<string, string | number>> {
    return this.#nodes.get({ name: this.#options.nodeName })?.status?.allocatable ?? {};
  }
}

/** Loads nothing for a runtime that is not there. */
async function openRuntime(socketPath: string, log: Logger): Promise<ContainerRuntime> {
  await access(socketPath);
  return (await import('./cri/client.ts')).openRuntime({ socketPath, log });
}
