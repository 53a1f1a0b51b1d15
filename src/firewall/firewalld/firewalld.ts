/** The firewall of hosts that run firewalld: through its D-Bus interface, in what applies now and in what applies after a reload. */
import { type Clock, systemClock } from '../../host/clock.ts';
import type { Logger } from '../../host/log.ts';
import type { NftRunner } from '../../host/nft.ts';
import { rulesetGeneration } from '../../netfilter/iptables/fingerprint.ts';
import {
  type Admission,
  admissionKey,
  type Changes,
  type FirewallBackend,
  FirewallError,
  type Opening,
  type PodPassage,
  type PodTraffic,
  type Verdict,
} from '../backend.ts';
import { Guard, removeGuard } from '../enforce/guard.ts';
import { type Reading, readingOf } from '../enforce/reading.ts';
import { glance } from '../glance.ts';
import { asked } from '../nftables/asked.ts';
import { sendMessages } from '../nftables/send.ts';
import { SOCKETS, worse } from '../ruleset/verdict.ts';
import { verdicts } from './admits.ts';
import { type Beside, blockedBeside, podsBlockedBeside } from './beside.ts';
import { openSystemBus } from './bus.ts';
import { FirewallD1 } from './firewall-d1.ts';
import { loadRules } from './load.ts';
import { look } from './look.ts';
import { oneByOne } from './one-by-one.ts';
import { podVerdict } from './pod-verdict.ts';
import { letPods } from './pods.ts';
import { admissions, richRules } from './rules.ts';
import { watchFirewalld } from './watch.ts';
import { zoneRules } from './zone-rules.ts';
import { lookAtZones } from './zones.ts';

export interface FirewalldOptions {
  /** Interfaces that clients come by: what is opened is opened in their zones. */
  readonly interfaces: readonly string[];
  /** Zones that are opened besides those, as for clients that they know by their addresses. Default: none. */
  readonly zones?: readonly string[];
  /** The interface behind which guests are, if there is one: decides what firewalld forwards to them when it is strict. */
  readonly guests?: string;
  /** Guards what is enforced, and reads what others drop. Default: nothing can be enforced, and others' tables are not looked at. */
  readonly nft?: NftRunner;
  readonly log: Logger;
  readonly clock?: Clock;
  /** Ends connections to the bus. */
  readonly signal: AbortSignal;
}

/** Whether firewalld runs: it is on the bus. A machine without a bus has no firewalld. */
export async function isFirewalldRunning(): Promise<boolean> {
  let firewalld: FirewallD1;
  try {
    firewalld = new FirewallD1(await openSystemBus());
  } catch (error) {
    if (error instanceof FirewallError) return false;
    throw error;
  }
  try {
    return await firewalld.runs();
  } finally {
    firewalld.bus.close();
  }
}

/** The table that guards what is enforced. */
const GUARD = 'postern-enforce-firewalld';

/** Removes what guards enforced openings: also where firewalld does not run any more. */
export function removeEnforced(nft: NftRunner): Promise<void> {
  return asked(() => removeGuard({ name: GUARD, nft }));
}

/** Connects when it is first asked for something, and again whenever the bus went away. */
export function openFirewalld(options: FirewalldOptions): FirewallBackend {
  return new Firewalld(options);
}

class Firewalld implements FirewallBackend {
  readonly name = 'firewalld';
  readonly enforces: boolean;
  readonly #options: FirewalldOptions;
  readonly #guard: Guard | undefined;
  #connection: Promise<FirewallD1> | undefined;
  /** Zones that hold what is ours, and our rules of each: as the last load and the changes since made them. */
  #held = new Map<string, Set<string>>();
  /** Rules that others keep taking away are no reason to reload again and again. */
  #hasLoaded = false;

  constructor(options: FirewalldOptions) {
    this.#options = options;
    const { nft } = options;
    this.enforces = nft !== undefined;
    if (nft !== undefined) this.#guard = new Guard({ name: GUARD, nft, read: () => this.#read() });
    options.signal.addEventListener('abort', () => {
      // One that failed needs no closing.
      this.#connection?.then(({ bus }) => bus.close()).catch(() => {});
    });
  }

