/**
 * The firewall of a host whose rules are plain nftables. What one table drops no rule of another lets through, so it is the
 * administrator's own rules that open, by sets that they declare and we fill.
 */
import { type Clock, systemClock } from '../../host/clock.ts';
import { NetlinkError } from '../../host/netlink-dump.ts';
import { NftError, type NftRunner } from '../../host/nft.ts';
import { BATCH_LIMIT } from '../../host/nft-batch.ts';
import { paced } from '../../host/paced.ts';
import { IP_FAMILIES } from '../../lib/ip.ts';
import { rulesetGeneration } from '../../netfilter/iptables/fingerprint.ts';
import { kernelNetfilter } from '../../netfilter/kernel.ts';
import { TransactionError } from '../../netfilter/netfilter.ts';
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
import { glance } from '../glance.ts';
import { Admittance } from '../ruleset/admitted.ts';
import { SOCKETS, verdictsOf } from '../ruleset/verdict.ts';
import { admissionsOf, admittedEntries, type Entry, EVERYWHERE, entriesOf, entryKey } from './elements.ts';
import { entriesFor, fillMessages, findOpenSets, identity, OWN_COUNT, presentEntries } from './found-sets.ts';
import { OWN_RULES, OWN_TABLES, ownLayout } from './layout.ts';
import { entryMessages, flushMessage, type OpenSet, readEntries } from './messages.ts';
import { fillPodSets, findPodSets } from './pods.ts';
import { readRuleset } from './read-ruleset.ts';

export interface NftablesFirewallOptions {
  /** Works in the network namespace of this process. It is best not the proxy's: a look at all rules takes its time. */
  readonly nft: NftRunner;
  /** What clients come by, for verdicts. Default: it is not known. */
  readonly interface?: string;
  readonly clock?: Clock;
}

export function nftablesFirewall(options: NftablesFirewallOptions): FirewallBackend {
  return new NftablesFirewall(options);
}

class NftablesFirewall implements FirewallBackend {
  readonly name = 'nftables';
  readonly enforces = true;
  readonly #nft: NftRunner;
  readonly #clock: Clock;
  readonly #clients: Pick<NftablesFirewallOptions, 'interface'>;
  /** As they were found by the last load. */
  #sets: readonly OpenSet[] = [];
  /** The same of sets for pods: which there were when they were filled. */
  #podSets = '';
  /** Everybody's rules, where something is guarded. */
  #rules: Rules | undefined;
  /** Who has been admitted to what is guarded. */
  readonly #admitted = new Map<string, readonly Entry[]>();

  constructor({ nft, clock = systemClock, ...clients }: NftablesFirewallOptions) {
    this.#nft = nft;
    this.#clients = clients;
    this.#clock = clock;
  }

