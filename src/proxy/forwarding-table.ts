/**
 * All that this node forwards, for every Service, kept so that a change of one costs nothing for the others. It knows
 * what the kernel should hold and hands out the difference as transactions; it never touches the kernel itself.
 */
import { type IPAddress, type IPFamily, printIP } from '../lib/ip.ts';
import type { Chain, Operation, Placed, Transaction } from '../netfilter/model.ts';
import { ElementDiff } from './diff.ts';
import { type FamilyElement, frontendElements, frontendPickChain, sharedElements } from './elements.ts';
import type { Forwarding, Frontend } from './forwarding.ts';
import { baseTable, type Locality, SETS, tableName } from './layout.ts';
import { assignSlots } from './slots.ts';

/** A pick-N chain and how many frontends go to it. */
interface PickChain {
  readonly family: IPFamily;
  readonly chain: Chain;
  uses: number;
}

export class ForwardingTable {
  readonly #localities: ReadonlyMap<IPFamily, Locality>;
  readonly #forwardings = new Map<string, Forwarding>();
  /** Services that want a frontend key, the one that has it first. Nearly always one. */
  readonly #claims = new Map<string, readonly string[]>();
  readonly #shared = new Map<string, { readonly element: FamilyElement; uses: number }>();
  readonly #chains = new Map<string, PickChain>();
  /** Chains that are in the kernel, by the keys of #chains. */
  #installed = new Set<string>();
  #nodeAddresses = new Map<string, FamilyElement>();
  /** Undefined until everything has been taken once: then all of it is new. */
  #pending: ElementDiff | undefined;

  /** One table per family that has a locality; frontends of other families are left out. */
  constructor(localities: ReadonlyMap<IPFamily, Locality>) {
    this.#localities = localities;
  }

  get(service: string): Forwarding | undefined {
    return this.#forwardings.get(service);
  }

