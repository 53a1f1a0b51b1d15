/**
 * Keeps from what is enforced all whom the host's own firewall would not admit there. The firewall itself sees such packets only once
 * their destination is translated, or lets them by: so they are checked before that, by sets of ours.
 */
import type { NftRunner } from '../../host/nft.ts';
import { paced } from '../../host/paced.ts';
import { IP_FAMILIES, type IPFamily } from '../../lib/ip.ts';
import { kernelNetfilter } from '../../netfilter/kernel.ts';
import type { Table } from '../../netfilter/model.ts';
import type { Netfilter } from '../../netfilter/netfilter.ts';
import { type Admission, admissionKey, type Changes, type Opening } from '../backend.ts';
import type { Entry } from '../nftables/elements.ts';
import { identity } from '../nftables/found-sets.ts';
import { changeMessages, fillMessages, readEntries } from '../nftables/messages.ts';
import { guardedAdmissions } from './entries.ts';
import { GUARD_CHAIN, GUARDED, GUARDED_FOR, guardLayout, guardTable, ruleCounts } from './layout.ts';
import { joined, type Placing, placingOf } from './placing.ts';
import type { Reading } from './reading.ts';
import { entriesIn, findGuardSets, type GuardSet, placedIn } from './sets.ts';

export interface GuardOptions {
  /** Of the table, which is ours alone: each back end has one of its own. */
  readonly name: string;
  readonly nft: NftRunner;
  /** Looks at the host's firewall. */
  readonly read: () => Promise<Reading>;
}

/**
 * Nothing of it is there while nothing is enforced. Of openings with another policy it takes no notice. Throws NftError, NetlinkError
 * and TransactionError: see `asked`.
 */
export class Guard {
  readonly #options: GuardOptions;
  readonly #netfilter: Netfilter;
  /** The firewall as it was when the last load, or the first change after it, looked; undefined: nothing is enforced. */
  #reading: Reading | undefined;
  /** Who has been admitted to what, each by its {@link admissionKey}. */
  readonly #admitted = new Map<string, Placing>();
  #sets: readonly GuardSet[] = [];

  constructor(options: GuardOptions) {
    this.#options = options;
    this.#netfilter = kernelNetfilter(options.nft);
  }

  get isGuarding(): boolean {
    return this.#reading !== undefined;
  }

