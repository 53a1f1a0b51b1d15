/** What has to change: elements before and after, in; operations, in an order the kernel takes, out. */
import type { IPFamily } from '../../lib/ip.ts';
import { type Element, elementKey, type Operation, sameValue, type TableName } from '../../netfilter/model.ts';
import type { FamilyElement } from './elements.ts';

interface Entry {
  readonly family: IPFamily;
  readonly set: string;
  readonly before: Element | undefined;
  after: Element | undefined;
}

/**
 * Gathers changes of elements and tells the least that makes up for all of them: an element that goes and comes back is
 * no change, and one that changes twice changes once.
 */
export class ElementDiff {
  readonly #entries = new Map<string, Entry>();
  readonly #tableOf: (family: IPFamily) => TableName;

  constructor(tableOf: (family: IPFamily) => TableName) {
    this.#tableOf = tableOf;
  }

  remove(element: FamilyElement): void {
    this.#note(element, true);
  }

  add(element: FamilyElement): void {
    this.#note(element, false);
  }

  /** All that is to go, before all that is to come: a changed element is one of each. */
  operations(): Operation[] {
    const changed = [...this.#entries.values()].filter(({ before, after }) => !unchanged(before, after));
    changed.sort(bySet);
    return [
      ...changed.flatMap((entry) => this.#operation('delete-element', entry, entry.before)),
      ...changed.flatMap((entry) => this.#operation('add-element', entry, entry.after)),
    ];
  }

  #operation(
    kind: 'add-element' | 'delete-element',
    { family, set }: Entry,
    element: Element | undefined,
  ): readonly Operation[] {
    return element === undefined ? [] : [{ kind, table: this.#tableOf(family), placed: { set, element } }];
  }

  #note({ family, placed }: FamilyElement, gone: boolean): void {
    const key = `${family} ${placed.set} ${elementKey(placed.element.key)}`;
    const entry = this.#entries.get(key);
    const after = gone ? undefined : placed.element;
    if (entry !== undefined) entry.after = after;
    else this.#entries.set(key, { family, set: placed.set, before: gone ? placed.element : undefined, after });
  }
}

function unchanged(before: Element | undefined, after: Element | undefined): boolean {
  if (before === undefined || after === undefined) return before === after;
  return sameValue(before.value, after.value);
}

/** Neighbours in the same set become one command. */
function bySet(a: Entry, b: Entry): number {
  const [x, y] = [`${a.family} ${a.set}`, `${b.family} ${b.set}`];
  return x < y ? -1 : x > y ? 1 : 0;
}
