/**
 * The announcer's side that follows the API: it says who may announce what and who the others are, and writes down what
 * comes of it. Everything that must not wait is on the LAN's side (`lan/`).
 */
import { Lease } from '../../api/coordination/v1/lease.ts';
import type { Node } from '../../api/core/v1/node.ts';
import { keyText } from '../../api/meta/v1.ts';
import { ANNOUNCER_LEASE_NAMESPACE, type AnnouncerFacts } from '../../api/metallb/v1beta1/announcer-lease.ts';
import { logLevelOf } from '../../api/metallb/v1beta1/log-level.ts';
import { MetalLB } from '../../api/metallb/v1beta1/metallb.ts';
import { METALLB_NAME, METALLB_NAMESPACE } from '../../api/metallb/v1beta1/names.ts';
import type { Client } from '../../client/client.ts';
import { EventRecorder } from '../../client/events.ts';
import { Informer } from '../../client/informer.ts';
import { Informers } from '../../client/informers.ts';
import { type Clock, systemClock } from '../../host/clock.ts';
import type { Logger, LogLevel } from '../../host/log.ts';
import { seconds } from '../../lib/duration.ts';
import type { Metric } from '../../lib/metrics.ts';
import type { FromLan, LanPort, LanStatus, PeerStatus } from '../lan/messages.ts';
import { AnnouncementEvents } from './events.ts';
import { HeartbeatKeys } from './keys.ts';
import { OwnLease } from './lease.ts';
import { metricsOf } from './metrics.ts';
import { Peers } from './peers.ts';
import { Plans } from './plans.ts';
import { Statuses } from './statuses.ts';
import { UNHEARD_AFTER, unheardNodes } from './unheard.ts';

export interface SpeakerOptions {
  readonly client: Client;
  /** Shared with other parts of the process, to end with them. Default: our own. */
  readonly informers?: Informers;
  readonly nodeName: string;
  readonly log: Logger;
  readonly clock?: Clock;
  /** Told who may announce, who the others are, their key, and whether the API is there; tells what it does. */
  readonly lan: LanPort;
  /** UDP port of this node's heartbeats; undefined: it sends none. */
  readonly heartbeatPort: number | undefined;
  /** A file that holds the secret of heartbeats. Default: a Secret that all announcers share. */
  readonly heartbeatKeyFile?: string;
  /** Is told how much the MetalLB object wants to be logged; undefined: it does not say, or there is none. */
  readonly setLogLevel?: (level: LogLevel | undefined) => void;
}

const SETTINGS = keyText({ namespace: METALLB_NAMESPACE, name: METALLB_NAME });
/** The most that what is left to write may hold up the end. */
const FINISH_LIMIT = seconds(1);

export class Speaker {
  /** Resolves when everything that was there at the start has been decided and told. */
  readonly synced: Promise<void>;
  readonly nodes: Informer<Node>;
  readonly #options: SpeakerOptions & { readonly clock: Clock };
  readonly #informers: Informers;
  readonly #leases: Informer<Lease>;
  readonly #plans: Plans;
  readonly #peers: Peers;
  readonly #lease: OwnLease;
  readonly #keys: HeartbeatKeys;
  readonly #statuses: Statuses;
  readonly #recorder: EventRecorder;
  readonly #events: AnnouncementEvents;
  /** Undefined until the LAN's side has told. */
  #statesOfPeers: readonly PeerStatus[] | undefined;
  #hears: readonly string[] = [];
  #onLan = true;
  #isSynced = false;
  #macs: readonly string[] = [];
  #unheard = '';

