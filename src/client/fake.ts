/**
 * A Client whose server is in memory: for tests of everything that is a client of the API. It keeps the API's promises
 * that controllers lean on (revisions, conflicts, watches, the status subresource, generations, finalizers, grace
 * periods) and passes `contract.ts` as the HTTP client does. It answers in microtasks: no timers, no sockets.
 */
import type { Kind } from '../api/kind.ts';
import { type KubeObject, keyOf, keyText, type ObjectKey } from '../api/meta/v1.ts';
import { alreadyExists, conflict, failure, invalid, notFound } from '../api/status.ts';
import { metadataWithStatus } from '../api/status-write.ts';
import { printTime } from '../api/time.ts';
import { type Clock, systemClock } from '../host/clock.ts';
import type { Client, DeleteOptions, Draft, Listed, ListOptions, Patch, WatchEvent, WatchOptions } from './client.ts';
import {
  applyPatch,
  canonical,
  carriedOver,
  finalizersAfterDelete,
  sameSpec,
  selects,
  statusOf,
  withoutStatus,
} from './fake-rules.ts';
import { FakeStore, type HistoryEntry } from './fake-store.ts';

/** A write that the fake has seen, in order: what tests of "minimal writes" look at. */
export interface Write {
  readonly verb: 'create' | 'update' | 'updateStatus' | 'patch' | 'delete';
  readonly kind: string;
  /** `namespace/name`, or `name`. */
  readonly key: string;
}

/** Returns an error to make a call fail with it; undefined lets the call pass. */
export type Fault = (verb: Write['verb'] | 'get' | 'list' | 'watch', kind: string, key: string) => Error | undefined;

/** A fake that holds the given objects; those are stored as they are, status included. */
export function fakeClient(initial: readonly KubeObject[] = [], options: { readonly clock?: Clock } = {}): FakeClient {
  return new FakeClient(initial, options.clock ?? systemClock);
}

export class FakeClient implements Client {
  /** Successful writes through the Client interface. */
  readonly writes: Write[] = [];
  /** Calls of {@link raw}. */
  readonly calls: { readonly method: string; readonly path: string; readonly body?: object | undefined }[] = [];
  readonly #clock: Clock;
  readonly #store = new FakeStore();
  #uids = 0;
  #fault: Fault | undefined;
  #answer: ((method: string, path: string, body?: object) => unknown) | undefined;

  constructor(initial: readonly KubeObject[], clock: Clock) {
    this.#clock = clock;
    for (const object of initial) this.seed(object);
  }

  /** Stores an object as it is, status and finalizers included, as if someone else had written it. */
  seed<T extends KubeObject>(object: T): T {
    const resource = resourceOf(object.apiVersion, object.kind);
    const { metadata } = object;
    const current = this.#store.get(resource, keyOf(object));
    const filled = {
      ...object,
      metadata: {
        ...metadata,
        uid: metadata.uid ?? current?.metadata.uid ?? this.#newUID(),
        creationTimestamp: metadata.creationTimestamp ?? current?.metadata.creationTimestamp ?? this.#time(),
        generation: metadata.generation ?? 1,
      },
    };
    return this.#store.put(resource, filled);
  }

  /** Removes an object at once, whatever its finalizers, as if someone else had. */
  remove<T extends KubeObject>(kind: Kind<T>, key: ObjectKey): void {
    this.#store.drop(resourceOf(kind.apiVersion, kind.kind), key);
  }

  /** From now on asks `fault` before each call; undefined ends that. */
  failWith(fault: Fault | undefined): void {
    this.#fault = fault;
  }

  /** Answers {@link raw} calls. Without it they are NotFound. */
  answerRawWith(answer: (method: string, path: string, body?: object) => unknown): void {
    this.#answer = answer;
  }

  /** Ends every watch, as a server does that restarts. */
  disconnect(): void {
    this.#store.disconnect();
  }

  /** Forgets all history, so that watches from earlier revisions get Expired. */
  compact(): void {
    this.#store.compact();
  }

  async get<T extends KubeObject>(kind: Kind<T>, key: ObjectKey): Promise<T> {
    this.#check('get', kind, keyText(key));
    return this.#mustGet(kind, key);
  }