  /** Puts what is wanted for a Service in place of what was; undefined: nothing any more. Endpoints keep their slots. */
  set(service: string, wanted: Forwarding | undefined): void {
    const before = this.#forwardings.get(service);
    const after = wanted && this.#withSlots(before, wanted);
    const keys = new Set([...(before?.frontends.keys() ?? []), ...(after?.frontends.keys() ?? [])]);
    const owned = [...keys].map((key) => ({ key, frontend: this.#frontend(key) }));
    if (after === undefined) this.#forwardings.delete(service);
    else this.#forwardings.set(service, after);
    for (const { key, frontend } of owned) {
      this.#claim(key, service, after?.frontends.has(key) ?? false);
      this.#replace(frontend, this.#frontend(key));
    }
    for (const element of after === undefined ? [] : sharedElements(after)) this.#share(element, 1);
    for (const element of before === undefined ? [] : sharedElements(before)) this.#share(element, -1);
  }

  /** The addresses at which node ports are served. */
  setNodeAddresses(addresses: readonly IPAddress[]): void {
    const wanted = new Map<string, FamilyElement>();
    for (const ip of addresses) {
      if (!this.#localities.has(ip.family)) continue;
      const placed = { set: SETS.nodeAddress, element: { key: [printIP(ip)] } };
      wanted.set(printIP(ip), { family: ip.family, placed });
    }
    for (const [ip, element] of this.#nodeAddresses) if (!wanted.has(ip)) this.#pending?.remove(element);
    for (const [ip, element] of wanted) if (!this.#nodeAddresses.has(ip)) this.#pending?.add(element);
    this.#nodeAddresses = wanted;
  }

  /** What changed since the last transaction, and marks it as done. Throws before the first {@link takeAll}. */
  takeChanges(): Transaction {
    if (this.#pending === undefined) throw new Error('there is no table yet to change');
    const added: Operation[] = [];
    for (const [key, { family, chain, uses }] of this.#chains) {
      if (uses === 0 || this.#installed.has(key)) continue;
      this.#installed.add(key);
      added.push({ kind: 'add-chain', table: tableName(family), chain });
    }
    const changed = this.#pending.operations();
    this.#pending = new ElementDiff();
    return [...added, ...changed];
  }

  /** Everything anew, in place of whatever the kernel holds, and marks it as done. Read the elements before the next change. */
  takeAll(): Transaction {
    this.#pending = new ElementDiff();
    this.#dropIdle();
    this.#installed = new Set(this.#chains.keys());
    return [...this.#localities].map(([family, locality]) => {
      const base = baseTable(family, locality);
      const table = { ...base, chains: [...this.#chainsOf(family), ...base.chains] };
      return { kind: 'replace-table', table, elements: { [Symbol.iterator]: () => this.#elements(family) } };
    });
  }

  /** As {@link takeChanges}, and removes the chains that no frontend goes to, once there are more than `keep`. */
  takeIdleChains(keep: number): Transaction {
    const idle = [...this.#chains.values()].filter(({ uses }) => uses === 0);
    if (idle.length <= keep) return [];
    const changes = this.takeChanges();
    return [
      ...changes,
      ...this.#dropIdle().map(({ family, chain }): Operation => {
        return { kind: 'delete-chain', table: tableName(family), chain: chain.name };
      }),
    ];
  }

  /** The chains that the kernel should have, with their number of rules. */
  expectedChains(family: IPFamily): ReadonlyMap<string, number> {
    const locality = this.#localities.get(family);
    const base = locality === undefined ? [] : baseTable(family, locality).chains;
    const counts = new Map(base.map((chain) => [chain.name, chain.rules.length]));
    for (const key of this.#installed) {
      const pick = this.#chains.get(key);
      if (pick?.family === family) counts.set(pick.chain.name, pick.chain.rules.length);
    }
    return counts;
  }

  #withSlots(before: Forwarding | undefined, wanted: Forwarding): Forwarding {
    const frontends = new Map<string, Frontend>();
    for (const [key, frontend] of wanted.frontends) {
      if (!this.#localities.has(frontend.family)) continue;
      const previous = before?.frontends.get(key)?.endpoints ?? [];
      frontends.set(key, { ...frontend, endpoints: assignSlots(previous, frontend.endpoints) });
    }
    return { ...wanted, frontends };
  }

  /** The frontend that a key leads to: that of the Service that has it. */
  #frontend(key: string): Frontend | undefined {
    const owner = this.#claims.get(key)?.[0];
    return owner === undefined ? undefined : this.#forwardings.get(owner)?.frontends.get(key);
  }

  #claim(key: string, service: string, wants: boolean): void {
    const others = (this.#claims.get(key) ?? []).filter((other) => other !== service);
    const owners = wants ? [...others, service] : others;
    if (owners.length > 1) owners.sort((a, b) => (this.#rank(a) < this.#rank(b) ? -1 : 1));
    if (owners.length === 0) this.#claims.delete(key);
    else this.#claims.set(key, owners);
  }

  #rank(service: string): string {
    return this.#forwardings.get(service)?.rank ?? '';
  }

  #replace(before: Frontend | undefined, after: Frontend | undefined): void {
    if (before === after) return;
    if (before !== undefined) this.#use(before, -1);
    if (after !== undefined) this.#use(after, 1);
    const pending = this.#pending;
    if (pending === undefined) return;
    if (before !== undefined) {
      for (const placed of frontendElements(before)) pending.remove({ family: before.family, placed });
    }
    if (after !== undefined) {
      for (const placed of frontendElements(after)) pending.add({ family: after.family, placed });
    }
  }

  #use(frontend: Frontend, count: 1 | -1): void {
    const chain = frontendPickChain(frontend);
    if (chain === undefined) return;
    const key = `${frontend.family} ${chain.name}`;
    const pick = this.#chains.get(key);
    if (pick !== undefined) pick.uses += count;
    else this.#chains.set(key, { family: frontend.family, chain, uses: count });
  }

  #share(element: FamilyElement, count: 1 | -1): void {
    if (!this.#localities.has(element.family)) return;
    const key = `${element.placed.set} ${element.placed.element.key.join(' ')}`;
    const shared = this.#shared.get(key) ?? { element, uses: 0 };
    shared.uses += count;
    if (shared.uses === 0) {
      this.#shared.delete(key);
      this.#pending?.remove(element);
    } else if (shared.uses === count) {
      this.#shared.set(key, shared);
      this.#pending?.add(element);
    }
  }

  #dropIdle(): PickChain[] {
    const dropped: PickChain[] = [];
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

  *#elements(family: IPFamily): Iterator<Placed> {
    for (const element of this.#nodeAddresses.values()) if (element.family === family) yield element.placed;
    for (const { element } of this.#shared.values()) if (element.family === family) yield element.placed;
    for (const key of this.#claims.keys()) {
      const frontend = this.#frontend(key);
      if (frontend?.family === family) yield* frontendElements(frontend);
    }
  }
}
