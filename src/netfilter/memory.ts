/**
 * The packet filter in memory, for tests and for tracing packets: the kernel's rules about what a transaction may do,
 * without the kernel. It passes the same contract as the kernel does.
 */
import {
  type Atom,
  type Chain,
  type Counter,
  type CountingElement,
  canonicalKey,
  type Element,
  type ElementValue,
  elementKey,
  isVerdict,
  type NamedSet,
  type Operation,
  type Placed,
  sameValue,
  type Table,
  type TableName,
  type Transaction,
} from './model.ts';
import { type Netfilter, TransactionError } from './netfilter.ts';

/** A table as it stands: its layout and what its sets hold. */
export interface LiveTable {
  readonly table: Table;
  readonly chains: ReadonlyMap<string, Chain>;
  /** By set, then by `elementKey`. */
  readonly sets: ReadonlyMap<string, ReadonlyMap<string, Placed['element']>>;
}

interface Draft {
  readonly table: Table;
  readonly chains: Map<string, Chain>;
  readonly sets: Map<string, Map<string, Placed['element']>>;
}

export class MemoryNetfilter implements Netfilter {
  /** Every transaction that succeeded, in order. */
  readonly applied: Transaction[] = [];
  #tables = new Map<string, Draft>();
  #failures: Error[] = [];
  /** By table and set, then by `elementKey`. */
  readonly #counters = new Map<string, Map<string, CountingElement>>();
  #refuses: (placed: Placed) => boolean = () => false;

  /** The next transaction fails with this. */
  failNext(cause: Error): void {
    this.#failures.push(cause);
  }

  /** From now on, transactions that add such an element fail. */
  refuse(elements: (placed: Placed) => boolean): void {
    this.#refuses = elements;
  }

  /** Removes everything, as `nft flush ruleset` does. */
  flushRuleset(): void {
    this.#tables.clear();
  }

  table({ family, name }: TableName): LiveTable | undefined {
    return this.#tables.get(`${family} ${name}`);
  }

