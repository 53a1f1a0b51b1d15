/** Every address that has a plan: who announces it, and what this node does about it. */
import type { Clock } from '../../host/clock.ts';
import type { Logger } from '../../host/log.ts';
import { paced } from '../../host/paced.ts';
import { milliseconds, seconds } from '../../lib/duration.ts';
import type { Announcement, Claim, Claimant } from '../announcer/announcement.ts';
import { firstLiving, type Living } from '../membership/liveness.ts';
import { announcedStatus, type Entry, newEntry, own, whyWithdrawn } from './entry.ts';
import { Handovers } from './handovers.ts';
import type { AddressPlan, FromLan } from './messages.ts';
import type { Announcing } from './parts.ts';
import { Report } from './report.ts';
import { nextTenure, type Sight, type Tenure, takeOver } from './tenure.ts';
import { Work } from './work.ts';

export interface AddressesParts {
  readonly self: string;
  readonly announcing: Announcing;
  /** Who may be elected now; this node too, unless it is leaving. */
  readonly living: () => Living;
  /** Whether a node still answers for what it announces: it lives, or is about to stop. */
  readonly answers: (node: string) => boolean;
  readonly silent: () => boolean;
  /** The node that an interface belongs to, by its MAC. */
  readonly macOwner: (mac: string) => string | undefined;
  readonly tell: (message: FromLan) => void;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * The most that a planned take-over waits for the kernel to pass on what belongs to the former announcer's connections. It takes
 * some milliseconds, and on a machine that is busy more; nobody misses anything meanwhile, as the former announcer answers.
 */
const HANDOVER_WAIT = milliseconds(500);
/** The most that the former announcer goes on answering when it does not see its successor's claim. */
const YIELD_LIMIT = seconds(2);
/** In which clients follow an announcement. */
const FOLLOW_TIME = seconds(1);
/** Before another node's claim is answered: it may know of a change that we are about to hear of. */
const CLAIM_PATIENCE = milliseconds(150);
/** Between two claims that answer another node's. */
const CLAIM_INTERVAL = seconds(1);

export class Addresses {
  readonly #parts: AddressesParts;
  readonly #entries = new Map<string, Entry>();
  readonly #handovers: Handovers;
  readonly #work = new Work((address) => this.#decide(address));
  readonly #report: Report;
  readonly #interfaces = new Set<string>();
  readonly #counts = { elections: 0, failovers: 0 };
  #signal: AbortSignal = AbortSignal.abort();

  constructor(parts: AddressesParts) {
    this.#parts = parts;
    this.#handovers = new Handovers(parts);
    this.#report = new Report(parts.clock, parts.log);
  }

  start(signal: AbortSignal): void {
    this.#signal = signal;
    this.#work.start(signal);
  }

