/** Looks at everything that a store holds, once, and says what is wrong. Changes nothing. */
import type { Entry, Revision } from '../../../store/store.ts';
import type { Snapshot } from '../../../store/transfer/snapshot.ts';
import { NODE_PORTS } from '../../wiring/defaults.ts';
import { Claims } from './claims.ts';
import { decodeValue, misplaced, objectProblems, revisionProblems } from './objects.ts';
import { type Place, placeOf } from './places.ts';
import type { Problem } from './problem.ts';
import { Relations } from './relations.ts';

/** Problems that are told in full; more say no more than that a backup is needed. */
const PROBLEMS_LIMIT = 200;

export interface ObjectsReport {
  readonly revision: Revision;
  readonly keys: number;
  /** How many objects there are, by resource such as `services` and `virtualmachines.kubevirt.io`. */
  readonly objects: Readonly<Record<string, number>>;
  readonly errors: number;
  readonly warnings: number;
  /** The errors first; not all of them when there are very many. */
  readonly problems: readonly Problem[];
}

/** `tell` hears how many keys have been looked at. */
export async function checkObjects(snapshot: Snapshot, tell: (keys: number) => void): Promise<ObjectsReport> {
  const check = new Check(snapshot.revision);
  for await (const entries of snapshot.pages()) {
    for (const entry of entries) check.add(entry);
    tell(check.keys);
  }
  return check.report();
}

class Check {
  keys = 0;
  readonly #revision: Revision;
  readonly #objects = new Map<string, number>();
  readonly #elsewhere = new Map<string, { readonly key: string; count: number }>();
  readonly #relations = new Relations();
  readonly #claims = new Claims(NODE_PORTS);
  readonly #found: Record<Problem['severity'], Problem[]> = { error: [], warning: [] };
  readonly #counts = { error: 0, warning: 0 };

  constructor(revision: Revision) {
    this.#revision = revision;
  }

  add(entry: Entry): void {
    this.keys++;
    this.#tell(revisionProblems(entry, this.#revision));
    const place = placeOf(entry.key);
    if (place.at === 'elsewhere') this.#addElsewhere(entry.key, place.folder);
    if (place.at === 'misplaced') this.#tell([misplaced(entry.key, place.kinds)]);
    if (place.at !== 'object' && place.at !== 'node-port') return;
    const decoded = decodeValue(entry);
    if (!decoded.ok) this.#tell([decoded.problem]);
    else if (place.at === 'node-port') this.#claims.addPort(entry, decoded.value);
    else this.#addObject(entry, place, decoded.value);
  }

  report(): ObjectsReport {
    for (const [folder, { key, count }] of this.#elsewhere) this.#tell([unknown(folder, key, count)]);
    this.#tell(this.#relations.problems());
    this.#tell(this.#claims.problems());
    return {
      revision: this.#revision,
      keys: this.keys,
      objects: Object.fromEntries([...this.#objects].sort(([a], [b]) => (a < b ? -1 : 1))),
      errors: this.#counts.error,
      warnings: this.#counts.warning,
      problems: [...this.#found.error, ...this.#found.warning].slice(0, PROBLEMS_LIMIT),
    };
  }

  #addObject(entry: Entry, place: Extract<Place, { at: 'object' }>, object: Readonly<Record<string, unknown>>): void {
    const problems = objectProblems(entry.key, place, object);
    this.#tell(problems);
    const [{ plural, group }] = place.kinds;
    const resource = group === '' ? plural : `${plural}.${group}`;
    this.#objects.set(resource, (this.#objects.get(resource) ?? 0) + 1);
    this.#relations.add(entry.key, place.namespace, object);
    if (problems.length === 0) this.#claims.addObject(entry, object);
  }

  #addElsewhere(key: string, folder: string): void {
    const known = this.#elsewhere.get(folder);
    if (known === undefined) this.#elsewhere.set(folder, { key, count: 1 });
    else known.count++;
  }

  #tell(problems: readonly Problem[]): void {
    for (const problem of problems) {
      this.#counts[problem.severity]++;
      const found = this.#found[problem.severity];
      if (found.length < PROBLEMS_LIMIT) found.push(problem);
    }
  }
}

function unknown(folder: string, key: string, count: number): Problem {
  const message = `${count === 1 ? 'is' : `and ${count - 1} more are`} of no kind that this version of Postern serves (${folder})`;
  const remedy = 'They are another program’s, or of another version: no server of this version touches them.';
  return { severity: 'warning', key, message, remedy };
}