  async list<T extends KubeObject>(kind: Kind<T>, options: ListOptions = {}): Promise<Listed<T>> {
    this.#check('list', kind, options.namespace ?? '');
    const all = this.#store.list(resourceOf(kind.apiVersion, kind.kind)) as readonly T[];
    const items = all.filter((object) => selects(kind, options, object));
    return { items: items.slice(0, options.limit), resourceVersion: String(this.#store.revision) };
  }

  async create<T extends KubeObject>(kind: Kind<T>, draft: Draft<T>): Promise<T> {
    const resource = resourceOf(kind.apiVersion, kind.kind);
    const { generateName } = draft.metadata;
    const name = draft.metadata.name ?? (generateName === undefined ? '' : this.#completeName(generateName));
    const named = { ...draft, metadata: { ...draft.metadata, name } };
    const key = keyOf(named);
    this.#check('create', kind, keyText(key));
    if (this.#store.get(resource, key) !== undefined) throw alreadyExists(kind, name);
    const prepared = this.#admit(kind, withoutStatus(kind, named), undefined);
    const metadata = { ...prepared.metadata, uid: this.#newUID(), creationTimestamp: this.#time(), generation: 1 };
    const created = this.#store.put(resource, { ...prepared, metadata });
    this.#record('create', kind, key);
    return created;
  }

  async update<T extends KubeObject>(kind: Kind<T>, object: T): Promise<T> {
    this.#check('update', kind, keyText(keyOf(object)));
    return this.#replace(kind, 'update', object);
  }

  async updateStatus<T extends KubeObject>(kind: Kind<T>, object: T): Promise<T> {
    this.#check('updateStatus', kind, keyText(keyOf(object)));
    return this.#replaceStatus(kind, 'updateStatus', object);
  }

  async patch<T extends KubeObject>(kind: Kind<T>, key: ObjectKey, patch: Patch, subresource?: 'status'): Promise<T> {
    this.#check('patch', kind, keyText(key));
    const patched = applyPatch(kind, this.#mustGet(kind, key), patch);
    if (subresource === 'status') return this.#replaceStatus(kind, 'patch', patched);
    return this.#replace(kind, 'patch', patched);
  }

  async delete<T extends KubeObject>(kind: Kind<T>, key: ObjectKey, options: DeleteOptions = {}): Promise<void> {
    this.#check('delete', kind, keyText(key));
    const current = this.#mustGet(kind, key);
    const { uid, resourceVersion } = options.preconditions ?? {};
    if (uid !== undefined && uid !== current.metadata.uid) throw conflict(kind, key.name, 'the UID differs');
    if (resourceVersion !== undefined && resourceVersion !== current.metadata.resourceVersion) {
      throw conflict(kind, key.name, 'the resourceVersion differs');
    }
    this.#beginDelete(kind, current, options);
    this.#record('delete', kind, key);
  }

  async *watch<T extends KubeObject>(
    kind: Kind<T>,
    options: WatchOptions,
    signal: AbortSignal,
  ): AsyncGenerator<WatchEvent<T>> {
    this.#check('watch', kind, options.namespace ?? '');
    options.opened?.();
    const resource = resourceOf(kind.apiVersion, kind.kind);
    for await (const entry of this.#store.follow(Number(options.resourceVersion), signal)) {
      const event = entry.resource === resource ? selectedEvent(kind, options, entry) : undefined;
      if (event !== undefined) yield event;
    }
  }

  async raw(method: 'GET' | 'PUT' | 'POST' | 'DELETE', path: string, body?: object): Promise<unknown> {
    this.calls.push({ method, path, body });
    if (this.#answer === undefined) throw failure(404, 'NotFound', `the fake has no answer for ${method} ${path}`);
    return this.#answer(method, path, body);
  }

  #check(verb: Parameters<Fault>[0], kind: { readonly kind: string }, key: string): void {
    const error = this.#fault?.(verb, kind.kind, key);
    if (error !== undefined) throw error;
  }

  #record(verb: Write['verb'], kind: { readonly kind: string }, key: ObjectKey): void {
    this.writes.push({ verb, kind: kind.kind, key: keyText(key) });
  }

  #mustGet<T extends KubeObject>(kind: Kind<T>, key: ObjectKey): T {
    const stored = this.#store.get(resourceOf(kind.apiVersion, kind.kind), key);
    if (stored === undefined) throw notFound(kind, key.name);
    return stored as T;
  }

  /** Defaults, preparation and validation, as the server does them. */
  #admit<T extends KubeObject>(kind: Kind<T>, object: T, old: T | undefined): T {
    const prepared = kind.prepare(kind.defaults(object), old);
    const causes = kind.validate(prepared, old);
    if (causes.length > 0) throw invalid(kind, object.metadata.name ?? '', causes);
    return prepared;
  }

  #replace<T extends KubeObject>(kind: Kind<T>, verb: Write['verb'], object: T): T {
    const current = this.#current(kind, object);
    const kept = kind.status ? { ...object, status: statusOf(current) } : object;
    const admitted = this.#admit(kind, { ...kept, metadata: carriedOver(object, current) }, current);
    const generation = (current.metadata.generation ?? 1) + (sameSpec(admitted, current) ? 0 : 1);
    const next = { ...admitted, metadata: { ...admitted.metadata, generation } };
    const result = this.#write(kind, current, next);
    this.#record(verb, kind, keyOf(object));
    return result;
  }

  #replaceStatus<T extends KubeObject>(kind: Kind<T>, verb: Write['verb'], object: T): T {
    const current = this.#current(kind, object);
    const metadata = metadataWithStatus(kind, object.metadata, current.metadata);
    const result = this.#write(kind, current, { ...current, metadata, status: statusOf(object) });
    this.#record(verb, kind, keyOf(object));
    return result;
  }

  #current<T extends KubeObject>(kind: Kind<T>, object: T): T {
    const current = this.#mustGet(kind, keyOf(object));
    const { resourceVersion, uid, name = '' } = object.metadata;
    const wrongVersion = resourceVersion !== undefined && resourceVersion !== current.metadata.resourceVersion;
    if (wrongVersion || (uid !== undefined && uid !== current.metadata.uid)) {
      throw conflict(kind, name, 'the object has been modified; please apply your changes to the latest version');
    }
    return current;
  }

