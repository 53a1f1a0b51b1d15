/**
 * Every record by its name, brought up to date owner by owner: the cost of a change is that of the changed Service's own
 * records. Names that have no records and exist only because something lies below them are known too, since they are
 * answered differently from names that do not exist (RFC 8020).
 */
import type { ResourceRecord } from '../wire/message.ts';
import { parentName } from '../wire/name.ts';

type Records = readonly ResourceRecord[];

export class RecordIndex {
  /** Names of each owner's records. */
  readonly #names = new Map<string, readonly string[]>();
  readonly #byName = new Map<string, Map<string, Records>>();
  /** How many pairs of owner and name lie at a name or anywhere below it. */
  readonly #population = new Map<string, number>();

  /** Replaces the records of an owner; an empty list forgets it. */
  set(owner: string, records: Records): void {
    const after = Map.groupBy(records, (record) => record.name);
    const before = this.#names.get(owner) ?? [];
    // A name that stays keeps its place: taking a key out of a large Map and putting it back leaves a gap in its chain
    // each time, which V8 closes only when the whole Map is full of them.
    for (const name of before) if (!after.has(name)) this.#remove(name, owner);
    for (const [name, own] of after) this.#replace(name, owner, own);
    if (after.size === 0) this.#names.delete(owner);
    else this.#names.set(owner, [...after.keys()]);
  }

  /** The records at a name; undefined when the name does not exist, empty when it only has names below it. */
  get(name: string): Records | undefined {
    const owners = this.#byName.get(name);
    if (owners === undefined) return this.#population.has(name) ? [] : undefined;
    const [first = [], ...others] = owners.values();
    return others.length === 0 ? first : [first, ...others].flat();
  }

  #replace(name: string, owner: string, records: Records): void {
    const owners = this.#byName.get(name) ?? new Map<string, Records>();
    if (owners.size === 0) this.#byName.set(name, owners);
    if (!owners.has(owner)) this.#count(name, 1);
    owners.set(owner, records);
  }

  #remove(name: string, owner: string): void {
    const owners = this.#byName.get(name);
    owners?.delete(owner);
    if (owners?.size === 0) this.#byName.delete(name);
    this.#count(name, -1);
  }

  #count(name: string, change: 1 | -1): void {
    for (let at: string | undefined = name; at !== undefined; at = parentName(at)) {
      const count = (this.#population.get(at) ?? 0) + change;
      if (count === 0) this.#population.delete(at);
      else this.#population.set(at, count);
    }
  }
}
