/** A node's firewall kept as the API's objects want it: what is exposed is let in, and nothing else of ours is there. */
import { isDeepStrictEqual } from 'node:util';
import { BackOff } from '../client/back-off.ts';
import type { Client } from '../client/client.ts';
import { EventRecorder } from '../client/events.ts';
import { Informers } from '../client/informers.ts';
import { type Clock, systemClock } from '../host/clock.ts';
import type { Logger } from '../host/log.ts';
import { Wake } from '../host/wake.ts';
import { untilAborted } from '../lib/abort.ts';
import { seconds } from '../lib/duration.ts';
import { admissionKey, type Changes, type FirewallBackend, type Opening, type PodTraffic } from './backend.ts';
import type { ProxyHealth } from './exposure/cluster.ts';
import { Exposures } from './exposure/exposures.ts';
import type { FirewallPolicy } from './exposure/policy.ts';
import { BLOCKED, blockedMessage, LEFT, leftMessage, MISTAKE, REFUSED, refusedMessage } from './reasons.ts';
import { complaintsOf } from './verify/complaints.ts';
import type { BlockedPort } from './verify/summary.ts';

export interface FirewallOptions {
  readonly client: Client;
  /** Shared with other parts of the process, to end with them. Default: our own. */
  readonly informers?: Informers;
  readonly nodeName: string;
  /** This node's own addresses on the LAN. */
  readonly nodeAddresses: readonly string[];
  /** UDP port of heartbeats between nodes; undefined: there are none. */
  readonly heartbeatPort: number | undefined;
  /** UDP port of VXLAN between nodes; undefined: they use none. */
  readonly vxlanPort?: number | undefined;
  readonly proxyHealth?: ProxyHealth;
  /** For Services that do not say. */
  readonly policy: FirewallPolicy;
  readonly backend: FirewallBackend;
  /** The interface behind which this node's pods are; undefined: it carries nothing for pods. */
  readonly podBridge?: string;
  /** Others that an earlier run may have used: what it left there is removed. */
  readonly retired?: readonly Pick<FirewallBackend, 'name' | 'remove'>[];
  readonly log: Logger;
  readonly clock?: Clock;
}

export interface RunningFirewall {
  /** Resolves when the firewall was first told everything, also when it refused. */
  readonly synced: Promise<void>;
  /** Resolves when the signal has been aborted and the firewall is left alone from then on. What is open stays open. */
  readonly stopped: Promise<void>;
}

/** Follows the API until the signal is aborted. */
export function startFirewall(options: FirewallOptions, signal: AbortSignal): RunningFirewall {
  const keeper = new FirewallKeeper(options);
  return { stopped: keeper.run(signal), synced: keeper.synced };
}

/** Between tries to change a firewall that refuses, in milliseconds. */
const RETRY = { first: 200, max: 30_000, jitter: 0.2 } as const;
/** How long nothing is to change before it is looked at whether what was opened is open. */
const QUIET = seconds(1);
/** Nothing to do: somebody wakes us. */
const IDLE = seconds(3600);

class FirewallKeeper {
  readonly synced: Promise<void>;
  readonly #options: FirewallOptions & { readonly clock: Clock };
  readonly #informers: Informers;
  readonly #exposures: Exposures;
  readonly #recorder: EventRecorder;
  readonly #wake = new Wake();
  readonly #backOff = new BackOff(RETRY);
  /** Opened, and not yet looked at. */
  readonly #unseen = new Map<string, Opening>();
  /** When the last change was, by the clock. */
  #changedAt = 0;
  /** Whether the firewall holds what it was last told, as far as we know. */
  #isLoaded = false;
  /** What the firewall was told of pods since it was loaded. */
  #pods: { readonly traffic: PodTraffic | undefined } | undefined;
  /** The same, until it was looked at whether they get by. */
  #unseenPods: PodTraffic | undefined;
  /** Why the firewall does not let pods by, as it was last told. */
  #leftPods: string | undefined;
  #markSynced: () => void = () => {};