  async load(openings: readonly Opening[]): Promise<void> {
    const firewalld = await this.#firewalld();
    // Of the rest the zone sees nothing, as it is translated: who waits comes first.
    const wanted = new Set(openings.toSorted(socketsFirst).flatMap(richRules));
    const zones = await this.#zones(firewalld);
    this.#held = new Map([...zones].map((zone) => [zone, new Set(wanted)]));
    await this.#send((guard) => guard.load(openings));
    const mayReload = !this.#hasLoaded;
    this.#hasLoaded = true;
    await this.#say(firewalld, async () => {
      await loadRules(firewalld, zones, wanted, { mayReload });
    });
  }

  async change(changes: Changes): Promise<void> {
    const firewalld = await this.#firewalld();
    const before = new Set(changes.removed.flatMap(richRules));
    const now = new Set(changes.added.flatMap(richRules));
    const added = [...now].filter((rule) => !before.has(rule));
    const removed = [...before].filter((rule) => !now.has(rule));
    for (const held of this.#held.values()) {
      for (const rule of removed) held.delete(rule);
      for (const rule of added) held.add(rule);
    }
    await this.#send((guard) => guard.change(changes));
    await this.#say(firewalld, async () => {
      for (const zone of this.#held.keys()) await firewalld.runtime.change(zone, added, removed);
      const permanent = new Set(await firewalld.permanent.zones());
      for (const zone of this.#held.keys()) {
        if (permanent.has(zone)) await firewalld.permanent.change(zone, added, removed);
      }
    });
  }

  async letPods(traffic: PodTraffic | undefined): Promise<PodPassage> {
    const firewalld = await this.#firewalld();
    return this.#say(firewalld, () => letPods(firewalld, traffic));
  }

  async podVerdict(traffic: PodTraffic): Promise<Verdict> {
    const verdict = await podVerdict(await this.#firewalld(), traffic);
    const beside = this.#beside();
    return (beside && verdict.kind !== 'blocked' && (await podsBlockedBeside(beside, traffic))) || verdict;
  }

  async current(): Promise<readonly Admission[]> {
    const firewalld = await this.#firewalld();
    const zones = await this.#zones(firewalld);
    const each = await Promise.all([...zones].map(async (zone) => new Set(await firewalld.runtime.of(zone))));
    const [first = new Set<string>(), ...others] = each;
    const open = admissions([...first].filter((rule) => others.every((rules) => rules.has(rule))));
    return [...open, ...(await this.#guarded())];
  }

  async verdicts(openings: readonly Opening[]): Promise<readonly Verdict[]> {
    const firewalld = await this.#firewalld();
    const { interfaces, guests } = this.#options;
    const view = await look(firewalld, guests);
    const guarded = new Set((await this.#guarded()).map(admissionKey));
    const each = await Promise.all(
      interfaces.map(async (name) => {
        const zone = await firewalld.zoneOfInterface(name);
        return verdicts(view, openings, { interface: name, zone, guarded });
      }),
    );
    const beside = this.#beside();
    const blocked = beside === undefined ? [] : await blockedBeside(beside, openings);
    // It is open when all that clients come by let it in.
    return openings.map((_, i) => {
      const all = [...each, blocked].flatMap((some) => some[i] ?? []);
      return all.length === 0 ? NO_INTERFACE : all.reduce(worse);
    });
  }

  watch(changed: () => void, signal: AbortSignal): void {
    const { log, clock = systemClock } = this.#options;
    const isMissed = (zone: string, rule: string) => this.#held.get(zone)?.has(rule) === true;
    const admitsOtherwise = oneByOne(async () => {
      if ((await this.#isOutdated()) && !signal.aborted) changed();
    });
    watchFirewalld({ connect: () => FirewallD1.connect(), isMissed, changed, admitsOtherwise, log, clock }, signal);
    const guard = this.#guard;
    if (guard === undefined) return;
    // Of its own rules firewalld tells; of ours nobody does.
    const generation = async () => (guard.isGuarding ? rulesetGeneration() : undefined);
    void glance({ clock, generation, isOtherwise: () => asked(() => guard.isDamaged()) }, changed, signal);
  }

  async remove(): Promise<void> {
    this.#held = new Map();
    if (this.#options.nft !== undefined) await removeEnforced(this.#options.nft);
    const firewalld = await this.#firewalld();
    await this.#say(firewalld, async () => {
      await loadRules(firewalld, new Set(), new Set(), { mayReload: true });
      await letPods(firewalld, undefined);
    });
  }

  #beside(): Beside | undefined {
    const { nft, interfaces } = this.#options;
    return nft && { nft, interface: interfaces.length === 1 ? interfaces[0] : undefined };
  }

  /** Has the guard, if there is one, do something, and puts the messages that come of it into force. */
  async #send(work: (guard: Guard) => Promise<readonly Uint8Array[]>): Promise<void> {
    const [guard, { nft }] = [this.#guard, this.#options];
    if (guard === undefined || nft === undefined) return;
    await asked(async () => sendMessages(nft, await work(guard)));
  }

  async #guarded(): Promise<readonly Admission[]> {
    return asked(async () => (await this.#guard?.current()) ?? []);
  }

  /** What zones say of who may come in. */
  async #read(): Promise<Reading> {
    const { rules, ways } = zoneRules(await lookAtZones(await this.#firewalld()));
    return readingOf(rules, ways, { all: true });
  }

  /** Where firewalld does not answer, the load that follows tells. */
  async #isOutdated(): Promise<boolean> {
    try {
      return (await this.#guard?.isOutdated()) === true;
    } catch (error) {
      if (error instanceof FirewallError) return true;
      throw error;
    }
  }

  /** The connection, made anew when the last one is lost or failed. Throws when firewalld does not run. */
  async #firewalld(): Promise<FirewallD1> {
    // Of one that failed, whoever made it was told why.
    const last = await this.#connection?.catch(() => undefined);
    if (last === undefined || last.bus.lost.aborted) {
      this.#options.signal.throwIfAborted();
      this.#connection = FirewallD1.connect();
    }
    const firewalld = await (this.#connection as Promise<FirewallD1>);
    if (!(await firewalld.runs()))
      throw new FirewallError(
        'firewalld does not run. Start it (systemctl start firewalld), or choose another firewall.',
      );
    return firewalld;
  }

  /** Those that hold what is ours. Throws when one that was asked for is not there. */
  async #zones(firewalld: FirewallD1): Promise<ReadonlySet<string>> {
    const { interfaces, zones = [] } = this.#options;
    const all = zones.length === 0 ? [] : await firewalld.runtime.zones();
    const missing = zones.find((zone) => !all.includes(zone));
    if (missing !== undefined) {
      const remedy = `make it with firewall-cmd --permanent --new-zone=${missing} and firewall-cmd --reload, or ask for another`;
      throw new FirewallError(`firewalld has no zone "${missing}", but ${all.join(', ')}: ${remedy}`);
    }
    return new Set([...(await Promise.all(interfaces.map((name) => firewalld.zoneOfInterface(name)))), ...zones]);
  }

  /** Does the work; when it fails because of panic mode, says so. firewalld then refuses every change, as it should. */
  async #say<T>(firewalld: FirewallD1, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (!(await firewalld.isPanicking())) throw error;
      throw new FirewallError(
        'firewalld is in panic mode, in which nothing is let in or out: it is left alone until firewall-cmd --panic-off',
        { cause: error },
      );
    }
  }
}

const socketsFirst = (a: Opening, b: Opening): number => Number(SOCKETS.has(b.kind)) - Number(SOCKETS.has(a.kind));

const NO_INTERFACE: Verdict = { kind: 'unknown', why: 'no interface that clients come by is known' };
