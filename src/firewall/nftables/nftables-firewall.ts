/**
 * The firewall of a host whose rules are plain nftables. What one table drops no rule of another lets through, so it is the
 * administrator's own rules that open, by sets that they declare and we fill.
 */
import { type Clock, systemClock } from '../../host/clock.ts';
import { NetlinkError } from '../../host/netlink-dump.ts';
import { NftError, type NftRunner } from '../../host/nft.ts';
import { BATCH_LIMIT } from '../../host/nft-batch.ts';
import { IP_FAMILIES, type IPFamily } from '../../lib/ip.ts';
import { rulesetGeneration } from '../../netfilter/iptables/fingerprint.ts';
import { kernelNetfilter } from '../../netfilter/kernel.ts';
import { TransactionError } from '../../netfilter/netfilter.ts';
import {
  type Admission,
  type Changes,
  type FirewallBackend,
  FirewallError,
  type Opening,
  type Verdict,
} from '../backend.ts';
import { verdictsOf } from '../ruleset/verdict.ts';
import { admissionsOf, type Entry, entriesOf, entryKey } from './elements.ts';
import { fillMessages, findOpenSets, identity, isOwn, type OpenSets } from './found-sets.ts';
import { OWN_TABLES, ownLayout } from './layout.ts';
import { entryMessages, flushMessage, readEntries } from './messages.ts';
import { readRuleset } from './read-ruleset.ts';

export interface NftablesFirewallOptions {
  /** Works in the network namespace of this process. It is best not the proxy's: a look at all rules takes its time. */
  readonly nft: NftRunner;
  readonly clock?: Clock;
}

/** How often we look whether anything was changed at all, in milliseconds: one question to the kernel. */
const GLANCE = 1000;

export function nftablesFirewall(options: NftablesFirewallOptions): FirewallBackend {
  return new NftablesFirewall(options);
}

class NftablesFirewall implements FirewallBackend {
  readonly name = 'nftables';
  readonly enforces = false;
  readonly #nft: NftRunner;
  readonly #clock: Clock;
  /** As they were found by the last load. */
  #sets: OpenSets = { IPv4: [], IPv6: [] };

  constructor({ nft, clock = systemClock }: NftablesFirewallOptions) {
    this.#nft = nft;
    this.#clock = clock;
  }

  load(openings: readonly Opening[]): Promise<void> {
    return asked(async () => {
      this.#sets = await this.#withOwn(await findOpenSets());
      const messages: Uint8Array[] = [];
      for (const family of IP_FAMILIES) {
        const wanted = entriesOfAll(openings, family);
        for (const set of this.#sets[family]) messages.push(...(await fillMessages(set, family, wanted)));
      }
      await this.#send(messages);
    });
  }

  change({ added, removed }: Changes): Promise<void> {
    const messages = IP_FAMILIES.flatMap((family) => {
      const [gone, come] = [entriesOfAll(removed, family), entriesOfAll(added, family)];
      return this.#sets[family].flatMap((set) => [
        ...entryMessages('delete', set, gone),
        ...entryMessages('add', set, come),
      ]);
    });
    return asked(() => this.#send(messages));
  }

  current(): Promise<readonly Admission[]> {
    return asked(async () => admissionsOf(await presentEntries(), 'managed'));
  }

  verdicts(openings: readonly Opening[]): Promise<readonly Verdict[]> {
    return asked(async () => {
      const present = new Set((await presentEntries()).map(entryKey));
      const isOurs = (opening: Opening) => entriesOf(opening).every((entry) => present.has(entryKey(entry)));
      return verdictsOf(openings, isOurs, await readRuleset(this.#nft));
    });
  }

  watch(changed: () => void, signal: AbortSignal): void {
    void this.#watch(changed, signal);
  }

  remove(): Promise<void> {
    return asked(async () => {
      const sets = await findOpenSets();
      for (const family of IP_FAMILIES) {
        for (const set of sets[family]) {
          // An empty set is not touched: it is not ours.
          if (!isOwn(set) && (await readEntries(set, family)).length > 0) await this.#nft.send([flushMessage(set)]);
        }
      }
      await kernelNetfilter(this.#nft).apply(OWN_TABLES.map((table) => ({ kind: 'delete-table', table })));
      this.#sets = { IPv4: [], IPv6: [] };
    });
  }

  /** Makes our tables where they are missing. */
  async #withOwn(sets: OpenSets): Promise<OpenSets> {
    const missing = IP_FAMILIES.filter((family) => !sets[family].some(isOwn));
    if (missing.length === 0) return sets;
    await kernelNetfilter(this.#nft).apply(
      missing.map((family) => ({ kind: 'replace-table', table: ownLayout(family), elements: [] })),
    );
    return findOpenSets();
  }

  async #send(messages: readonly Uint8Array[]): Promise<void> {
    for (const batch of inBatches(messages)) await this.#nft.send(batch);
  }

  /** Rules of others change all the time, such as the proxy's: only then are our sets looked for. */
  async #watch(changed: () => void, signal: AbortSignal): Promise<void> {
    let generation = await rulesetGeneration();
    while (!signal.aborted) {
      try {
        await this.#clock.sleep(GLANCE, signal);
      } catch {
        return; // Aborted.
      }
      const now = await rulesetGeneration();
      if (now === generation) continue;
      generation = now;
      if (await this.#isOtherwise()) changed();
    }
  }

  /** A set that cannot be used, or a kernel that does not answer, is told by the load that follows. */
  async #isOtherwise(): Promise<boolean> {
    try {
      return identity(await findOpenSets()) !== identity(this.#sets);
    } catch (error) {
      if (error instanceof FirewallError || error instanceof NetlinkError) return true;
      throw error;
    }
  }
}

function entriesOfAll(openings: readonly Opening[], family: IPFamily): readonly Entry[] {
  return openings.filter((one) => one.family === family).flatMap(entriesOf);
}

/** What stands in all sets of its family. */
async function presentEntries(): Promise<readonly Entry[]> {
  const sets = await findOpenSets();
  const present: Entry[] = [];
  for (const family of IP_FAMILIES) {
    const [first, ...others] = sets[family];
    if (first === undefined || !isOwn(first)) continue;
    let common = await readEntries(first, family);
    for (const set of others) {
      const there = new Set((await readEntries(set, family)).map(entryKey));
      common = common.filter((entry) => there.has(entryKey(entry)));
    }
    present.push(...common);
  }
  return present;
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