  constructor(given: SpeakerOptions) {
    const options = { ...given, clock: given.clock ?? systemClock };
    this.#options = options;
    const { client, nodeName, log, clock, lan } = options;
    const parts = { client, nodeName, log, clock };
    const node = () => this.nodes.get({ name: nodeName });
    this.#informers = options.informers ?? new Informers(parts);
    this.#leases = new Informer({ ...parts, kind: Lease, namespace: ANNOUNCER_LEASE_NAMESPACE });
    this.#plans = new Plans({
      ...{ informers: this.#informers, log },
      tell: (changed, removed) => lan.send({ kind: 'plans', changed, removed }),
    });
    this.nodes = this.#plans.nodes;
    this.#peers = new Peers({
      ...{ nodeName, nodes: this.nodes, leases: this.#leases, clock },
      tell: (peers) => lan.send({ kind: 'peers', peers }),
    });
    this.#keys = new HeartbeatKeys({
      ...parts,
      ...(options.heartbeatKeyFile === undefined ? {} : { file: options.heartbeatKeyFile }),
      tell: (keys) => {
        lan.send({ kind: 'keys', keys });
        this.#lease.renewSoon();
      },
    });
    this.#lease = new OwnLease({
      ...parts,
      node,
      facts: () => this.#facts(),
      announcers: () => 1 + this.#peers.facts.filter(({ lease }) => lease !== 'none').length,
      isAlone: () => this.#isAlone(),
      reachable: (reachable) => lan.send({ kind: 'api', reachable }),
    });
    this.#statuses = new Statuses({
      ...{ ...parts, node, informers: this.#informers },
      isGone: (name) => this.#isGone(name),
      report: (key, announced) => this.#events.service(key, announced),
    });
    this.#recorder = new EventRecorder({ ...parts, component: 'metallb-speaker', host: nodeName });
    this.#events = new AnnouncementEvents({
      ...{ events: this.#recorder, nodeName, node },
      service: (key) => this.#plans.services.get(key),
    });
    this.synced = this.#plans.synced.then(() => {
      lan.send({ kind: 'synced' });
      this.#isSynced = true;
      this.#lease.renewSoon();
    });
    lan.onMessage((message) => this.#receive(message));
    this.#informers.of(MetalLB, { optional: true }).onChange(({ key, object }) => {
      if (key === SETTINGS) options.setLogLevel?.(logLevelOf(object));
    });
  }

  /** Follows the API until the signal is aborted. */
  start(signal: AbortSignal): void {
    void this.#informers.start(signal);
    this.#leases.start(signal);
    void this.#peers.run(signal);
    void this.#statuses.run(signal);
    if (this.#options.heartbeatPort !== undefined) void this.#keys.run(signal);
    void this.#lease.run(signal);
    void this.#lookForUnheard(signal);
  }

  /** Says by the API that this announcer is about to stop, for those whom no heartbeat tells; takes half a second at most. */
  async leaving(): Promise<void> {
    await this.#lease.release();
  }

  /** After everything has been handed over: waits, for a second at most, until that has been written down. */
  async finish(): Promise<void> {
    const limit = new AbortController();
    const late = this.#options.clock.sleep(FINISH_LIMIT, limit.signal).catch(() => {});
    await Promise.race([late, Promise.all([this.#statuses.idle(), this.#recorder.flush()])]);
    limit.abort();
  }

  /** The state that `status` tells of, and what the API says of pools. */
  metrics(status: LanStatus): readonly Metric[] {
    return metricsOf({ nodeName: this.#options.nodeName, status, pools: this.#plans.pools.list() });
  }

  #receive(message: FromLan): void {
    switch (message.kind) {
      case 'announcing':
        this.#statuses.set(message.announced.address, message.announced);
        break;
      case 'withdrawn':
        this.#statuses.set(message.address, undefined);
        break;
      case 'conflict': {
        const { conflict, state } = message;
        this.#events.conflict(conflict, state, this.#plans.get(conflict.address)?.services ?? []);
        break;
      }
      case 'peers':
        this.#notePeers(message);
        break;
      case 'unknown-key':
        this.#keys.readAgain();
        break;
    }
  }

  #notePeers({ peers, hears, onLan, macs }: Extract<FromLan, { kind: 'peers' }>): void {
    const before = new Map(this.#statesOfPeers?.map(({ name, state }) => [name, state]));
    const facts = JSON.stringify(this.#facts());
    this.#statesOfPeers = peers;
    this.#hears = hears;
    this.#onLan = onLan;
    this.#macs = macs;
    for (const { name, state } of peers) if (state !== before.get(name)) this.#statuses.nodeChanged(name);
    if (JSON.stringify(this.#facts()) !== facts) this.#lease.renewSoon();
  }

  #facts(): AnnouncerFacts {
    const { nodeName, heartbeatPort } = this.#options;
    // Without a key none are sent, whatever the port.
    const port = this.#keys.areKnown ? heartbeatPort : undefined;
    const ready = this.#isSynced && (heartbeatPort === undefined || this.#keys.areSought);
    return { node: nodeName, port, hears: this.#hears, onLan: this.#onLan, macs: this.#macs, ready };
  }

  /** Whether heartbeats come from nobody, although there are others: then it counts whether the API can be reached. */
  #isAlone(): boolean {
    return this.#hears.length === 0 && this.#keys.areKnown && this.#peers.facts.some(({ lease }) => lease === 'fresh');
  }

  /** One that stopped in good order has taken back what it said; of one that was lost, somebody else has to. */
  #isGone(name: string): boolean {
    if (this.#statesOfPeers === undefined) return false;
    const state = this.#statesOfPeers.find((peer) => peer.name === name)?.state;
    return state === undefined || state === 'lost' || state === 'absent';
  }

  async #lookForUnheard(signal: AbortSignal): Promise<void> {
    const { clock, heartbeatPort } = this.#options;
    while (heartbeatPort !== undefined && !signal.aborted) {
      await clock.sleep(UNHEARD_AFTER, signal).catch(() => {}); // The loop looks at the signal.
      const names = unheardNodes(this.#statesOfPeers ?? [], this.#peers.facts, clock.now());
      // A key that differs is one reason not to be heard.
      if (names.length > 0) this.#keys.readAgain();
      if (names.join() !== this.#unheard) this.#events.unheard(names, heartbeatPort);
      this.#unheard = names.join();
    }
  }
}