  /** Makes its table be there or not, and returns the messages after which it guards just these. Where it does, there are none. */
  async load(openings: readonly Opening[]): Promise<readonly Uint8Array[]> {
    this.#reading = undefined;
    this.#admitted.clear();
    const enforced = openings.filter(isEnforced);
    if (enforced.length === 0) {
      await this.remove();
      return [];
    }
    const reading = await this.#read();
    const placing = joined(await this.#place(enforced, reading));
    await this.#lay(reading, placing);
    const messages: Uint8Array[] = [];
    for (const set of this.#sets) messages.push(...(await fillMessages(set, entriesIn(set, placing))));
    return messages;
  }

  /** The messages that put a change into force. */
  async change({ added, removed }: Changes): Promise<readonly Uint8Array[]> {
    const [comes, goes] = [added.filter(isEnforced), removed.filter(isEnforced)];
    if (comes.length + goes.length === 0) return [];
    const gone = joined(goes.map((one) => this.#forget(one)));
    const reading = this.#reading ?? (await this.#begin());
    const come = joined(await this.#place(comes, reading));
    return this.#sets.flatMap((set) => changeMessages(set.set, entriesIn(set, gone), entriesIn(set, come)));
  }

  /** What is guarded now, by whichever run. */
  async current(): Promise<readonly Admission[]> {
    const entries: Entry[] = [];
    for (const set of await this.#findSets()) {
      if (set.name !== GUARDED && set.name !== GUARDED_FOR) continue;
      const rules = await this.#netfilter.inspect(guardTable(set.family, this.#options.name));
      // Without its rule that looks at them, sets guard nothing.
      if (rules.get(GUARD_CHAIN) === 1) entries.push(...(await readEntries(set)));
    }
    return guardedAdmissions(entries);
  }

  /** Whether somebody has changed its tables. */
  async isDamaged(): Promise<boolean> {
    const reading = this.#reading;
    if (reading === undefined) return false;
    if (identity(await this.#findSets()) !== identity(this.#sets)) return true;
    return !(await this.#isWhole(this.#layouts(reading)));
  }

  /** Whether the firewall says something else by now than when it was last looked at. */
  async isOutdated(): Promise<boolean> {
    const reading = this.#reading;
    return reading !== undefined && (await this.#read()).text !== reading.text;
  }

  /** Removes all of it, of whichever run. */
  async remove(): Promise<void> {
    this.#reading = undefined;
    this.#sets = [];
    await removeGuard(this.#options);
  }

  /** The first that is guarded. */
  async #begin(): Promise<Reading> {
    const reading = await this.#read();
    await this.#lay(reading, new Map());
    return reading;
  }

  #read(): Promise<Reading> {
    return this.#options.read();
  }

  /** Makes its tables anew where they are not wholly there, with what belongs into them at once: nobody is let by meanwhile. */
  async #lay(reading: Reading, placing: Placing): Promise<void> {
    const layouts = this.#layouts(reading);
    if (!(await this.#isWhole(layouts))) {
      await this.#netfilter.apply(
        layouts.map(({ family, table }) => ({ kind: 'replace-table', table, elements: placedIn(family, placing) })),
      );
    }
    this.#sets = await this.#findSets();
    this.#reading = reading;
  }

  #layouts({ ways }: Reading): readonly { readonly family: IPFamily; readonly table: Table }[] {
    const interfaces = ways.map((way) => way.interfaces);
    return IP_FAMILIES.map((family) => ({ family, table: guardLayout(family, this.#options.name, interfaces) }));
  }

  async #isWhole(layouts: readonly { readonly table: Table }[]): Promise<boolean> {
    const sets = await this.#findSets();
    if (sets.length !== layouts.reduce((sum, { table }) => sum + table.sets.length, 0)) return false;
    const counts = await Promise.all(layouts.map(({ table }) => this.#netfilter.inspect(table)));
    return layouts.every(({ table }, i) => {
      const [wanted, there] = [ruleCounts(table), counts[i]];
      return there?.size === wanted.size && [...wanted].every(([chain, rules]) => there.get(chain) === rules);
    });
  }

  #findSets(): Promise<readonly GuardSet[]> {
    return findGuardSets(this.#options.name);
  }

  /** What of each opening belongs into which set. Gives way to others when there is much to work out. */
  async #place(openings: readonly Opening[], reading: Reading): Promise<readonly Placing[]> {
    const breathe = paced();
    const places: Placing[] = [];
    for (const opening of openings) {
      const placing = placingOf(opening, reading);
      this.#admitted.set(admissionKey(opening), placing);
      places.push(placing);
      await breathe();
    }
    return places;
  }

  #forget(opening: Opening): Placing {
    const placing = this.#admitted.get(admissionKey(opening)) ?? new Map();
    this.#admitted.delete(admissionKey(opening));
    return placing;
  }
}

/** Removes a guard's tables, whichever run put them there. Where there are none, nothing happens. */
export async function removeGuard({ name, nft }: Pick<GuardOptions, 'name' | 'nft'>): Promise<void> {
  const netfilter = kernelNetfilter(nft);
  const tables = IP_FAMILIES.map((family) => guardTable(family, name));
  const chains = await Promise.all(tables.map((table) => netfilter.inspect(table)));
  if (chains.every(({ size }) => size === 0) && (await findGuardSets(name)).length === 0) return;
  await netfilter.apply(tables.map((table) => ({ kind: 'delete-table', table })));
}

const isEnforced = ({ policy }: Opening): boolean => policy === 'enforce';