  load(openings: readonly Opening[]): Promise<void> {
    return asked(async () => {
      this.#sets = await this.#withOwn(await findOpenSets());
      this.#rules = undefined;
      this.#admitted.clear();
      const wanted = [...openings.flatMap(entriesOf), ...(await this.#admit(openings))];
      const messages: Uint8Array[] = [];
      for (const open of this.#sets) messages.push(...(await fillMessages(open, wanted)));
      await this.#send(messages);
    });
  }

  change({ added, removed }: Changes): Promise<void> {
    return asked(async () => {
      const gone = [...removed.flatMap(entriesOf), ...this.#expel(removed)];
      const come = [...added.flatMap(entriesOf), ...(await this.#admit(added))];
      const messages = this.#sets.flatMap((open) => [
        ...entryMessages('delete', open.set, entriesFor(open, gone)),
        ...entryMessages('add', open.set, entriesFor(open, come)),
      ]);
      await this.#send(messages);
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

  current(): Promise<readonly Admission[]> {
    return asked(async () => admissionsOf(await presentEntries()));
  }

  verdicts(openings: readonly Opening[]): Promise<readonly Verdict[]> {
    return asked(async () => {
      const present = new Set((await presentEntries()).map(entryKey));
      const isOurs = (opening: Opening) => entriesOf(opening).every((entry) => present.has(entryKey(entry)));
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
      await kernelNetfilter(this.#nft).apply(OWN_TABLES.map((table) => ({ kind: 'delete-table', table })));
      this.#sets = [];
    });
  }

  /** Who is admitted to what is guarded, by the administrator's rules as they are now or were at the last load. */
  async #admit(openings: readonly Opening[]): Promise<readonly Entry[]> {
    const guarded = openings.filter((one) => entriesOf(one).some(({ role }) => role === 'guarded'));
    if (guarded.length === 0) return [];
    this.#rules ??= await readRules(this.#nft);
    const { admittance } = this.#rules;
    const breathe = paced();
    for (const one of guarded) {
      // Of a socket, the administrator's rules see every packet anyway.
      const sources = SOCKETS.has(one.kind) ? [EVERYWHERE[one.family]] : admittance.sources(one, one.sources);
      this.#admitted.set(admissionKey(one), admittedEntries(one, sources));
      await breathe();
    }
    return guarded.flatMap((one) => this.#admitted.get(admissionKey(one)) ?? []);
  }

  #expel(openings: readonly Opening[]): readonly Entry[] {
    return openings.flatMap((one) => {
      const entries = this.#admitted.get(admissionKey(one)) ?? [];
      this.#admitted.delete(admissionKey(one));
      return entries;
    });
  }

  /** Makes our tables anew where any part of them is missing. */
  async #withOwn(sets: readonly OpenSet[]): Promise<readonly OpenSet[]> {
    const netfilter = kernelNetfilter(this.#nft);
    const counts = await Promise.all(OWN_TABLES.map((table) => netfilter.inspect(table)));
    const isWhole = counts.every((count) => [...OWN_RULES].every(([chain, rules]) => count.get(chain) === rules));
    if (isWhole && sets.filter(({ isOwn }) => isOwn).length === OWN_COUNT) return sets;
    await netfilter.apply(
      IP_FAMILIES.map((family) => ({ kind: 'replace-table', table: ownLayout(family), elements: [] })),
    );
    return findOpenSets();
  }

  async #send(messages: readonly Uint8Array[]): Promise<void> {
    for (const batch of inBatches(messages)) await this.#nft.send(batch);
  }

  /** A set that cannot be used, or a kernel that does not answer, is told by the load that follows. */
  async #isOtherwise(): Promise<boolean> {
    try {
      if (identity(await findOpenSets()) !== identity(this.#sets)) return true;
      if (identity(await findPodSets()) !== this.#podSets) return true;
      // Who is admitted depends on rules of others.
      return this.#rules !== undefined && (await readRules(this.#nft)).text !== this.#rules.text;
    } catch (error) {
      if (error instanceof FirewallError || error instanceof NetlinkError || error instanceof NftError) return true;
      throw error;
    }
  }
}

/** Everybody's rules but ours, and whom they admit. */
interface Rules {
  readonly text: string;
  readonly admittance: Admittance;
}

async function readRules(nft: NftRunner): Promise<Rules> {
  const ruleset = await readRuleset(nft);
  const text = JSON.stringify(ruleset.map(({ chains, ...table }) => ({ ...table, chains: [...chains.values()] })));
  return { text, admittance: new Admittance(ruleset) };
}

/** As few as the kernel takes. What fits in one takes effect at one moment or not at all. */
function inBatches(messages: readonly Uint8Array[]): readonly (readonly Uint8Array[])[] {
  const batches: Uint8Array[][] = [];
  let size = BATCH_LIMIT;
  for (const message of messages) {
    size += message.length;
    if (size > BATCH_LIMIT) {
      batches.push([]);
      size = message.length;
    }
    batches.at(-1)?.push(message);
  }
  return batches;
}

async function asked<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (cause) {
    if (cause instanceof NftError || cause instanceof TransactionError || cause instanceof NetlinkError) {
      throw new FirewallError(`nftables: ${cause.message}`, { cause });
    }
    throw cause;
  }
}
