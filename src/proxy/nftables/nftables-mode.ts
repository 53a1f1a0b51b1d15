/** The mode nftables: puts what is forwarded into the kernel, and notices when someone else takes it away. */
import { IP_FAMILIES, type IPFamily } from '../../lib/ip.ts';
import type { Operation } from '../../netfilter/model.ts';
import type { Netfilter } from '../../netfilter/netfilter.ts';
import type { Localities } from '../locality.ts';
import type { Changes, Forwarded, Mode, Recall } from '../mode.ts';
import type { TrafficReadings } from '../traffic/reading.ts';
import { difference, recall } from './adopt.ts';
import { TRANSLATING_CHAINS, tableName } from './layout.ts';
import { NftablesRules } from './rules.ts';
import { readTraffic } from './traffic.ts';

/**
 * Idle chains that are kept. An endpoint that comes and goes would otherwise make its chain anew each time, and the
 * kernel waits for all processors before it frees one.
 */
const KEEP_IDLE = 32;

export interface NftablesModeOptions {
  readonly netfilter: Netfilter;
  /** Their families are those that are served. */
  readonly localities: Localities;
  /** Idle chains that are kept. Default: 32. */
  readonly keepIdle?: number;
}

export function nftablesMode(options: NftablesModeOptions): Mode {
  return new NftablesMode(options);
}

class NftablesMode implements Mode {
  readonly name = 'nftables';
  readonly families: readonly IPFamily[];
  readonly #netfilter: Netfilter;
  readonly #rules: NftablesRules;
  readonly #keepIdle: number;

  constructor({ netfilter, localities, keepIdle = KEEP_IDLE }: NftablesModeOptions) {
    this.families = [...localities.keys()];
    this.#netfilter = netfilter;
    this.#rules = new NftablesRules(localities);
    this.#keepIdle = keepIdle;
  }

  async recall(): Promise<Recall> {
    return recall(this.#netfilter, this.#rules.tables());
  }

  async load(everything: Forwarded): Promise<void> {
    const replacement = this.#rules.everything(everything);
    const transaction = (await difference(this.#netfilter, replacement)) ?? replacement;
    if (transaction.length > 0) await this.#netfilter.apply(transaction);
  }

  async change(changes: Changes): Promise<void> {
    const { transaction, undo } = this.#rules.changed(changes);
    if (transaction.length === 0) return;
    try {
      await this.#netfilter.apply(transaction);
    } catch (error) {
      undo();
      throw error;
    }
  }

  /** `nft flush ruleset` and the like leave no rule. */
  async intact(): Promise<boolean> {
    for (const family of this.families) {
      const actual = await this.#netfilter.inspect(tableName(family));
      for (const [chain, rules] of this.#rules.expectedChains(family)) if (actual.get(chain) !== rules) return false;
    }
    return true;
  }

  traffic(): TrafficReadings {
    return readTraffic(this.#netfilter, this.families.map(tableName));
  }

  async tidy(): Promise<void> {
    const transaction = this.#rules.idle(this.#keepIdle);
    if (transaction.length > 0) await this.#netfilter.apply(transaction);
  }

  /** First what begins connections, then the rest: one that is between the two is still seen to the end. */
  async remove(): Promise<void> {
    const tables = IP_FAMILIES.map(tableName);
    const beginnings: Operation[] = [];
    for (const table of tables) {
      const chains = await this.#netfilter.inspect(table);
      for (const chain of TRANSLATING_CHAINS)
        if (chains.has(chain)) beginnings.push({ kind: 'delete-chain', table, chain });
    }
    if (beginnings.length > 0) await this.#netfilter.apply(beginnings);
    await this.#netfilter.apply(tables.map((table) => ({ kind: 'delete-table', table })));
  }
}
