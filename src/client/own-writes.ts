/**
 * What this process has written and its informer has not yet told of. An informer is a moment behind; a controller that
 * creates objects with generated names would otherwise create them twice.
 */
import { type KubeObject, keyOf, keyText } from '../api/meta/v1.ts';
import { type Clock, systemClock } from '../host/clock.ts';
import type { Informer } from './informer.ts';

/** An object that was created and deleted while no watch was running is never told of; after this it is forgotten. */
const FORGET_AFTER = 30_000;

interface Written<T> {
  readonly object: T;
  readonly at: number;
}

/** An informer's objects, with our own newer writes laid over them. Objects are grouped by their owner. */
export class OwnWrites<T extends KubeObject> {
  readonly #clock: Clock;
  readonly #groupOf: (object: T) => string;
  readonly #indexed: (group: string) => readonly T[];
  readonly #written = new Map<string, Map<string, Written<T>>>();

  /** To be made before the informer is started: it adds an index and a listener. */
  constructor(informer: Informer<T>, groupOf: (object: T) => string, clock: Clock = systemClock) {
    this.#clock = clock;
    this.#groupOf = groupOf;
    this.#indexed = informer.index((object) => [groupOf(object)]);
    informer.onChange(({ key, object, previous }) => {
      const told = object ?? previous;
      if (told !== undefined) this.#forget(key, told, object === undefined);
    });
  }

  /** Notes the answer to a create or update. */
  remember(object: T): void {
    const group = this.#groupOf(object);
    const written = this.#written.get(group) ?? new Map<string, Written<T>>();
    this.#written.set(group, written.set(keyText(keyOf(object)), { object, at: this.#clock.steady() }));
  }

  /** The objects of a group as we last saw or wrote them. */
  of(group: string): readonly T[] {
    const indexed = this.#indexed(group);
    const written = this.#written.get(group);
    if (written === undefined) return indexed;
    const merged = new Map(indexed.map((object) => [keyText(keyOf(object)), object]));
    for (const [key, { object, at }] of written) {
      const seen = merged.get(key);
      if (this.#clock.steady() - at > FORGET_AFTER) this.#drop(group, key);
      else if (seen === undefined || isNewer(object, seen)) merged.set(key, object);
    }
    return [...merged.values()];
  }

  #forget(key: string, told: T, deleted: boolean): void {
    const group = this.#groupOf(told);
    const written = this.#written.get(group)?.get(key);
    if (written === undefined) return;
    if (deleted || !isNewer(written.object, told)) this.#drop(group, key);
  }

  #drop(group: string, key: string): void {
    const written = this.#written.get(group);
    written?.delete(key);
    if (written?.size === 0) this.#written.delete(group);
  }
}

/** Revisions of one object rise; they are decimal numbers, here as in Kubernetes since 1.34. */
function isNewer(a: KubeObject, b: KubeObject): boolean {
  return BigInt(a.metadata.resourceVersion ?? 0) > BigInt(b.metadata.resourceVersion ?? 0);
}