  tables(): readonly LiveTable[] {
    return [...this.#tables.values()];
  }

  async apply(transaction: Transaction): Promise<void> {
    const failure = this.#failures.shift();
    if (failure !== undefined) throw new TransactionError(failure.message, transaction, { cause: failure });
    const draft = new Map([...this.#tables].map(([name, table]) => [name, copy(table)]));
    try {
      for (const placed of additions(transaction)) {
        if (this.#refuses(placed))
          throw new Error(`Invalid argument: ${placed.set} { ${elementKey(placed.element.key)} }`);
      }
      for (const operation of transaction) step(draft, operation);
    } catch (cause) {
      throw new TransactionError(String(cause), transaction, { cause });
    }
    this.#tables = draft;
    this.applied.push(transaction);
  }

  async *elements(name: TableName, { name: set }: NamedSet): AsyncGenerator<readonly Element[]> {
    const held = [...(this.table(name)?.sets.get(set)?.values() ?? [])];
    yield held.map((element) => ({ ...element, key: canonicalKey(element.key) }));
  }

  async *counters(name: TableName, { name: set }: NamedSet): AsyncGenerator<readonly CountingElement[]> {
    const counters = this.#counters.get(`${name.family} ${name.name} ${set}`);
    if (this.table(name) !== undefined && counters !== undefined) yield [...counters.values()];
  }

  /** Has a set count packets, as rules would. */
  count(name: TableName, set: string, key: readonly Atom[], { packets, bytes }: Counter): void {
    const id = `${name.family} ${name.name} ${set}`;
    const counters = this.#counters.get(id) ?? new Map<string, CountingElement>();
    const { counter } = counters.get(elementKey(key)) ?? { counter: { packets: 0, bytes: 0 } };
    const sum = { packets: counter.packets + packets, bytes: counter.bytes + bytes };
    this.#counters.set(id, counters.set(elementKey(key), { key, counter: sum }));
  }

  /** Ends the elements that packets count in, as time does. */
  expireCounters(): void {
    this.#counters.clear();
  }

  async inspect(name: TableName): Promise<ReadonlyMap<string, number>> {
    const chains = [...(this.table(name)?.chains.values() ?? [])].filter(({ rules }) => rules.length > 0);
    return new Map(chains.map((chain) => [chain.name, chain.rules.length]));
  }
}

function* additions(transaction: Transaction): Iterable<Placed> {
  for (const operation of transaction) {
    if (operation.kind === 'add-element') yield operation.placed;
    if (operation.kind === 'replace-table') yield* operation.elements;
  }
}

function copy(draft: Draft): Draft {
  const sets = new Map([...draft.sets].map(([name, elements]) => [name, new Map(elements)]));
  return { table: draft.table, chains: new Map(draft.chains), sets };
}

function step(tables: Map<string, Draft>, operation: Operation): void {
  const { family, name } = operation.table;
  const key = `${family} ${name}`;
  if (operation.kind === 'delete-table') {
    tables.delete(key);
    return;
  }
  if (operation.kind === 'replace-table') {
    const draft = load(operation.table);
    tables.set(key, draft);
    for (const placed of operation.elements) addElement(draft, placed);
    return;
  }
  const draft = tables.get(key);
  if (draft === undefined) throw new Error(`No such file or directory: table ${key}`);
  if (operation.kind === 'add-element') addElement(draft, operation.placed);
  else if (operation.kind === 'delete-element') deleteElement(draft, operation.placed);
  else if (operation.kind === 'add-chain') addChain(draft, operation.chain);
  else deleteChain(draft, operation.chain);
}

function load(table: Table): Draft {
  const sets = new Map(
    table.sets.map((set) => [set.name, new Map(set.elements?.map((element) => [elementKey(element.key), element]))]),
  );
  const draft: Draft = { table, chains: new Map(), sets };
  for (const chain of table.chains) addChain(draft, chain);
  return draft;
}

function addElement(draft: Draft, { set, element }: Placed): void {
  const elements = mustHave(draft.sets.get(set), `set ${set}`);
  const key = elementKey(element.key);
  const present = elements.get(key);
  // The kernel takes the same element twice, and not one key with two values.
  if (present !== undefined && !sameValue(present.value, element.value)) {
    throw new Error(`File exists: ${set} { ${key} }`);
  }
  checkTarget(draft, element.value);
  elements.set(key, element);
}

function deleteElement(draft: Draft, { set, element }: Placed): void {
  const elements = mustHave(draft.sets.get(set), `set ${set}`);
  const key = elementKey(element.key);
  if (!elements.delete(key)) throw new Error(`No such file or directory: ${set} { ${key} }`);
}

/** Adding a chain again adds its rules again, as the printed commands do; only a new one is allowed here. */
function addChain(draft: Draft, chain: Chain): void {
  if (draft.chains.has(chain.name)) throw new Error(`File exists: chain ${chain.name}`);
  for (const { statement } of chain.rules) {
    if (statement.kind === 'verdict') checkTarget(draft, statement.verdict);
    if ('map' in statement) mustHave(draft.sets.get(statement.map), statement.map);
  }
  draft.chains.set(chain.name, chain);
}

function deleteChain(draft: Draft, name: string): void {
  mustHave(draft.chains.get(name), `chain ${name}`);
  for (const elements of draft.sets.values()) {
    for (const { value } of elements.values()) {
      if (target(value) === name) throw new Error(`Device or resource busy: chain ${name}`);
    }
  }
  draft.chains.delete(name);
}

function checkTarget(draft: Draft, value: ElementValue | undefined): void {
  const chain = target(value);
  if (chain !== undefined) mustHave(draft.chains.get(chain), `chain ${chain}`);
}

function target(value: ElementValue | undefined): string | undefined {
  return value !== undefined && isVerdict(value) && 'chain' in value ? value.chain : undefined;
}

function mustHave<T>(found: T | undefined, what: string): T {
  if (found === undefined) throw new Error(`No such file or directory: ${what}`);
  return found;
}
