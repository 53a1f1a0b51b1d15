/**
 * A local copy of the objects of a kind, kept current by list and watch: what controllers read instead of asking the
 * server. https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes
 */
import type { Kind } from '../api/kind.ts';
import { type KubeObject, keyOf, keyText, type ObjectKey } from '../api/meta/v1.ts';
import { isExpired, isNotFound } from '../api/status.ts';
import { type Clock, systemClock } from '../host/clock.ts';
import type { Logger } from '../host/log.ts';
import type { Pace } from '../host/paced.ts';
import { BackOff } from './back-off.ts';
import type { Client, WatchEvent } from './client.ts';
import { failureFields, isRevisionTooLarge } from './expected.ts';
import { LateListeners } from './late-listeners.ts';
import { type Outage, outageOf } from './outage.ts';

/** What happened to one object. `object` is undefined once it is deleted, `previous` when it is new here. */
export interface Change<T> {
  /** `namespace/name`, or `name` for cluster-scoped kinds. */
  readonly key: string;
  readonly object: T | undefined;
  readonly previous: T | undefined;
}

export interface InformerOptions<T extends KubeObject> {
  readonly client: Client;
  readonly kind: Kind<T>;
  readonly log: Logger;
  readonly clock?: Clock;
  /** Only objects of this namespace; default: of all. */
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  /** Whether a server may lack the kind, as one without its CustomResourceDefinition does: there are no objects then. */
  readonly optional?: boolean;
  /** Whether listeners that come late wait for {@link Informer.tellLate}. Default: they are told at once. */
  readonly lateInTurns?: boolean;
}

/** How often a server that lacks an optional kind is asked whether it has it now, in milliseconds. */
const ABSENT_INTERVAL = 30_000;

/**
 * A server may be behind another, from which we heard of a change, for a moment. One that says so again and again has a store that was
 * put back to an earlier time: then what it has is what there is.
 */
const AHEAD_MAX = 6;

/**
 * Lists, watches, and lists again when the server has forgotten the revision. Objects, indexes and listeners are
 * brought up to date in one step without an `await` in between, so readers never see half a change.
 */
export class Informer<T extends KubeObject> {
  /** Resolves after the first list, when every listener has been told of it. */
  readonly synced: Promise<void>;
  readonly #options: InformerOptions<T>;
  readonly #clock: Clock;
  readonly #objects = new Map<string, T>();
  readonly #indexes: Index<T>[] = [];
  readonly #listeners: ((change: Change<T>) => void)[] = [];
  /** Undefined: there are none, as everybody is told at once. */
  readonly #late: LateListeners<T> | undefined;
  readonly #backOff = new BackOff({ first: 50, max: 3000, jitter: 0.5 });
  readonly #outage: Outage;
  #listed: readonly T[] | undefined;
  #started = false;
  /** The server was found not to have the kind, when it was last asked. */
  #isLacking = false;
  /** How often in a row a server knew less than we do. */
  #ahead = 0;
  #markSynced: () => void = () => {};

