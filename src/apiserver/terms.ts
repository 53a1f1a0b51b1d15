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
import { LastRead } from './storage/last-read.ts';

/** So many leases of leaders are kept; there are as many as there are elections. */
const KEPT_MAX = 64;

/** The leases of those who lead, as they were last read. */
export class Terms implements Admission {
  readonly #leases: LastRead;

  constructor(store: Store) {
    this.#leases = new LastRead(store, KEPT_MAX);
  }

  async admit({ next }: Write): Promise<Admitted> {
    return { next, compares: [], operations: [] };
  }

  settled(outcome: Settlement): void {
    this.#leases.settled(outcome);
  }

  /** What a request with these headers works on: its writes are refused once the term that it names is over. */
  within(api: Api, headers: IncomingHttpHeaders): Api {
    const text = headers[TERM_HEADER];
    if (text === undefined) return api;
    const term = typeof text === 'string' ? parseTerm(text) : undefined;
    if (term === undefined) throw badRequest(`the header ${TERM_HEADER} is NAMESPACE/NAME UID/TRANSITIONS of a Lease`);
    return {
      ...api,
      admissions: [...api.admissions, new TermAdmission(term, this.#leases)],
    };
  }
}

/** Of one request. */
class TermAdmission implements Admission {
  readonly #term: NamedTerm;
  readonly #leases: LastRead;

  constructor(term: NamedTerm, leases: LastRead) {
    this.#term = term;
    this.#leases = leases;
  }

  async admit({ next, isTrusting }: Write): Promise<Admitted> {
    const { lease, id } = this.#term;
    const key = objectKey(Lease, lease.namespace, lease.name);
    const kept = isTrusting ? this.#leases.get(key) : undefined;
    // What is kept may be of the term before.
    const entry = kept !== undefined && idOf(kept) === id ? kept : await this.#leases.read(key);
    if (entry !== undefined && idOf(entry) === id) {
      return { next, compares: [{ key, modified: entry.modified }], operations: [] };
    }
    throw conflict(Lease, lease.name, `the term ${id}, in which this was asked for, is over`);
  }
}

function idOf(entry: Entry): string | undefined {
  return termOf(JSON.parse(Buffer.from(entry.value).toString('utf8')) as Lease);
}
