/**
 * What is forwarded, as the chains that make iptables do it: everything, or what changed. It remembers what every chain
 * holds, and never touches the kernel itself.
 */

import { paced } from '../../host/paced.ts';
import { familyOf, type IPFamily, printIP } from '../../lib/ip.ts';
import {
  type ChainChange,
  type Hook,
  IPTABLES_TABLES,
  type IptablesTable,
  type TableCounts,
  type TablePatch,
} from '../../netfilter/iptables/model.ts';
import type { SavedTable } from '../../netfilter/iptables/saved.ts';
import { CountedSet } from '../forwarding/counted-set.ts';
import type { Frontend } from '../forwarding/forwarding.ts';
import type { Localities, Locality } from '../locality.ts';
import type { Changes, Forwarded, OwnedFrontend } from '../mode.ts';
import { ChainBook, sameText } from './chain-book.ts';
import { type Entry, frontendEntries, hairpinEntry, nodeAddressEntries, virtualAddressEntry } from './entries.ts';
import { baseChains, hooks } from './layout.ts';

export interface IptablesRulesOptions {
  readonly localities: Localities;
  /** See {@link LayoutOptions}. */
  readonly mark: number;
}

export class IptablesRules {
  readonly #families: ReadonlyMap<IPFamily, FamilyRules>;

