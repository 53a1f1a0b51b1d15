/**
 * What is forwarded, as the transactions that make nftables do it: everything, or what changed. It remembers which
 * chains and shared elements are in use, and never touches the kernel itself.
 */
import { familyOf, type IPAddress, type IPFamily, printIP } from '../../lib/ip.ts';
import type { Chain, Operation, Placed, Table, TableName, Transaction } from '../../netfilter/model.ts';
import { CountedSet } from '../forwarding/counted-set.ts';
import type { Frontend } from '../forwarding/forwarding.ts';
import type { Localities } from '../locality.ts';
import type { Changes, Forwarded, FrontendChange, SetChange } from '../mode.ts';
import { ElementDiff } from './diff.ts';
import {
  type DemandedChain,
  type FamilyElement,
  frontendChain,
  frontendElements,
  hairpinElements,
} from './elements.ts';
import { baseTable, SETS, standingElements, tableName } from './layout.ts';

/** A chain per number of endpoints and how many frontends go to it. */
interface CountedChain extends DemandedChain {
  readonly family: IPFamily;
  uses: number;
}

/** What changes the kernel, and what takes the books back when the kernel refuses it. */
export interface Changed {
  readonly transaction: Transaction;
  readonly undo: () => void;
}

export class NftablesRules {
  /** The layout of each family that is served. */
  readonly #tables: ReadonlyMap<IPFamily, Table>;
  /** Every endpoint on this node, once per frontend that has it. */
  #hairpins = hairpinSet();
  readonly #chains = new Map<string, CountedChain>();
  /** Chains that are in the kernel, by the keys of #chains. */
  #installed = new Set<string>();

  /** One table per family that has a locality. */
  constructor(localities: Localities) {
    this.#tables = new Map([...localities].map(([family, locality]) => [family, baseTable(family, locality)]));
  }

