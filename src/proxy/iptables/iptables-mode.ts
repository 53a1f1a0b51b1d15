/** The mode iptables: puts what is forwarded into the kernel, and notices when someone else takes it away. */
import type { IPFamily } from '../../lib/ip.ts';
import { type Iptables, IptablesError } from '../../netfilter/iptables/iptables.ts';
import { IPTABLES_TABLES, inverse, isEmptyPatch, type TablePatch } from '../../netfilter/iptables/model.ts';
import type { SavedTable } from '../../netfilter/iptables/saved.ts';
import { TransactionError } from '../../netfilter/netfilter.ts';
import { frontendKey } from '../forwarding/forwarding.ts';
import type { Localities } from '../locality.ts';
import type { Changes, Forwarded, Mode, Recall } from '../mode.ts';
import { DEFAULT_MARK, frontendChain, PREFIX } from './layout.ts';
import { recalledEndpoints } from './recall.ts';
import { removeChains } from './remove.ts';
import { IptablesRules, rulesOf } from './rules.ts';

/** A connection's mark has 32 bits. */
const MARKS = Array.from({ length: 32 }, (_, bit) => 2 ** bit);

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

/** Throws RangeError when the mark is not one bit. */
export function iptablesMode(options: IptablesModeOptions): Mode {
  const { mark = DEFAULT_MARK } = options;
  if (!MARKS.includes(mark)) throw new RangeError(`the mark must be one bit, such as ${DEFAULT_MARK}: it is ${mark}`);
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
  /** What {@link recall} read, for the load that follows it. */
  #recalled: { readonly fingerprint: number | undefined; readonly nat: ReadonlyMap<IPFamily, SavedTable> } | undefined;

  constructor(options: IptablesModeOptions) {
    this.#options = options;
    this.#iptables = options.iptables;
    this.families = [...options.localities.keys()];
    this.#rules = this.#newRules();
  }

  async recall(): Promise<Recall> {
    const fingerprint = await this.#iptables.fingerprint();
    const nat = new Map<IPFamily, SavedTable>();
    for (const family of this.families) nat.set(family, await this.#iptables.read(family, 'nat', PREFIX));
    this.#recalled = { fingerprint, nat };
    const endpoints = new Map([...nat.values()].flatMap((saved) => [...recalledEndpoints(saved)]));
    return (frontend) => endpoints.get(frontendChain(frontendKey(frontend))) ?? [];
  }

  async load(everything: Forwarded): Promise<void> {
    this.#rules = await rulesOf(everything, this.#newRules());
    // Before anything is read: who changes something from here on is noticed.
    this.#known = await this.#iptables.fingerprint();
    const recalled = this.#takeRecalled();
    for (const { family, table } of this.#tables()) {
      const known = table === 'nat' ? recalled?.get(family) : undefined;
      const saved = known ?? (await refusable(() => this.#iptables.read(family, table, PREFIX)));
      await refusable(async () => this.#apply(await this.#rules.difference(family, table, saved)));
    }
    if (!this.#othersRemoved) await this.#removeOthers();
    this.#othersRemoved = true;
  }

  async change(changes: Changes): Promise<void> {
    this.#rules.note(changes);
    const applied: TablePatch[] = [];
    try {
      for (const patch of this.#rules.takePatches()) {
        await this.#apply(patch);
        applied.push(patch);
      }
    } catch (cause) {
      this.#rules.undo();
      await this.#takeBack(applied);
      throw cause instanceof IptablesError ? new TransactionError(cause.message, [], { cause }) : cause;
    }
    this.#rules.keep();
  }

  async intact(): Promise<boolean> {
    const now = await this.#iptables.fingerprint();
    if (now !== undefined && now === this.#known) return true;
    for (const { family, table } of this.#tables()) {
      const counts = await refusable(() => this.#iptables.count(family, table, PREFIX));
      if (!this.#rules.matches(family, table, counts)) return false;
    }
    this.#known = now;
    return true;
  }

  /** Chains go with what leads to them. */
  async tidy(): Promise<void> {}

  async remove(): Promise<void> {
    this.#known = undefined;
    await removeChains(this.#iptables, PREFIX);
    await this.#removeOthers();
  }

  /** A kernel that was known and moves by as much as the patch moves it, and no more, is known. */
  async #apply(patch: TablePatch): Promise<void> {
    if (isEmptyPatch(patch)) return;
    await this.#iptables.apply(patch);
    if (this.#known !== undefined) this.#known += this.#iptables.moves(patch);
  }

  async #takeBack(applied: readonly TablePatch[]): Promise<void> {
    try {
      for (const patch of [...applied].reverse()) await this.#apply(inverse(patch));
    } catch (error) {
      if (!(error instanceof IptablesError)) throw error;
      // Then somebody else has changed what is ours: `intact` sees it, and everything is loaded anew.
      this.#known = undefined;
    }
  }

  async #removeOthers(): Promise<void> {
    for (const other of this.#options.others ?? []) await removeChains(other, PREFIX);
  }

  /** Undefined when anybody changed anything since, or nothing was recalled. */
  #takeRecalled(): ReadonlyMap<IPFamily, SavedTable> | undefined {
    const { fingerprint, nat } = this.#recalled ?? {};
    this.#recalled = undefined;
    return fingerprint !== undefined && fingerprint === this.#known ? nat : undefined;
  }

  *#tables() {
    for (const family of this.families) for (const table of IPTABLES_TABLES) yield { family, table };
  }

  #newRules(): IptablesRules {
    const { localities, mark = DEFAULT_MARK } = this.#options;
    return new IptablesRules({ localities, mark });
  }
}

/** What the kernel refuses of everything is a refused transaction too. */
async function refusable<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (cause) {
    if (!(cause instanceof IptablesError)) throw cause;
    throw new TransactionError(cause.message, [], { cause });
  }
}
