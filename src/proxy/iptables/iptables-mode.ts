/** The mode iptables: puts what is forwarded into the kernel, and notices when someone else takes it away. */
import type { IPFamily } from '../../lib/ip.ts';
import { type Iptables, IptablesError } from '../../netfilter/iptables/iptables.ts';
import { type FamilyPatch, IPTABLES_TABLES, inverse, isEmptyPatch } from '../../netfilter/iptables/model.ts';
import { TransactionError } from '../../netfilter/netfilter.ts';
import type { Localities } from '../locality.ts';
import type { Changes, Forwarded, Mode } from '../mode.ts';
import { DEFAULT_MARK, PREFIX } from './layout.ts';
import { removeChains } from './remove.ts';
import { IptablesRules, rulesOf } from './rules.ts';

export interface IptablesModeOptions {
  /** The variant that is used. */
  readonly iptables: Iptables;
  /** Variants that may hold rules of an earlier run; they are removed after the first load. */
  readonly others?: readonly Iptables[];
  /** Their families are those that are served. */
  readonly localities: Localities;
  /** One bit of connection marks, for this program alone. Default: {@link DEFAULT_MARK}. */
  readonly mark?: number;
}

export function iptablesMode(options: IptablesModeOptions): Mode {
  return new IptablesMode(options);
}

class IptablesMode implements Mode {
  readonly name = 'iptables';
  readonly families: readonly IPFamily[];
  readonly #options: IptablesModeOptions;
  readonly #iptables: Iptables;
  #rules: IptablesRules;
  /** The fingerprint of a kernel that holds what it should; undefined: nobody knows. */
  #known: number | undefined;
  #othersRemoved = false;

  constructor(options: IptablesModeOptions) {
    this.#options = options;
    this.#iptables = options.iptables;
    this.families = [...options.localities.keys()];
    this.#rules = this.#newRules();
  }

  async load(everything: Forwarded): Promise<void> {
    this.#rules = await rulesOf(everything, this.#newRules());
    this.#known = undefined;
    // Before anything is read: who changes something from here on is noticed.
    let expected = await this.#iptables.fingerprint();
    for (const patch of await this.#differences()) {
      await refusable(() => this.#iptables.apply(patch));
      if (expected !== undefined) expected += this.#iptables.moves(patch);
    }
    if ((await this.#iptables.fingerprint()) === expected) this.#known = expected;
    if (this.#othersRemoved) return;
    for (const other of this.#options.others ?? []) await removeChains(other, PREFIX);
    this.#othersRemoved = true;
  }

  async change(changes: Changes): Promise<void> {
    this.#rules.note(changes);
    const patches = this.#rules.takePatches().filter((patch) => !isEmptyPatch(patch));
    const before = await this.#iptables.fingerprint();
    try {
      for (const patch of patches) await this.#iptables.apply(patch);
    } catch (cause) {
      this.#rules.undo();
      this.#known = undefined;
      await this.#takeBack(patches);
      throw cause instanceof IptablesError ? new TransactionError(cause.message, [], { cause }) : cause;
    }
    this.#rules.keep();
    await this.#follow(before, patches);
  }

  async intact(): Promise<boolean> {
    const now = await this.#iptables.fingerprint();
    if (now !== undefined && now === this.#known) return true;
    const differences = await this.#differences();
    if (!differences.every(isEmptyPatch)) return false;
    this.#known = now;
    return true;
  }

  /** Chains go with what leads to them. */
  async tidy(): Promise<void> {}

  async remove(): Promise<void> {
    this.#known = undefined;
    for (const iptables of [this.#iptables, ...(this.#options.others ?? [])]) await removeChains(iptables, PREFIX);
  }

  /** After a change: a kernel that was known and moved by as much as that is known. */
  async #follow(before: number | undefined, patches: readonly FamilyPatch[]): Promise<void> {
    const unchanged = before !== undefined && before === this.#known;
    const moved = patches.reduce((total, patch) => total + this.#iptables.moves(patch), 0);
    const now = await this.#iptables.fingerprint();
    this.#known = unchanged && now === before + moved ? now : undefined;
  }

  /** Some tables may have been changed before one was refused. */
  async #takeBack(patches: readonly FamilyPatch[]): Promise<void> {
    try {
      for (const patch of [...patches].reverse()) await this.#iptables.apply(inverse(patch));
    } catch (error) {
      // Then somebody else has changed what is ours: `intact` sees it, and everything is loaded anew.
      if (!(error instanceof IptablesError)) throw error;
    }
  }

  /** What is to be done so that the kernel holds everything, and nothing else of ours. */
  async #differences(): Promise<FamilyPatch[]> {
    const patches: FamilyPatch[] = [];
    for (const family of this.families) {
      const tables = [];
      for (const table of IPTABLES_TABLES) {
        const saved = await refusable(() => this.#iptables.read(family, table, PREFIX));
        tables.push(this.#rules.difference(family, table, saved));
      }
      patches.push({ family, tables });
    }
    return patches;
  }

  #newRules(): IptablesRules {
    const { localities, mark = DEFAULT_MARK } = this.#options;
    return new IptablesRules({ localities, mark });
  }
}

/** What the kernel refuses is everyone's concern; what cannot be run is not. */
async function refusable<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (cause) {
    if (!(cause instanceof IptablesError)) throw cause;
    throw new TransactionError(cause.message, [], { cause });
  }
}