  /** The tables without what comes and goes with Services. */
  tables(): readonly Table[] {
    return [...this.#tables.values()];
  }

  /** Everything anew, in place of whatever the kernel holds. Its elements are read from `forwarded` when they are needed. */
  everything(forwarded: Forwarded): Transaction {
    this.#hairpins = hairpinSet();
    this.#chains.clear();
    for (const { frontend } of forwarded.frontends()) this.#use(frontend);
    this.#hairpins.take();
    this.#installed = new Set(this.#chains.keys());
    return [...this.#tables].map(([family, base]) => {
      const table = { ...base, chains: [...this.#chainsOf(family), ...base.chains] };
      return {
        kind: 'replace-table',
        table,
        elements: { [Symbol.iterator]: () => this.#elements(family, forwarded) },
      };
    });
  }

  /** The least that makes up for the changes. Only after {@link everything}. */
  changed(changes: Changes): Changed {
    const { frontends, virtualAddresses, nodeAddresses } = changes;
    const diff = new ElementDiff((family) => this.#tableOf(family));
    for (const { before } of frontends) if (before !== undefined) removeAll(diff, before);
    for (const { after } of frontends) if (after !== undefined) addAll(diff, after);
    this.#count(frontends);
    note(diff, virtualAddresses, virtualAddressElement);
    note(diff, nodeAddresses, nodeAddressElement);
    note(diff, this.#hairpins.take(), (element) => element);
    const chains = this.#newChains();
    const added = chains.flatMap(({ family, chain, entry }): Operation[] => [
      { kind: 'add-chain', table: this.#tableOf(family), chain },
      { kind: 'add-element', table: this.#tableOf(family), placed: entry },
    ]);
    const undo = (): void => {
      this.#count(frontends.map(({ before, after, ...rest }) => ({ ...rest, before: after, after: before })));
      this.#hairpins.take();
      for (const { family, chain } of chains) this.#installed.delete(chainKey(family, chain));
    };
    return { transaction: [...added, ...diff.operations()], undo };
  }

  /** Removes the chains that no frontend goes to, once there are more than `keep`. */
  idle(keep: number): Transaction {
    const idle = [...this.#chains.values()].filter(({ uses }) => uses === 0);
    if (idle.length <= keep) return [];
    return this.#dropIdle().flatMap(({ family, chain, entry }): Operation[] => [
      { kind: 'delete-element', table: this.#tableOf(family), placed: entry },
      { kind: 'delete-chain', table: this.#tableOf(family), chain: chain.name },
    ]);
  }

  /** The chains that the kernel should have, with their number of rules. */
  expectedChains(family: IPFamily): ReadonlyMap<string, number> {
    const base = this.#tables.get(family);
    const counts = new Map(base?.chains.map((chain) => [chain.name, chain.rules.length]));
    for (const key of this.#installed) {
      const pick = this.#chains.get(key);
      if (pick?.family === family) counts.set(pick.chain.name, pick.chain.rules.length);
    }
    return counts;
  }

  #tableOf(family: IPFamily): TableName {
    return this.#tables.get(family) ?? tableName(family);
  }

  #count(frontends: readonly Pick<FrontendChange, 'before' | 'after'>[]): void {
    for (const { before, after } of frontends) {
      if (after !== undefined) this.#use(after);
      if (before !== undefined) this.#release(before);
    }
  }

  #use(frontend: Frontend): void {
    for (const element of hairpinElements(frontend)) this.#hairpins.add(element);
    const demanded = frontendChain(frontend);
    if (demanded === undefined) return;
    const key = chainKey(frontend.family, demanded.chain);
    const pick = this.#chains.get(key);
    if (pick !== undefined) pick.uses++;
    else this.#chains.set(key, { family: frontend.family, ...demanded, uses: 1 });
  }

  #release(frontend: Frontend): void {
    for (const element of hairpinElements(frontend)) this.#hairpins.remove(element);
    const demanded = frontendChain(frontend);
    const pick = demanded && this.#chains.get(chainKey(frontend.family, demanded.chain));
    if (pick !== undefined) pick.uses--;
  }

  /** Chains that are needed and not in the kernel; from now on they count as being there. */
  #newChains(): CountedChain[] {
    const added: CountedChain[] = [];
    for (const [key, pick] of this.#chains) {
      if (pick.uses === 0 || this.#installed.has(key)) continue;
      this.#installed.add(key);
      added.push(pick);
    }
    return added;
  }

  #dropIdle(): CountedChain[] {
    const dropped: CountedChain[] = [];
    for (const [key, pick] of this.#chains) {
      if (pick.uses > 0) continue;
      this.#chains.delete(key);
      if (this.#installed.delete(key)) dropped.push(pick);
    }
    return dropped;
  }

  #chainsOf(family: IPFamily): Chain[] {
    const picks = [...this.#chains.values()].filter((pick) => pick.family === family).map(({ chain }) => chain);
    return picks.sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  *#elements(wanted: IPFamily, forwarded: Forwarded): Iterator<Placed> {
    for (const ip of forwarded.nodeAddresses()) if (ip.family === wanted) yield nodeAddressElement(ip).placed;
    for (const ip of forwarded.virtualAddresses()) {
      const { family, placed } = virtualAddressElement(ip);
      if (family === wanted) yield placed;
    }
    for (const { family, placed } of this.#hairpins) if (family === wanted) yield placed;
    yield* standingElements();
    for (const { family, entry } of this.#chains.values()) if (family === wanted) yield entry;
    for (const { frontend } of forwarded.frontends()) {
      if (frontend.family === wanted) yield* frontendElements(frontend);
    }
  }
}

const hairpinSet = (): CountedSet<FamilyElement> =>
  new CountedSet(({ family, placed }) => `${family} ${placed.element.key.join(' ')}`);

const chainKey = (family: IPFamily, { name }: Chain): string => `${family} ${name}`;

function nodeAddressElement(ip: IPAddress): FamilyElement {
  return { family: ip.family, placed: { set: SETS.nodeAddress, element: { key: [printIP(ip)] } } };
}

function virtualAddressElement(ip: string): FamilyElement {
  return { family: familyOf(ip) ?? 'IPv4', placed: { set: SETS.virtualAddress, element: { key: [ip] } } };
}

function note<T>(diff: ElementDiff, { added, removed }: SetChange<T>, element: (member: T) => FamilyElement): void {
  for (const member of removed) diff.remove(element(member));
  for (const member of added) diff.add(element(member));
}

function removeAll(diff: ElementDiff, frontend: Frontend): void {
  for (const placed of frontendElements(frontend)) diff.remove({ family: frontend.family, placed });
}

function addAll(diff: ElementDiff, frontend: Frontend): void {
  for (const placed of frontendElements(frontend)) diff.add({ family: frontend.family, placed });
}
