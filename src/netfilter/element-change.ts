/**
 * Changes of a few elements, as netlink messages: nothing to print, nothing to read, and libnftables does not look first at what
 * the table holds.
 */
import { ElementEncoder, type EncoderMemory, isEncodable } from './encode.ts';
import type { Element, NamedSet, Operation, TableName, Transaction } from './model.ts';

type ElementOperation = Extract<Operation, { kind: 'add-element' | 'delete-element' }>;

/** With an address and a chain each, so many are half of what a batch may have. */
const FEW = 250;

/** Neighbours that one message carries. */
interface Run {
  readonly verb: 'add' | 'delete';
  readonly table: TableName;
  readonly set: NamedSet;
  readonly elements: Element[];
}

/** Whether {@link encodeElementChange} can: few elements, and of sets that are known. */
export function isElementChange(transaction: Transaction): transaction is readonly ElementOperation[] {
  return transaction.length > 0 && transaction.length <= FEW && transaction.every(isEncodableOperation);
}

/** The messages that carry it out. Nobody else uses `memory` meanwhile. */
export function encodeElementChange(
  transaction: readonly ElementOperation[],
  memory: EncoderMemory,
): readonly Uint8Array[] {
  const messages: Uint8Array[] = [];
  for (const { verb, table, set, elements } of runs(transaction)) {
    messages.push(...new ElementEncoder(table, set, memory, verb).encode(elements));
  }
  memory.addresses.clear();
  return messages;
}

function isEncodableOperation(operation: Operation): operation is ElementOperation {
  if (operation.kind !== 'add-element' && operation.kind !== 'delete-element') return false;
  const set = setOf(operation);
  return set !== undefined && isEncodable(set);
}

function setOf({ table, placed }: ElementOperation): NamedSet | undefined {
  return table.sets?.find(({ name }) => name === placed.set);
}

function runs(transaction: readonly ElementOperation[]): readonly Run[] {
  const found: Run[] = [];
  for (const operation of transaction) {
    const verb = operation.kind === 'add-element' ? 'add' : 'delete';
    const { table, placed } = operation;
    const last = found.at(-1);
    if (last?.verb === verb && last.table === table && last.set.name === placed.set) last.elements.push(placed.element);
    else {
      const set = setOf(operation);
      if (set !== undefined) found.push({ verb, table, set, elements: [placed.element] });
    }
  }
  return found;
}