  constructor(given: FirewallOptions) {
    const options = { ...given, clock: given.clock ?? systemClock };
    this.#options = options;
    const { client, nodeName, nodeAddresses, heartbeatPort, vxlanPort, policy, backend, log, clock } = options;
    this.#informers = options.informers ?? new Informers({ client, log, clock });
    this.#recorder = new EventRecorder({ client, component: 'postern-firewall', host: nodeName, clock, log });
    this.#exposures = new Exposures({
      ...{ informers: this.#informers, nodeName, addresses: nodeAddresses, heartbeatPort, vxlanPort, policy },
      ...(options.proxyHealth === undefined ? {} : { proxyHealth: options.proxyHealth }),
      enforces: backend.enforces,
      changed: () => this.#wake.now(),
      mistaken: (service, mistake) => this.#recorder.event(service, 'Warning', MISTAKE, mistake),
    });
    this.#exposures.nodes.onChange((change) => this.#lookAgain(complaintsOf(change, nodeName)));
    this.synced = new Promise((resolve) => {
      this.#markSynced = resolve;
    });
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock, backend } = this.#options;
    // What is not known yet would be closed.
    await untilAborted(
      this.#informers.start(signal).then(() => this.#exposures.synced),
      signal,
    );
    if (!signal.aborted) await this.#retire();
    backend.watch?.(() => this.#lost(), signal);
    while (!signal.aborted) {
      if (await this.#apply(signal)) {
        await this.#wake.sleep(clock, await this.#look(), signal);
        // More may be about to come with what woke us.
        await new Promise((resolve) => setImmediate(resolve));
      } else {
        await clock.sleep(this.#backOff.next(), signal).catch(() => {}); // The loop looks at the signal.
      }
    }
    this.#markSynced();
    await this.#recorder.flush();
  }

  /** False when the firewall refused: everything is loaded anew then. */
  async #apply(signal: AbortSignal): Promise<boolean> {
    const { backend, clock } = this.#options;
    const changes = await this.#exposures.takeChanges(signal);
    if (signal.aborted) return true;
    const { added, removed } = changes;
    const isChange = added.length + removed.length > 0;
    if (isChange) this.#changedAt = clock.now();
    for (const one of removed) this.#unseen.delete(admissionKey(one));
    for (const one of added) this.#unseen.set(admissionKey(one), one);
    try {
      if (!this.#isLoaded) {
        this.#isLoaded = true; // Unless it is lost meanwhile.
        this.#pods = undefined;
        await backend.load(this.#exposures.all());
      } else if (isChange) await backend.change(changes);
      await this.#letPods();
      this.#succeeded(changes);
      return true;
    } catch (err) {
      this.#isLoaded = false;
      if (!signal.aborted) this.#failed(err, added);
      return signal.aborted;
    } finally {
      this.#markSynced();
    }
  }

  /** What nodes carry for pods changes as nodes come and go. */
  async #letPods(): Promise<void> {
    const { podBridge, backend } = this.#options;
    const traffic = podBridge === undefined ? undefined : this.#exposures.pods(podBridge);
    if (this.#pods !== undefined && isDeepStrictEqual(this.#pods.traffic, traffic)) return;
    const passage = await backend.letPods(traffic);
    this.#pods = { traffic };
    this.#unseenPods = passage.kind === 'done' ? traffic : undefined;
    if (passage.kind === 'left') this.#tellLeft(passage.why);
  }

  /** Once for each reason. */
  #tellLeft(why: string | undefined): void {
    const { log, backend, nodeName } = this.#options;
    const isTold = why === this.#leftPods;
    this.#leftPods = why;
    if (why === undefined || isTold) return;
    log.warn({ firewall: backend.name, why }, 'the firewall may keep pods from each other and from this node');
    const node = this.#exposures.nodes.get({ name: nodeName });
    if (node !== undefined) this.#recorder.event(node, 'Warning', LEFT, leftMessage(backend.name, nodeName, why));
  }

  #succeeded({ added, removed }: Changes): void {
    const { log, backend } = this.#options;
    const fields = { firewall: backend.name, opened: added.length, closed: removed.length };
    if (this.#backOff.failures > 0) log.info(fields, 'the firewall takes changes again');
    else if (added.length + removed.length > 0) log.debug(fields, 'the firewall is changed');
    this.#backOff.reset();
  }

  /** Only the first failure of a streak is worth a warning; it is told to all whose ports wait, also those that come later. */
  #failed(err: unknown, added: readonly Opening[]): void {
    const { log, backend, nodeName } = this.#options;
    const fields = { err, firewall: backend.name };
    const message = refusedMessage(backend.name, nodeName, err);
    if (this.#backOff.failures > 0) log.debug(fields, 'the firewall still cannot be changed');
    else {
      log.warn(fields, 'the firewall cannot be changed; trying again');
      const node = this.#exposures.nodes.get({ name: nodeName });
      if (node !== undefined) this.#recorder.event(node, 'Warning', REFUSED, message);
    }
    for (const owner of new Set(added.map((one) => one.owner))) {
      const service = this.#exposures.services.get(owner);
      if (service !== undefined) this.#recorder.event(service, 'Warning', REFUSED, message);
    }
  }

  /** Others have changed the firewall: what is ours may be gone. */
  #lost(): void {
    this.#options.log.info(
      { firewall: this.#options.backend.name },
      'the firewall was changed by others; looking at ours',
    );
    this.#isLoaded = false;
    this.#wake.now();
  }

  /**
   * Once nothing changes any more, looks whether what was opened is open: a rule of the administrator's may drop it all the
   * same. Returns how long there is nothing to do, in milliseconds.
   */
  async #look(): Promise<number> {
    const { backend, clock, log } = this.#options;
    if (this.#unseen.size === 0 && this.#unseenPods === undefined) return IDLE;
    const left = this.#changedAt + QUIET - clock.now();
    if (left > 0) return left;
    const openings = [...this.#unseen.values()].filter(({ policy }) => policy === 'managed');
    this.#unseen.clear();
    const pods = this.#unseenPods;
    this.#unseenPods = undefined;
    try {
      const verdicts = await backend.verdicts(openings);
      openings.forEach((opening, i) => {
        const verdict = verdicts[i];
        if (verdict?.kind === 'blocked') this.#tellBlocked(opening, verdict.by);
      });
      if (pods === undefined) return IDLE;
      const verdict = await backend.podVerdict(pods);
      this.#tellLeft(verdict.kind === 'blocked' ? `they are blocked by ${verdict.by}` : undefined);
    } catch (err) {
      log.warn({ err, firewall: backend.name }, 'cannot tell whether what was opened is open');
    }
    return IDLE;
  }

  /** Rules of the administrator's may have changed since it was looked at: other nodes cannot get there. */
  #lookAgain(complaints: readonly BlockedPort[]): void {
    for (const { owner, address, port } of complaints) {
      const opening = this.#exposures
        .of(owner)
        .find((one) => one.address === address && one.port === port && one.protocol === 'tcp');
      if (opening !== undefined) this.#unseen.set(admissionKey(opening), opening);
    }
    if (complaints.length > 0) this.#wake.now();
  }

  #tellBlocked(opening: Opening, by: string): void {
    const { log, nodeName, backend } = this.#options;
    const message = blockedMessage(opening, nodeName, by);
    log.warn({ owner: opening.owner, firewall: backend.name, by }, message);
    const service = this.#exposures.services.get(opening.owner);
    if (service !== undefined) this.#recorder.event(service, 'Warning', BLOCKED, message);
  }

  /** Removes what earlier runs left in firewalls that are not used any more. */
  async #retire(): Promise<void> {
    const { retired = [], log } = this.#options;
    for (const backend of retired) {
      await backend.remove().catch((err: unknown) => {
        log.warn({ err, firewall: backend.name }, 'cannot look for what an earlier run left in another firewall');
      });
    }
  }
}
