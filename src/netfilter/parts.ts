/** Cuts a transaction into several that the kernel takes one after the other, where it does not take all at once. */
import type { Operation, Transaction } from './model.ts';

/** An element takes about 150 bytes on its way to the kernel, IPv6 addresses and all. */
const OPERATIONS_PER_PART = 500;

/** The same operations in the same order, with elements apart from the table they are loaded with. */
export function inParts(transaction: Transaction): readonly Transaction[] {
  const operations = transaction.flatMap(apart);
  const parts: Transaction[] = [];
  for (let at = 0; at < operations.length; at += OPERATIONS_PER_PART) {
    parts.push(operations.slice(at, at + OPERATIONS_PER_PART));
  }
  return parts;
}

function apart(operation: Operation): Operation[] {
  if (operation.kind !== 'replace-table') return [operation];
  const { table, elements } = operation;
  const empty: Operation = { kind: 'replace-table', table, elements: [] };
  // By set, so that many elements become one command.
  const placed = [...elements].sort((a, b) => (a.set < b.set ? -1 : a.set > b.set ? 1 : 0));
  return [empty, ...placed.map((one): Operation => ({ kind: 'add-element', table, placed: one }))];
}