  setPlans(changed: readonly AddressPlan[], removed: readonly string[]): void {
    for (const plan of changed) {
      for (const name of own(plan, this.#parts.self)?.interfaces ?? []) this.#interfaces.add(name);
      const entry = this.#entries.get(plan.address);
      if (entry === undefined) this.#entries.set(plan.address, newEntry(plan));
      else entry.plan = plan;
    }
    for (const address of removed) {
      const entry = this.#entries.get(address);
      if (entry !== undefined) entry.plan = undefined;
    }
    this.#work.add([...changed.map(({ address }) => address), ...removed]);
  }

  /** Who lives has changed. */
  reconsider(): void {
    this.#work.add(this.#entries.keys());
  }

  /** The kernel passes on what belongs to connections through the former announcer. */
  ready(address: string): void {
    const entry = this.#entries.get(address);
    if (entry?.tenure.kind === 'preparing') this.#waited(address, entry);
  }

  /** Nothing more is to be had of these nodes' connections; the reason, or undefined for the others. */
  endHandovers(isGone: (node: string) => string | undefined): void {
    this.#handovers.endThrough(isGone);
  }

  /** Claims everything that this node announces again: caches on the LAN may be wrong. */
  async reannounce(): Promise<void> {
    const breathe = paced();
    for (const [address, { tenure }] of this.#entries) {
      if (tenure.kind === 'announcing') this.#parts.announcing.reannounce(address);
      await breathe();
    }
  }

  /** What is to be made of a claim that was seen on the LAN. */
  judge({ address, mac }: Claim): Claimant {
    const owner = this.#parts.macOwner(mac);
    if (owner === undefined) return 'stranger';
    const entry = this.#entries.get(address);
    if (entry === undefined || owner === this.#parts.self) return 'node';
    if (entry.tenure.kind === 'yielding' && owner === entry.tenure.to) this.#waited(address, entry);
    if (entry.tenure.kind === 'announcing') this.#answerClaim(address, entry, owner);
    return 'node';
  }

  /** What was given up to a stranger is a node's, as is known now: whose it is, is for the election to say. */
  pardon(address: string, owner: string): void {
    const entry = this.#entries.get(address);
    if (entry?.tenure.kind !== 'announcing') return;
    const { announcing, answers, self } = this.#parts;
    announcing.set(address, undefined);
    if (owner !== self && answers(owner) && this.#handovers.from(address) !== owner)
      this.#handovers.begin(address, owner);
    this.#announce(address, entry, false);
  }

  /** The announcer answers for an address on other interfaces than before. */
  moved(address: string): void {
    const entry = this.#entries.get(address);
    if (entry !== undefined && entry.tenure.kind !== 'none') this.#tellAnnouncing(address, entry);
  }

  /** Every interface that a plan has named for this node so far. */
  get interfaces(): ReadonlySet<string> {
    return this.#interfaces;
  }

  /** Whether nothing is announced, nor about to be. */
  get isIdle(): boolean {
    return this.#work.isDone && [...this.#entries.values()].every(({ tenure }) => tenure.kind === 'none');
  }

  elected(): Readonly<Record<string, string | undefined>> {
    return Object.fromEntries([...this.#entries].map(([address, { elected }]) => [address, elected]));
  }

  counts(): Readonly<Record<string, number>> {
    return { ...this.#counts, handovers: this.#handovers.count };
  }

  #decide(address: string): void {
    const entry = this.#entries.get(address);
    if (entry === undefined) return;
    try {
      const living = this.#parts.living();
      const elected = entry.plan && firstLiving(entry.plan.candidates, living);
      const sight = this.#sight(entry, elected?.node, living);
      this.#elect(address, entry, elected?.node);
      this.#follow(address, entry, sight);
    } catch (err) {
      this.#parts.log.error({ err, address }, 'cannot do what the election asks for; the address stays as it is');
    }
    if (entry.plan === undefined && entry.tenure.kind === 'none') this.#entries.delete(address);
  }

  #sight(entry: Entry, elected: string | undefined, living: Living): Sight {
    const { self, answers, silent } = this.#parts;
    const { former, waited, inDoubt, claimant } = entry;
    const seen = { self, elected, answers, silent: silent(), waited, claimant };
    if (!inDoubt || former !== self) return { ...seen, former };
    const others = entry.plan?.candidates.filter(({ node }) => node !== self) ?? [];
    return { ...seen, former: firstLiving(others, living)?.node ?? former };
  }

  #elect(address: string, entry: Entry, elected: string | undefined): void {
    if (entry.plan === undefined) this.#handovers.removed(address);
    if (elected === entry.elected) return;
    entry.elected = elected;
    const election = ++entry.elections;
    if (elected === undefined) return;
    if (elected === this.#handovers.from(address)) {
      // Not yet: it has to take the address over first, and clients have to follow. Not if another was elected meanwhile, though
      // the same may be elected again by then: that time, clients have still to follow.
      void this.#after(YIELD_LIMIT + FOLLOW_TIME, () => {
        if (entry.elections === election) this.#handovers.endCircle(address, elected);
      });
    }
    if (elected !== entry.former) this.#counts.elections++;
    entry.former = elected;
  }

  #follow(address: string, entry: Entry, sight: Sight): void {
    const before = entry.tenure;
    const after = nextTenure(before, sight);
    if (after === before) {
      if (after.kind === 'announcing') this.#keepUp(address, entry);
      return;
    }
    entry.tenure = after;
    entry.waited = false;
    switch (after.kind) {
      case 'none':
        if (sight.silent) entry.inDoubt = true;
        if (before.kind !== 'preparing') this.#withdraw(address, entry, sight);
        break;
      case 'preparing':
        this.#handovers.begin(address, after.from);
        this.#wait(address, entry, HANDOVER_WAIT);
        break;
      case 'announcing':
        entry.inDoubt = false;
        entry.claimant = undefined;
        this.#begin(address, entry, before, sight);
        break;
      case 'yielding':
        this.#wait(address, entry, YIELD_LIMIT);
        break;
    }
  }

  #begin(address: string, entry: Entry, before: Tenure, sight: Sight): void {
    if (before.kind === 'yielding') {
      this.#keepUp(address, entry);
      this.#parts.announcing.reannounce(address);
      return;
    }
    const over = before.kind === 'none' ? takeOver(sight) : undefined;
    const from = before.kind === 'preparing' ? { how: 'planned', from: before.from } : over;
    this.#report.add(address, { ...from }, 'announcing');
    if (over?.how === 'failover') {
      this.#counts.failovers++;
      this.#parts.tell({ kind: 'takeover', address, from: over.from, planned: false });
    }
    this.#announce(address, entry, over?.how === 'first');
  }

