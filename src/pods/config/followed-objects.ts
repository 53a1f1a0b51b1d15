/**
 * Follows the ConfigMaps and Secrets that the node's pods name, each by a watch of its own and no others: what a node sees of
 * Secrets is what its pods need, and its memory does not grow with what others have.
 */
import { ConfigMap } from '../../api/core/v1/configmap.ts';
import type { Pod } from '../../api/core/v1/pod.ts';
import { Secret } from '../../api/core/v1/secret.ts';
import type { Client } from '../../client/client.ts';
import { Informer } from '../../client/informer.ts';
import type { Clock } from '../../host/clock.ts';
import type { Logger } from '../../host/log.ts';
import type { Changed, Problem } from '../parts.ts';
import {
  type Content,
  dataOf,
  type NamedObjects,
  type ObjectKind,
  type ObjectRef,
  objectRefs,
  textsOf,
} from './objects.ts';

export interface FollowedObjectsOptions {
  readonly client: Client;
  readonly log: Logger;
  readonly clock: Clock;
}

/** Milliseconds until a pod is told that the API does not say what there is. */
const FIRST_LIST_LIMIT = 5000;

interface Followed {
  readonly synced: Promise<void>;
  readonly end: () => void;
  content: Content | undefined;
  /** UIDs of the pods that name it. */
  readonly pods: Set<string>;
}

/** The ConfigMaps and Secrets that pods name, each followed as long as one of them does. */
export class FollowedObjects {
  readonly #options: FollowedObjectsOptions;
  readonly #signal: AbortSignal;
  readonly #objects = new Map<string, Followed>();
  readonly #byPod = new Map<string, ReadonlySet<string>>();
  readonly #listeners: Changed[] = [];

  /** Everything ends with the signal. */
  constructor(options: FollowedObjectsOptions, signal: AbortSignal) {
    this.#options = options;
    this.#signal = signal;
  }

  /** Calls the listener with the pod's UID after each change to what a pod names. */
  onChange(listener: Changed): void {
    this.#listeners.push(listener);
  }

  /** Follows all that the pod names, until {@link forget}. Resolves when it is known of each whether it is there. */
  async follow(pod: Pod): Promise<NamedObjects | Problem> {
    const { uid = '', namespace = '' } = pod.metadata;
    const refs = objectRefs(pod);
    if (!this.#byPod.has(uid)) {
      this.#byPod.set(uid, new Set(refs.map((ref) => keyOf(namespace, ref))));
      for (const ref of refs) this.#followOne(namespace, ref).pods.add(uid);
    }
    const late = await this.#unsynced(namespace, refs);
    if (late !== undefined) {
      const message = `failed to sync ${late.kind.toLowerCase()} cache: timed out waiting for the condition`;
      return { kind: 'problem', reason: 'FailedMount', message };
    }
    const contentOf = (ref: ObjectRef) => this.#objects.get(keyOf(namespace, ref))?.content;
    return {
      data: (kind, name) => optionally(contentOf({ kind, name }), (content) => dataOf(kind, content)),
      texts: (kind, name) => optionally(contentOf({ kind, name }), (content) => textsOf(kind, content)),
    };
  }

  /** Lets go of what no other pod names. */
  forget(podUID: string): void {
    for (const key of this.#byPod.get(podUID) ?? []) {
      const followed = this.#objects.get(key);
      followed?.pods.delete(podUID);
      if (followed?.pods.size !== 0) continue;
      followed.end();
      this.#objects.delete(key);
    }
    this.#byPod.delete(podUID);
  }

  /** The first of the objects of which nothing is known in time. */
  async #unsynced(namespace: string, refs: readonly ObjectRef[]): Promise<ObjectRef | undefined> {
    const waiting = new Set(refs);
    const all = refs.map(async (ref) => {
      await this.#objects.get(keyOf(namespace, ref))?.synced;
      waiting.delete(ref);
    });
    const ended = new AbortController();
    const limit = this.#options.clock.sleep(FIRST_LIST_LIMIT, AbortSignal.any([ended.signal, this.#signal]));
    await Promise.race([Promise.all(all), limit.catch(() => {})]); // Aborted: all are known, or nobody waits any more.
    ended.abort();
    return [...waiting][0];
  }

  #followOne(namespace: string, ref: ObjectRef): Followed {
    const key = keyOf(namespace, ref);
    const known = this.#objects.get(key);
    if (known !== undefined) return known;
    const ended = new AbortController();
    const informer = this.#informer(namespace, ref);
    const followed: Followed = {
      synced: informer.synced,
      end: () => ended.abort(),
      content: undefined,
      pods: new Set(),
    };
    this.#objects.set(key, followed);
    informer.onChange(({ object }) => {
      followed.content = object;
      // It never changes: no watch is needed any more.
      if (object?.immutable) queueMicrotask(() => ended.abort());
      for (const uid of followed.pods) for (const listener of this.#listeners) listener(uid);
    });
    informer.start(AbortSignal.any([ended.signal, this.#signal]));
    return followed;
  }

  #informer(namespace: string, { kind, name }: ObjectRef): Informer<ConfigMap> | Informer<Secret> {
    const { client, clock, log } = this.#options;
    const scope = { client, clock, log: quieter(log), namespace, fieldSelector: `metadata.name=${name}` };
    return kind === 'ConfigMap'
      ? new Informer({ ...scope, kind: ConfigMap })
      : new Informer({ ...scope, kind: Secret });
  }
}

function optionally<T>(content: Content | undefined, read: (content: Content) => T): T | undefined {
  return content && read(content);
}

/** That the API is away is said once for the pods themselves, not for all that they name. */
function quieter(log: Logger): Logger {
  return {
    debug: (fields, message) => log.debug(fields, message),
    info: (fields, message) => log.debug(fields, message),
    warn: (fields, message) => log.debug(fields, message),
    error: (fields, message) => log.error(fields, message),
    child: (fields) => quieter(log.child(fields)),
  };
}

function keyOf(namespace: string, { kind, name }: { readonly kind: ObjectKind; readonly name: string }): string {
  return `${kind}/${namespace}/${name}`;
}
