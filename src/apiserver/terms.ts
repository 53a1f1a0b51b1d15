/**
 * Writes that belong to the term of a leader. One that was stopped, or cut off, may have asked for something before it lost its
 * lease that arrives after another has taken over: it is refused, by the transaction that would have written it.
 */
import type { IncomingHttpHeaders } from 'node:http';
import { Lease } from '../api/coordination/v1/lease.ts';
import { type NamedTerm, parseTerm, TERM_HEADER, termOf } from '../api/coordination/v1/term.ts';
import { badRequest, conflict } from '../api/status.ts';
import type { Entry, Store } from '../store/store.ts';
import type { Admission, Admitted, Settlement, Write } from './admission.ts';
import type { Api } from './context.ts';
import { objectKey } from './storage/keys.ts';

/** So many leases of leaders are kept; there are as many as there are elections. */
const KEPT_MAX = 64;

/** The leases of those who lead, as they were last read. */
export class Terms implements Admission {
  readonly #store: Store;
  /** By key. May be out of date: that one is as it was read is a condition of what is written. */
  readonly #kept = new Map<string, Entry>();

  constructor(store: Store) {
    this.#store = store;
  }

  async admit({ next }: Write): Promise<Admitted> {
    return { next, compares: [], operations: [] };
  }

  settled({ written, taken }: Settlement): void {
    for (const { key } of written) this.#kept.delete(key);
    for (const key of taken) this.#kept.delete(key);
  }

  /** What a request with these headers works on: its writes are refused once the term that it names is over. */
  within(api: Api, headers: IncomingHttpHeaders): Api {
    const text = headers[TERM_HEADER];
    if (text === undefined) return api;
    const term = typeof text === 'string' ? parseTerm(text) : undefined;
    if (term === undefined) throw badRequest(`the header ${TERM_HEADER} is NAMESPACE/NAME UID/TRANSITIONS of a Lease`);
    return {
      ...api,
      admissions: [...api.admissions, new TermAdmission(term, (key, again) => this.#lease(key, again))],
    };
  }

  async #lease(key: string, again: boolean): Promise<Entry | undefined> {
    const kept = again ? undefined : this.#kept.get(key);
    return kept ?? this.#read(key);
  }

  async #read(key: string): Promise<Entry | undefined> {
    const entry = await this.#store.get(key);
    if (this.#kept.size >= KEPT_MAX) this.#kept.clear();
    if (entry === undefined) this.#kept.delete(key);
    else this.#kept.set(key, entry);
    return entry;
  }
}

/** Of one request. */
class TermAdmission implements Admission {
  readonly #term: NamedTerm;
  readonly #lease: (key: string, again: boolean) => Promise<Entry | undefined>;
  /** Asked before, so something was not as it was read. */
  #isAgain = false;

  constructor(term: NamedTerm, lease: (key: string, again: boolean) => Promise<Entry | undefined>) {
    this.#term = term;
    this.#lease = lease;
  }

  async admit({ next }: Write): Promise<Admitted> {
    const { lease, id } = this.#term;
    const key = objectKey(Lease, lease.namespace, lease.name);
    let entry = await this.#lease(key, this.#isAgain);
    // What is kept may be of the term before.
    if (!this.#isAgain && (entry === undefined || idOf(entry) !== id)) entry = await this.#lease(key, true);
    this.#isAgain = true;
    if (entry !== undefined && idOf(entry) === id) {
      return { next, compares: [{ key, modified: entry.modified }], operations: [] };
    }
    throw conflict(Lease, lease.name, `the term ${id}, in which this was asked for, is over`);
  }
}

function idOf(entry: Entry): string | undefined {
  return termOf(JSON.parse(Buffer.from(entry.value).toString('utf8')) as Lease);
}
