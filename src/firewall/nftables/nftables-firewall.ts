/**
 * The firewall of a host whose rules are plain nftables. What one table drops no rule of another lets through, so it is the
 * administrator's own rules that open, by sets that they declare and we fill.
 */
import { type Clock, systemClock } from '../../host/clock.ts';
import { NetlinkError } from '../../host/netlink-dump.ts';
import { NftError, type NftRunner } from '../../host/nft.ts';
import { BATCH_LIMIT } from '../../host/nft-batch.ts';
import { IP_FAMILIES } from '../../lib/ip.ts';
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
import { admissionsOf, entriesOf, entryKey } from './elements.ts';
import { entriesFor, fillMessages, findOpenSets, identity, OWN_COUNT, presentEntries } from './found-sets.ts';
import { OWN_TABLES, ownLayout } from './layout.ts';
import { entryMessages, flushMessage, type OpenSet, readEntries } from './messages.ts';
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
  #sets: readonly OpenSet[] = [];

  constructor({ nft, clock = systemClock }: NftablesFirewallOptions) {
    this.#nft = nft;
    this.#clock = clock;
  }

  load(openings: readonly Opening[]): Promise<void> {
    return asked(async () => {
      this.#sets = await this.#withOwn(await findOpenSets());
      const wanted = openings.flatMap(entriesOf);
      const messages: Uint8Array[] = [];
      for (const open of this.#sets) messages.push(...(await fillMessages(open, wanted)));
      await this.#send(messages);
    });
  }

  change({ added, removed }: Changes): Promise<void> {
    const [gone, come] = [removed.flatMap(entriesOf), added.flatMap(entriesOf)];
    const messages = this.#sets.flatMap((open) => [
      ...entryMessages('delete', open.set, entriesFor(open, gone)),
      ...entryMessages('add', open.set, entriesFor(open, come)),
    ]);
    return asked(() => this.#send(messages));
  }

  current(): Promise<readonly Admission[]> {
    return asked(async () => admissionsOf(await presentEntries()));
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
      for (const open of await findOpenSets()) {
        // An empty set is not touched: it is not ours.
        if (!open.isOwn && (await readEntries(open)).length > 0) await this.#nft.send([flushMessage(open.set)]);
      }
      await kernelNetfilter(this.#nft).apply(OWN_TABLES.map((table) => ({ kind: 'delete-table', table })));
      this.#sets = [];
    });
  }

  /** Makes our tables anew where any part of them is missing. */
  async #withOwn(sets: readonly OpenSet[]): Promise<readonly OpenSet[]> {
    if (sets.filter(({ isOwn }) => isOwn).length === OWN_COUNT) return sets;
    await kernelNetfilter(this.#nft).apply(
      IP_FAMILIES.map((family) => ({ kind: 'replace-table', table: ownLayout(family), elements: [] })),
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