  /** Writes what changed; an object being deleted whose last finalizer went is gone. */
  #write<T extends KubeObject>(kind: Kind<T>, current: T, next: T): T {
    const resource = resourceOf(kind.apiVersion, kind.kind);
    const { deletionTimestamp, deletionGracePeriodSeconds = 0, finalizers = [] } = next.metadata;
    const hadFinalizers = (current.metadata.finalizers ?? []).length > 0;
    if (
      deletionTimestamp !== undefined &&
      hadFinalizers &&
      finalizers.length === 0 &&
      deletionGracePeriodSeconds === 0
    ) {
      this.#store.drop(resource, keyOf(next));
      return next;
    }
    if (canonical(current) === canonical(next)) return current;
    return this.#store.put(resource, next);
  }

  #beginDelete<T extends KubeObject>(kind: Kind<T>, current: T, options: DeleteOptions): void {
    const resource = resourceOf(kind.apiVersion, kind.kind);
    const ownGrace = kind.gracePeriod(current);
    const wanted = ownGrace === undefined ? 0 : (options.gracePeriodSeconds ?? ownGrace);
    const { deletionTimestamp, deletionGracePeriodSeconds: earlier } = current.metadata;
    const grace = deletionTimestamp === undefined ? wanted : Math.min(wanted, earlier ?? wanted);
    const finalizers = finalizersAfterDelete(current.metadata.finalizers ?? [], options.propagationPolicy);
    if (grace === 0 && finalizers.length === 0) {
      this.#store.drop(resource, keyOf(current));
      return;
    }
    if (deletionTimestamp !== undefined && grace === earlier) return;
    const metadata = {
      ...current.metadata,
      ...(finalizers.length > 0 ? { finalizers } : {}),
      deletionTimestamp: this.#time(grace),
      deletionGracePeriodSeconds: grace,
      generation: (current.metadata.generation ?? 1) + 1,
    };
    this.#store.put(resource, { ...current, metadata });
  }

  /** Deterministic, so that failures of tests can be repeated. */
  #newUID(): string {
    return `00000000-0000-4000-8000-${String(++this.#uids).padStart(12, '0')}`;
  }

  #completeName(prefix: string): string {
    return `${prefix}${(++this.#uids).toString(36).padStart(5, '0')}`;
  }

  #time(secondsFromNow = 0): string {
    return printTime(this.#clock.now() + secondsFromNow * 1000);
  }
}

function resourceOf(apiVersion: string, kind: string): string {
  return `${apiVersion}/${kind}`;
}

/** A change as a watch with selectors sees it: an object that begins to match is new, one that ceases is gone. */
function selectedEvent<T extends KubeObject>(
  kind: Kind<T>,
  options: ListOptions,
  entry: HistoryEntry,
): WatchEvent<T> | undefined {
  const object = entry.object as T;
  const matched = entry.previous !== undefined && selects(kind, options, entry.previous as T);
  const matches = !entry.deleted && selects(kind, options, object);
  if (matches) return { type: matched ? 'MODIFIED' : 'ADDED', object };
  return matched ? { type: 'DELETED', object } : undefined;
}
