/**
 * What an earlier run left in the kernel, taken over: after a restart, only what differs is changed, endpoints keep
 * their slots, and nothing at all happens where nothing differs.
 */
import { paced } from '../../host/paced.ts';
import {
  type Atom,
  canonicalKey,
  type Element,
  elementKey,
  isVerdict,
  type Operation,
  type Placed,
  sameValue,
  type Table,
  type Transaction,
} from '../../netfilter/model.ts';
import type { Netfilter } from '../../netfilter/netfilter.ts';
import { type Endpoint, tableFamily } from '../forwarding/forwarding.ts';
import type { Recall } from '../mode.ts';
import { endpointFrom } from './elements.ts';
import { comesAndGoes, isMadeOnDemand } from './layout.ts';

/** Elements by set, then by key. */
type Held = ReadonlyMap<string, Map<string, Element>>;

/**
 * What makes the kernel's tables those of `everything`. Undefined when that is more than replacements of tables, or one
 * of them is not there or laid out otherwise: then it has to be replaced.
 */
export async function difference(netfilter: Netfilter, everything: Transaction): Promise<Transaction | undefined> {
  const operations: Operation[] = [];
  for (const operation of everything) {
    if (operation.kind !== 'replace-table') return undefined;
    const { table, elements } = operation;
    const chains = await chainDifference(netfilter, table);
    if (chains === undefined) return undefined;
    operations.push(...chains.added, ...(await elementDifference(netfilter, table, elements)), ...chains.removed);
  }
  return operations;
}

/** Reads what the kernel has of tables like these, by family; of one with another layout, nothing is known. */
export async function recall(netfilter: Netfilter, tables: readonly Table[]): Promise<Recall> {
  const held = new Map<string, Held>();
  for (const table of tables) {
    if ((await chainDifference(netfilter, table)) !== undefined) held.set(table.family, await read(netfilter, table));
  }
  return (frontend) => {
    const own = held.get(tableFamily(frontend.family));
    const look = (set: string, key: readonly Atom[]) => {
      const value = own?.get(set)?.get(elementKey(key))?.value;
      return value === undefined || isVerdict(value) ? undefined : value;
    };
    const endpoints: Endpoint[] = [];
    for (;;) {
      const endpoint = endpointFrom(look, frontend, endpoints.length);
      if (endpoint === undefined) return endpoints;
      endpoints.push(endpoint);
    }
  };
}

/** Undefined when the table is not there or its layout is another. Chains that count endpoints come and go. */
async function chainDifference(
  netfilter: Netfilter,
  table: Table,
): Promise<{ readonly added: readonly Operation[]; readonly removed: readonly Operation[] } | undefined> {
  const actual = await netfilter.inspect(table);
  const wanted = new Map(table.chains.map((chain) => [chain.name, chain]));
  const added: Operation[] = [];
  for (const [name, chain] of wanted) {
    if (actual.get(name) === chain.rules.length) continue;
    if (!isMadeOnDemand(name) || actual.has(name)) return undefined;
    added.push({ kind: 'add-chain', table, chain });
  }
  const removed: Operation[] = [];
  for (const name of actual.keys()) {
    if (wanted.has(name)) continue;
    if (!isMadeOnDemand(name)) return undefined;
    removed.push({ kind: 'delete-chain', table, chain: name });
  }
  return { added, removed };
}

async function elementDifference(
  netfilter: Netfilter,
  table: Table,
  elements: Iterable<Placed>,
): Promise<readonly Operation[]> {
  const held = await read(netfilter, table);
  const added: Operation[] = [];
  const removed: Operation[] = [];
  const remove = (set: string, element: Element) =>
    removed.push({ kind: 'delete-element', table, placed: { set, element } });
  const breathe = paced();
  for (const placed of elements) {
    const { set, element } = placed;
    const own = held.get(set);
    const key = elementKey(canonicalKey(element.key));
    const before = own?.get(key);
    own?.delete(key);
    if (before !== undefined && sameValue(before.value, element.value)) continue;
    if (before !== undefined) remove(set, before);
    added.push({ kind: 'add-element', table, placed });
    const pause = breathe();
    if (pause !== undefined) await pause;
  }
  // What is left is wanted no more.
  for (const [set, own] of held) for (const element of own.values()) remove(set, element);
  return [...removed, ...added];
}

/** What comes and goes with Services; what packets leave behind stays as it is. */
async function read(netfilter: Netfilter, table: Table): Promise<Held> {
  const held = new Map<string, Map<string, Element>>();
  for (const set of table.sets.filter(comesAndGoes)) {
    const own = new Map<string, Element>();
    for await (const elements of netfilter.elements(table, set)) {
      for (const element of elements) own.set(elementKey(element.key), element);
    }
    held.set(set.name, own);
  }
  return held;
}