  constructor(options: InformerOptions<T>) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#outage = outageOf(options.client, this.#clock);
    if (options.lateInTurns === true) this.#late = new LateListeners((key) => this.#objects.get(key));
    this.synced = new Promise((resolve) => {
      this.#markSynced = resolve;
    });
  }

  /** Begins to follow the kind, until the signal is aborted. */
  start(signal: AbortSignal): void {
    if (this.#started) throw new Error(`the informer of ${this.#options.kind.plural} has already been started`);
    this.#started = true;
    void this.#run(signal).finally(() => this.#outage.left(this.#options));
  }

  /** The object of a key, given as an ObjectKey or as its text. */
  get(key: ObjectKey | string): T | undefined {
    return this.#objects.get(typeof key === 'string' ? key : keyText(key));
  }

  /** Every object; the same array until something changes. */
  list(): readonly T[] {
    this.#listed ??= [...this.#objects.values()];
    return this.#listed;
  }

  /**
   * Calls `listener` after each change, and for every object of the first list; one that comes late is told at once of
   * what is there, or by {@link tellLate}. A listener must not throw.
   */
  onChange(listener: (change: Change<T>) => void): void {
    if (this.#late !== undefined && this.#objects.size > 0) {
      this.#listeners.push(this.#late.add((change) => this.#tell(listener, change), this.#objects.keys()));
      return;
    }
    for (const [key, object] of this.#objects) this.#tell(listener, { key, object, previous: undefined });
    this.#listeners.push(listener);
  }

  /** Tells those who came late of what is there, in turns: of what changed last, or of all the rest. */
  async tellLate(what: 'recent' | 'rest', pace: Pace): Promise<void> {
    await (what === 'recent' ? this.#late?.tellRecent(pace) : this.#late?.tellRest(pace));
  }

  /**
   * Keeps objects findable by the keys that `keysOf` gives each, and returns the look-up, whose cost does not grow with
   * the number of objects.
   */
  index(keysOf: (object: T) => readonly string[]): (key: string) => readonly T[] {
    const index = new Index(keysOf);
    for (const object of this.#objects.values()) index.update(undefined, object);
    this.#indexes.push(index);
    return (key) => index.get(key);
  }

  async #run(signal: AbortSignal): Promise<void> {
    let revision: string | undefined;
    while (!signal.aborted) {
      try {
        revision ??= await this.#list(signal);
        revision = await this.#watch(revision, signal, (seen) => {
          revision = seen;
        });
      } catch (error) {
        if (signal.aborted) return;
        if (this.#isAbsent(error)) {
          revision = undefined;
          await this.#clock.sleep(ABSENT_INTERVAL, signal).catch(() => {}); // The loop looks at the signal.
          continue;
        }
        this.#failed(error);
        this.#ahead = isRevisionTooLarge(error) ? this.#ahead + 1 : 0;
        if (isExpired(error) || this.#ahead >= AHEAD_MAX) revision = undefined;
      }
      await this.#clock.sleep(this.#backOff.next(), signal).catch(() => {}); // The signal is checked above.
    }
  }

  /** Whether the server lacks the kind, and may: then its objects are gone, and all is known. */
  #isAbsent(error: unknown): boolean {
    const { kind, log, optional = false } = this.#options;
    if (!optional || !isNotFound(error)) return false;
    if (!this.#isLacking)
      log.info({ kind: kind.kind }, 'the server does not have this kind; it is looked for every 30 s');
    this.#isLacking = true;
    this.#replace([]);
    this.#markSynced();
    this.#backOff.reset();
    return true;
  }

  async #list(signal: AbortSignal): Promise<string> {
    const { client, kind } = this.#options;
    const { items, resourceVersion } = await client.list(kind, this.#scope());
    if (signal.aborted) return resourceVersion;
    this.#isLacking = false;
    this.#replace(items);
    this.#markSynced();
    this.#succeeded();
    return resourceVersion;
  }

  /** Follows changes until the server ends the stream, as it does from time to time; returns the last revision seen. */
  async #watch(from: string, signal: AbortSignal, seen: (revision: string) => void): Promise<string> {
    const { client, kind } = this.#options;
    let revision = from;
    const opened = () => this.#outage.follows(this.#options);
    for await (const event of client.watch(kind, { ...this.#scope(), resourceVersion: from, opened }, signal)) {
      if (signal.aborted) break;
      revision = this.#apply(event);
      seen(revision);
      this.#succeeded();
    }
    return revision;
  }

  #scope(): { namespace?: string; labelSelector?: string; fieldSelector?: string } {
    const { namespace, labelSelector, fieldSelector } = this.#options;
    return {
      ...(namespace === undefined ? {} : { namespace }),
      ...(labelSelector === undefined ? {} : { labelSelector }),
      ...(fieldSelector === undefined ? {} : { fieldSelector }),
    };
  }

  /** Makes the cache equal to a list: after a gap, what is missing from it was deleted meanwhile. */
  #replace(items: readonly T[]): void {
    const found = new Map(items.map((item) => [keyText(keyOf(item)), item]));
    for (const key of [...this.#objects.keys()]) if (!found.has(key)) this.#set(key, undefined);
    for (const [key, item] of found) {
      const current = this.#objects.get(key);
      if (current?.metadata.resourceVersion !== item.metadata.resourceVersion || current === undefined) {
        this.#set(key, item);
      }
    }
  }

  #apply(event: WatchEvent<T>): string {
    if (event.type === 'BOOKMARK') return event.resourceVersion;
    const key = keyText(keyOf(event.object));
    this.#late?.note(key);
    this.#set(key, event.type === 'DELETED' ? undefined : event.object);
    return event.object.metadata.resourceVersion ?? '';
  }

  #set(key: string, object: T | undefined): void {
    const previous = this.#objects.get(key);
    if (object === undefined && previous === undefined) return;
    if (object === undefined) this.#objects.delete(key);
    else this.#objects.set(key, object);
    this.#listed = undefined;
    for (const index of this.#indexes) index.update(previous, object);
    for (const listener of this.#listeners) this.#tell(listener, { key, object, previous });
  }

  /** One listener's bug must not stop the others from hearing of this change and of all later ones. */
  #tell(listener: (change: Change<T>) => void, change: Change<T>): void {
    try {
      listener(change);
    } catch (err) {
      const { kind, log } = this.#options;
      log.error({ err, kind: kind.kind, key: change.key }, 'a listener failed');
    }
  }

  /** Only the first failure of a streak is worth a warning: the others say the same, and so do other informers in an outage. */
  #failed(error: unknown): void {
    const { kind, log } = this.#options;
    const failure = failureFields(error);
    if ('reason' in failure) {
      this.#outage.failed(this.#options, failure.reason);
      return;
    }
    const fields = { ...failure, kind: kind.kind };
    if (isExpired(error)) log.debug(fields, 'the watch fell behind; listing again');
    else if (this.#backOff.failures === 0) log.warn(fields, 'cannot follow the API; retrying');
    else log.debug(fields, 'still cannot follow the API');
  }

  #succeeded(): void {
    this.#outage.follows(this.#options);
    this.#backOff.reset();
  }
}