  constructor({ localities, mark }: IptablesRulesOptions) {
    this.#families = new Map(
      [...localities].map(([family, locality]) => [family, new FamilyRules(family, { locality, mark })]),
    );
  }

  get families(): readonly IPFamily[] {
    return [...this.#families.keys()];
  }

  addFrontend({ service, frontend }: OwnedFrontend): void {
    this.#families.get(frontend.family)?.add(frontend, service);
  }

  /** Takes what differs into the books. What that does to the kernel is told by {@link takePatches}. */
  note({ frontends, virtualAddresses, nodeAddresses }: Changes): void {
    for (const { before } of frontends) if (before) this.#families.get(before.family)?.remove(before);
    for (const { after, service } of frontends) if (after) this.#families.get(after.family)?.add(after, service);
    for (const ip of virtualAddresses.removed) this.#ofAddress(ip)?.drop([virtualAddressEntry(ip)]);
    for (const ip of virtualAddresses.added) this.#ofAddress(ip)?.put([virtualAddressEntry(ip)]);
    for (const ip of nodeAddresses.removed) this.#families.get(ip.family)?.drop(nodeAddressEntries(printIP(ip)));
    for (const ip of nodeAddresses.added) this.#families.get(ip.family)?.put(nodeAddressEntries(printIP(ip)));
  }

  /** What changed since the last time. */
  takePatches(): TablePatch[] {
    return [...this.#families.values()].flatMap((rules) => rules.takePatches());
  }

  /** What the patches say is in the kernel. */
  keep(): void {
    for (const rules of this.#families.values()) rules.keep();
  }

  /** What was noted since the last {@link keep} is not in the kernel, and will not be. */
  undo(): void {
    for (const rules of this.#families.values()) rules.undo();
  }

  /** What makes a table, as it was read from the kernel, hold what it should. */
  difference(family: IPFamily, table: IptablesTable, saved: SavedTable): Promise<TablePatch> {
    return this.#of(family).difference(table, saved);
  }

  /** Whether a kernel that has so much of ours has all of it. */
  matches(family: IPFamily, table: IptablesTable, counts: TableCounts): boolean {
    return this.#of(family).matches(table, counts);
  }

  #of(family: IPFamily): FamilyRules {
    const rules = this.#families.get(family);
    if (rules === undefined) throw new Error(`${family} is not served`);
    return rules;
  }

  #ofAddress(ip: string): FamilyRules | undefined {
    const family = familyOf(ip);
    return family && this.#families.get(family);
  }
}

/** Takes everything that is forwarded into books that are new. */
export async function rulesOf(everything: Forwarded, rules: IptablesRules): Promise<IptablesRules> {
  rules.note({
    frontends: [],
    virtualAddresses: { added: [...everything.virtualAddresses()], removed: [] },
    nodeAddresses: { added: [...everything.nodeAddresses()], removed: [] },
  });
  const breathe = paced();
  for (const owned of everything.frontends()) {
    rules.addFrontend(owned);
    await breathe();
  }
  rules.keep();
  return rules;
}

/** The chains of one family. */
class FamilyRules {
  readonly #family: IPFamily;
  readonly #books: Readonly<Record<IptablesTable, ChainBook>>;
  /** Endpoints on this node, once per frontend that has them. */
  readonly #hairpins = new CountedSet<string>((ip) => ip);
  /** Came to and left `#hairpins` since the last {@link keep}. */
  #counted: { readonly added: string[]; readonly removed: string[] } = { added: [], removed: [] };

  constructor(family: IPFamily, options: { readonly locality: Locality; readonly mark: number }) {
    this.#family = family;
    const book = (table: IptablesTable) => new ChainBook(family, baseChains(table, family, options));
    this.#books = { nat: book('nat'), filter: book('filter') };
  }

  add(frontend: Frontend, service: string): void {
    this.put(frontendEntries(frontend, service));
    for (const ip of localIPs(frontend)) {
      this.#hairpins.add(ip);
      this.#counted.added.push(ip);
    }
  }

  remove(frontend: Frontend): void {
    this.drop(frontendEntries(frontend, ''));
    for (const ip of localIPs(frontend)) {
      this.#hairpins.remove(ip);
      this.#counted.removed.push(ip);
    }
  }

  put(entries: readonly Entry[]): void {
    for (const entry of entries) this.#books[entry.table].add(entry);
  }

  drop(entries: readonly Entry[]): void {
    for (const entry of entries) this.#books[entry.table].remove(entry);
  }

  takePatches(): TablePatch[] {
    this.#settleHairpins();
    return IPTABLES_TABLES.map((table) => {
      return { family: this.#family, table, chains: this.#books[table].take(), hooked: [], unhooked: [] };
    });
  }

  keep(): void {
    this.#settleHairpins();
    this.#counted = { added: [], removed: [] };
    for (const table of IPTABLES_TABLES) this.#books[table].keep();
  }

  undo(): void {
    const { added, removed } = this.#counted;
    for (const ip of removed) this.#hairpins.add(ip);
    for (const ip of added) this.#hairpins.remove(ip);
    // Their rules are undone with all others.
    this.#hairpins.take();
    for (const table of IPTABLES_TABLES) this.#books[table].undo();
    this.keep();
  }

  async difference(table: IptablesTable, saved: SavedTable): Promise<TablePatch> {
    this.#settleHairpins();
    const book = this.#books[table];
    const chains: ChainChange[] = [];
    const breathe = paced();
    for (const chain of [...new Set([...saved.chains.keys(), ...book.names()])].sort()) {
      const [before, after] = [saved.chains.get(chain), book.text(chain)];
      if (!sameText(before, after)) chains.push({ chain, before, after });
      await breathe();
    }
    return { family: this.#family, table, chains, ...hookDifference(saved.hooks, hooks(table, this.#family)) };
  }

  matches(table: IptablesTable, counts: TableCounts): boolean {
    const book = this.#books[table];
    for (const chain of book.names()) if ((counts.chains.get(chain) ?? 0) !== book.count(chain)) return false;
    return hooks(table, this.#family).every(({ into }) => counts.hooks.get(into) === 1);
  }

  #settleHairpins(): void {
    const { added, removed } = this.#hairpins.take();
    this.drop(removed.map(hairpinEntry));
    this.put(added.map(hairpinEntry));
  }
}

const localIPs = ({ endpoints }: Frontend): ReadonlySet<string> =>
  new Set(endpoints.filter(({ local }) => local).map(({ ip }) => ip));

/** A hook stays where it is; one that is there twice, or otherwise, is put there once. */
function hookDifference(actual: readonly Hook[], wanted: readonly Hook[]): Pick<TablePatch, 'hooked' | 'unhooked'> {
  const same = (a: Hook, b: Hook) => a.into === b.into && a.rule === b.rule;
  const there = wanted
    .filter((hook) => actual.filter((other) => other.into === hook.into).length === 1)
    .filter((hook) => actual.some((other) => same(hook, other)));
  const kept = (hook: Hook) => there.some((other) => same(hook, other));
  return { hooked: wanted.filter((hook) => !kept(hook)), unhooked: actual.filter((hook) => !kept(hook)) };
}
