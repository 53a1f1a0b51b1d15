/**
 * All that is to be open on a node. Each owner's openings are set by themselves, at a cost that the number of others does not
 * change; where several want the same address and port, the firewall is told of one opening for all.
 */
import { admissionKey, type Changes, compareAdmissions, type Opening, sameAdmission } from '../backend.ts';
import { union } from './sources.ts';

export class OpeningTable {
  readonly #byOwner = new Map<string, readonly Opening[]>();
  /** By admission key: what each owner wants there. */
  readonly #wishes = new Map<string, Map<string, Opening>>();
  /** By admission key: what the firewall was last told. */
  readonly #told = new Map<string, Opening>();
  readonly #changed = new Set<string>();

  /** Puts these in place of what the owner had; none: it wants nothing any more. */
  set(owner: string, openings: readonly Opening[]): void {
    for (const key of (this.#byOwner.get(owner) ?? []).map(admissionKey)) {
      const wishes = this.#wishes.get(key);
      wishes?.delete(owner);
      if (wishes?.size === 0) this.#wishes.delete(key);
      this.#changed.add(key);
    }
    for (const opening of openings) {
      const key = admissionKey(opening);
      const wishes = this.#wishes.get(key) ?? new Map<string, Opening>();
      this.#wishes.set(key, wishes.set(owner, opening));
      this.#changed.add(key);
    }
    if (openings.length === 0) this.#byOwner.delete(owner);
    else this.#byOwner.set(owner, openings);
  }

  /** Those that want something. */
  owners(): Iterable<string> {
    return this.#byOwner.keys();
  }

  /** What an owner wants, whoever else does. */
  of(owner: string): readonly Opening[] {
    return this.#byOwner.get(owner) ?? [];
  }

  /** What differs from what was last taken. */
  takeChanges(): Changes {
    const [added, removed]: [Opening[], Opening[]] = [[], []];
    for (const key of this.#changed) {
      const before = this.#told.get(key);
      const after = joined(this.#wishes.get(key));
      if (before !== undefined && after !== undefined && sameAdmission(before, after)) continue;
      if (before !== undefined) removed.push(before);
      if (after !== undefined) added.push(after);
      if (after === undefined) this.#told.delete(key);
      else this.#told.set(key, after);
    }
    this.#changed.clear();
    return { added: added.sort(compareAdmissions), removed: removed.sort(compareAdmissions) };
  }

  /** Everything, as the firewall has been told with the last {@link takeChanges}. */
  all(): readonly Opening[] {
    return [...this.#told.values()].sort(compareAdmissions);
  }
}

/** One opening for all: whoever may come to one of them may come. Opened when anybody wants it opened. */
function joined(wishes: ReadonlyMap<string, Opening> | undefined): Opening | undefined {
  const [first, ...others] = [...(wishes?.values() ?? [])].sort((a, b) => (a.owner < b.owner ? -1 : 1));
  if (first === undefined) return undefined;
  return others.reduce((all, one): Opening => {
    const { sources: _, ...rest } = all;
    const sources = union(all.sources, one.sources);
    const policy = one.policy === 'managed' ? 'managed' : all.policy;
    return { ...rest, policy, ...(sources === undefined ? {} : { sources }) };
  }, first);
}