/** Objects under one key, up to which a list is searched. */
const FEW = 16;

/** Many objects that share a derived key. */
class Bucket<T> {
  readonly #objects: Set<T>;
  #list: readonly T[] | undefined;

  constructor(objects: readonly T[]) {
    this.#objects = new Set(objects);
  }

  get size(): number {
    return this.#objects.size;
  }

  /** The same array until something changes. */
  list(): readonly T[] {
    this.#list ??= [...this.#objects];
    return this.#list;
  }

  replace(previous: T | undefined, object: T | undefined): void {
    if (previous !== undefined) this.#objects.delete(previous);
    if (object !== undefined) this.#objects.add(object);
    this.#list = undefined;
  }
}

/**
 * Objects by derived keys; each key holds only its own objects. There may be hundreds of thousands of keys, nearly all of
 * one or a few objects, and a map for each would cost more than many an object: so one object stands there itself, a few
 * as a list.
 */
class Index<T extends KubeObject> {
  readonly #keysOf: (object: T) => readonly string[];
  readonly #byKey = new Map<string, T | readonly T[] | Bucket<T>>();

  constructor(keysOf: (object: T) => readonly string[]) {
    this.#keysOf = keysOf;
  }

  get(key: string): readonly T[] {
    const found = this.#byKey.get(key);
    if (found === undefined) return [];
    if (found instanceof Bucket) return found.list();
    return isList(found) ? found : [found];
  }

  /** Puts `object` where `previous`, the very one that was put here before it, stands. */
  update(previous: T | undefined, object: T | undefined): void {
    const before = previous === undefined ? [] : this.#keysOf(previous);
    const after = object === undefined ? [] : this.#keysOf(object);
    for (const key of unique(before)) this.#replace(key, previous, after.includes(key) ? object : undefined);
    for (const key of unique(after)) if (!before.includes(key)) this.#replace(key, undefined, object);
  }

  #replace(key: string, previous: T | undefined, object: T | undefined): void {
    const found = this.#byKey.get(key);
    if (found instanceof Bucket) {
      found.replace(previous, object);
      if (found.size === 0) this.#byKey.delete(key);
      return;
    }
    const objects = found === undefined ? [] : isList(found) ? found : [found];
    const put = object === undefined ? [] : [object];
    const next =
      previous === undefined ? [...objects, ...put] : objects.flatMap((each) => (each === previous ? put : [each]));
    const [first] = next;
    if (first === undefined) this.#byKey.delete(key);
    else if (next.length === 1) this.#byKey.set(key, first);
    else this.#byKey.set(key, next.length <= FEW ? next : new Bucket(next));
  }
}

function isList<T extends object>(found: T | readonly T[]): found is readonly T[] {
  return Array.isArray(found);
}

function unique(keys: readonly string[]): readonly string[] {
  return keys.length < 2 ? keys : [...new Set(keys)];
}
