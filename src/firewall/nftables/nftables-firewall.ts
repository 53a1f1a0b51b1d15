/**
 * The firewall of a host whose rules are plain nftables. What one table drops no rule of another lets through, so it is the
 * administrator's own rules that open, by sets that they declare and we fill.
 */
import { type Clock, systemClock } from '../../host/clock.ts';
import { NetlinkError } from '../../host/netlink-dump.ts';
import { NftError, type NftRunner } from '../../host/nft.ts';
import { IP_FAMILIES } from '../../lib/ip.ts';
import { rulesetGeneration } from '../../netfilter/iptables/fingerprint.ts';
import { kernelNetfilter } from '../../netfilter/kernel.ts';
import {
  type Admission,
  admissionKey,
  type Changes,
  type FirewallBackend,
  FirewallError,
  type Opening,
  openedBy,
  type PodPassage,
  type PodTraffic,
  type Verdict,
} from '../backend.ts';
import { Guard } from '../enforce/guard.ts';
import { readingOf } from '../enforce/reading.ts';
import { glance } from '../glance.ts';
import { podVerdict } from '../ruleset/pods.ts';
import { verdictsOf } from '../ruleset/verdict.ts';
import { asked } from './asked.ts';
import { entriesOf, entryKey } from './elements.ts';
import { entriesFor, findOpenSets, identity, OWN_COUNT, presentEntries } from './found-sets.ts';
import { OWN_TABLES, ownLayout } from './layout.ts';
import { changeMessages, fillMessages, flushMessage, type OpenSet, readEntries } from './messages.ts';
import { fillPodSets, findPodSets, holdPods } from './pods.ts';
import { readRuleset } from './read-ruleset.ts';
import { sendMessages } from './send.ts';

export interface NftablesFirewallOptions {
  /** Works in the network namespace of this process. It is best not the proxy's: a look at all rules takes its time. */
  readonly nft: NftRunner;
  /** What clients come by. Default: it is not known. */
  readonly interface?: string;
  /** What guests of this node come by. Default: it is not known. */
  readonly guests?: string;
  readonly clock?: Clock;
}

/** The table that guards what is enforced. */
const GUARD = 'postern-enforce-nftables';

export function nftablesFirewall(options: NftablesFirewallOptions): FirewallBackend {
  return new NftablesFirewall(options);
}

class NftablesFirewall implements FirewallBackend {
  readonly name = 'nftables';
  readonly enforces = true;
  readonly #nft: NftRunner;
  readonly #clock: Clock;
  readonly #clients: Pick<NftablesFirewallOptions, 'interface'>;
  readonly #guard: Guard;
  /** As they were found by the last load. */
  #sets: readonly OpenSet[] = [];
  /** The same of sets for pods: which there were when they were filled. */
  #podSets = '';

  constructor({ nft, clock = systemClock, guests, ...clients }: NftablesFirewallOptions) {
    this.#nft = nft;
    this.#clients = clients;
    this.#clock = clock;
    const ways = [clients.interface, guests].flatMap((name) => (name === undefined ? [] : [[name]]));
    const read = async () => readingOf(await readRuleset(nft), ways);
    this.#guard = new Guard({ name: GUARD, nft, read });
  }

  load(openings: readonly Opening[]): Promise<void> {
    return asked(async () => {
      this.#sets = await this.#withOwn(await findOpenSets());
      const wanted = openings.flatMap(entriesOf);
      const messages = [...(await this.#guard.load(openings))];
      for (const open of this.#sets) messages.push(...(await fillMessages(open, entriesFor(open, wanted))));
      await sendMessages(this.#nft, messages);
    });
  }

  change(changes: Changes): Promise<void> {
    return asked(async () => {
      const guarding = await this.#guard.change(changes);
      const [come, gone] = [changes.added.flatMap(entriesOf), changes.removed.flatMap(entriesOf)];
      const opening = this.#sets.flatMap((open) =>
        changeMessages(open.set, entriesFor(open, gone), entriesFor(open, come)),
      );
      await sendMessages(this.#nft, [...guarding, ...opening]);
    });
  }

  letPods(traffic: PodTraffic | undefined): Promise<PodPassage> {
    return asked(async () => {
      const sets = await findPodSets();
      await fillPodSets(this.#nft, sets, traffic);
      this.#podSets = identity(sets);
      return { kind: 'done' };
    });
  }

  podVerdict(traffic: PodTraffic): Promise<Verdict> {
    return asked(async () => {
      const isOurs = await holdPods(await findPodSets(), traffic);
      return podVerdict(traffic, { isOurs, ruleset: await readRuleset(this.#nft), ...this.#clients });
    });
  }

  current(): Promise<readonly Admission[]> {
    return asked(async () => [...openedBy(await presentEntries()), ...(await this.#guard.current())]);
  }

  verdicts(openings: readonly Opening[]): Promise<readonly Verdict[]> {
    return asked(async () => {
      const present = new Set((await presentEntries()).map(entryKey));
      const guarded = new Set((await this.#guard.current()).map(admissionKey));
      const isOurs = (opening: Opening) =>
        opening.policy === 'enforce'
          ? guarded.has(admissionKey(opening))
          : entriesOf(opening).every((entry) => present.has(entryKey(entry)));
      return verdictsOf(openings, { isOurs, ruleset: await readRuleset(this.#nft), ...this.#clients });
    });
  }

  /** Rules of others change all the time, such as the proxy's: only then are our sets looked for. */
  watch(changed: () => void, signal: AbortSignal): void {
    void glance(
      { clock: this.#clock, generation: rulesetGeneration, isOtherwise: () => this.#isOtherwise() },
      changed,
      signal,
    );
  }

  remove(): Promise<void> {
    return asked(async () => {
      for (const open of await findOpenSets()) {
        // An empty set is not touched: it is not ours.
        if (!open.isOwn && (await readEntries(open)).length > 0) await this.#nft.send([flushMessage(open.set)]);
      }
      await fillPodSets(this.#nft, await findPodSets(), undefined);
      await this.#guard.remove();
      await kernelNetfilter(this.#nft).apply(OWN_TABLES.map((table) => ({ kind: 'delete-table', table })));
      this.#sets = [];
    });
  }

  /** Makes our tables anew where any part of them is missing. */
  async #withOwn(sets: readonly OpenSet[]): Promise<readonly OpenSet[]> {
    const netfilter = kernelNetfilter(this.#nft);
    const counts = await Promise.all(OWN_TABLES.map((table) => netfilter.inspect(table)));
    const isWhole = counts.every(({ size }) => size === 0);
    if (isWhole && sets.filter(({ isOwn }) => isOwn).length === OWN_COUNT) return sets;
    await netfilter.apply(
      IP_FAMILIES.map((family) => ({ kind: 'replace-table', table: ownLayout(family), elements: [] })),
    );
    return findOpenSets();
  }

  /** A set that cannot be used, or a kernel that does not answer, is told by the load that follows. */
  async #isOtherwise(): Promise<boolean> {
    try {
      if (identity(await findOpenSets()) !== identity(this.#sets)) return true;
      if (identity(await findPodSets()) !== this.#podSets) return true;
      return (await this.#guard.isDamaged()) || (await this.#guard.isOutdated());
    } catch (error) {
      if (error instanceof FirewallError || error instanceof NetlinkError || error instanceof NftError) return true;
      throw error;
    }
  }
}
