/** A client through which only a leader writes. */
import type { Kind } from '../api/kind.ts';
import type { KubeObject, ObjectKey } from '../api/meta/v1.ts';
import type { Client, DeleteOptions, Draft, Listed, ListOptions, Patch, WatchEvent } from './client.ts';
import type { Term } from './leader-election.ts';

/** A write that was not sent, as this process does not lead, or not any more. */
export class NotLeadingError extends Error {
  constructor() {
    super('this process does not lead any more, so it writes nothing');
    this.name = 'NotLeadingError';
  }
}

/** Reads through `client` always, and writes only during a term. */
export function leadingClient(client: Client, term: () => Pick<Term, 'isCurrent'> | undefined): Client {
  return new LeadingClient(client, term);
}

class LeadingClient implements Client {
  readonly #client: Client;
  readonly #term: () => Pick<Term, 'isCurrent'> | undefined;

  constructor(client: Client, term: () => Pick<Term, 'isCurrent'> | undefined) {
    this.#client = client;
    this.#term = term;
  }

  get<T extends KubeObject>(kind: Kind<T>, key: ObjectKey): Promise<T> {
    return this.#client.get(kind, key);
  }

  list<T extends KubeObject>(kind: Kind<T>, options?: ListOptions): Promise<Listed<T>> {
    return this.#client.list(kind, options);
  }

  watch<T extends KubeObject>(
    kind: Kind<T>,
    options: Omit<ListOptions, 'limit'> & { readonly resourceVersion: string },
    signal: AbortSignal,
  ): AsyncIterable<WatchEvent<T>> {
    return this.#client.watch(kind, options, signal);
  }

  async create<T extends KubeObject>(kind: Kind<T>, object: Draft<T>): Promise<T> {
    return this.#writing().create(kind, object);
  }

  async update<T extends KubeObject>(kind: Kind<T>, object: T): Promise<T> {
    return this.#writing().update(kind, object);
  }

  async updateStatus<T extends KubeObject>(kind: Kind<T>, object: T): Promise<T> {
    return this.#writing().updateStatus(kind, object);
  }

  async patch<T extends KubeObject>(kind: Kind<T>, key: ObjectKey, patch: Patch, subresource?: 'status'): Promise<T> {
    return this.#writing().patch(kind, key, patch, subresource);
  }

  async delete<T extends KubeObject>(kind: Kind<T>, key: ObjectKey, options?: DeleteOptions): Promise<void> {
    return this.#writing().delete(kind, key, options);
  }

  async raw(method: 'GET' | 'PUT' | 'POST' | 'DELETE', path: string, body?: object): Promise<unknown> {
    return (method === 'GET' ? this.#client : this.#writing()).raw(method, path, body);
  }

  #writing(): Client {
    if (this.#term()?.isCurrent() !== true) throw new NotLeadingError();
    return this.#client;
  }
}