  /** The plan may say something else of what is announced already. */
  #keepUp(address: string, entry: Entry): void {
    if (JSON.stringify(this.#wanted(entry)) !== entry.announced) this.#announce(address, entry, false);
  }

  #announce(address: string, entry: Entry, probe: boolean): void {
    const wanted = this.#wanted(entry);
    entry.announced = JSON.stringify(wanted);
    this.#parts.announcing.set(address, { ip: entry.ip, ...wanted }, { probe });
    this.#tellAnnouncing(address, entry);
  }

  #wanted({ plan }: Entry): Omit<Announcement, 'ip'> {
    const candidate = plan === undefined ? undefined : own(plan, this.#parts.self);
    return { interfaces: candidate?.interfaces, services: plan?.services ?? [] };
  }

  #withdraw(address: string, entry: Entry, { silent, elected }: Sight): void {
    entry.announced = undefined;
    this.#parts.announcing.set(address, undefined);
    if (!entry.told) return;
    entry.told = false;
    const why = whyWithdrawn(entry, silent, elected);
    this.#report.add(address, { why }, 'no longer announcing');
    this.#parts.tell({ kind: 'withdrawn', address, why });
  }

  /** Another node believes that it announces what we announce. */
  #answerClaim(address: string, entry: Entry, owner: string): void {
    const { announcing, answers } = this.#parts;
    if (announcing.get(address)?.interfaces.length === 0) {
      // We still ask whether anybody has it: a node has, so that is who we take it over from.
      if (answers(owner) && this.#handovers.from(address) !== owner) this.#handovers.begin(address, owner);
      return;
    }
    if (entry.hasAnswered || entry.claimant !== undefined) return;
    entry.claimant = owner;
    void this.#after(CLAIM_PATIENCE, () => {
      entry.claimant = undefined;
      if (entry.tenure.kind !== 'announcing') return;
      announcing.reannounce(address);
      entry.hasAnswered = true;
      void this.#after(CLAIM_INTERVAL, () => {
        entry.hasAnswered = false;
      });
    });
  }

  /** What is not answered for anywhere yet is not told: it is still being asked for, or has no interface. */
  #tellAnnouncing(address: string, entry: Entry): void {
    const announced = announcedStatus(address, this.#parts.announcing);
    if (announced === undefined || (announced.interfaces.length === 0 && !entry.told)) return;
    entry.told = true;
    this.#parts.tell({ kind: 'announcing', announced });
  }

  #wait(address: string, entry: Entry, duration: number): void {
    const { tenure } = entry;
    void this.#after(duration, () => {
      if (entry.tenure === tenure) this.#waited(address, entry);
    });
  }

  #waited(address: string, entry: Entry): void {
    entry.waited = true;
    this.#work.add([address]);
  }

  async #after(duration: number, then: () => void): Promise<void> {
    try {
      await this.#parts.clock.sleep(duration, this.#signal);
    } catch {
      return; // Stopped.
    }
    then();
  }
}
