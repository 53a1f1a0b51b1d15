/**
 * Lists and watches for parts of the server's own process, such as its controllers. What they follow is told to them as the
 * server itself has it: by way of TLS, HTTP and JSON each server of a cluster would pay more for a write that it only hears of than
 * for hearing of it. They are answered as the group `system:masters`, which may read everything.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Kind } from '../api/kind.ts';
import type { KubeObject } from '../api/meta/v1.ts';
import { ApiError, expired } from '../api/status.ts';
import { CompactedError, type Revision } from '../store/store.ts';
import type { Api } from './context.ts';
import { statusOf } from './http/errors.ts';
import { checkReached } from './verbs/list.ts';
import { type Selection, selectionOf } from './verbs/selection.ts';
import { changed } from './verbs/watch.ts';

/** Objects that are read and decoded at a time: others get their turn in between. */
const PAGE = 500;

/** Which objects of a kind; default: all. */
interface Scope {
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
}

interface Listed<T> {
  readonly items: readonly T[];
  readonly resourceVersion: string;
}

type WatchEvent<T> =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: T }
  | { readonly type: 'BOOKMARK'; readonly resourceVersion: string };

/** The objects are shared with the server: never to be modified. Errors are as over HTTP: ApiErrors. */
export class OwnReads {
  readonly #api: Api;
  readonly #ending: AbortSignal;

  /** `ending` ends every watch. */
  constructor(api: Api, ending: AbortSignal) {
    this.#api = api;
    this.#ending = ending;
  }

  async list<T extends KubeObject>(
    kind: Kind<T>,
    { limit, ...scope }: Scope & { readonly limit?: number } = {},
  ): Promise<Listed<T>> {
    try {
      const { items, revision } = await this.#read<T>(selectionIn(kind, scope), limit);
      return { items, resourceVersion: String(revision) };
    } catch (error) {
      throw asApiError(error);
    }
  }

  async #read<T extends KubeObject>(
    { prefix, matches }: Selection,
    limit = Number.POSITIVE_INFINITY,
  ): Promise<{ readonly items: readonly T[]; readonly revision: Revision }> {
    const { store, codec } = this.#api;
    const items: T[] = [];
    for (let position: { readonly revision?: Revision; readonly after?: string } = {}; ; await nextTurn()) {
      const { entries, revision, remaining } = await store.list(prefix, { ...position, limit: PAGE });
      for (const entry of entries) {
        const { object } = codec.decode(entry);
        if (matches(object)) items.push(object as T);
      }
      const last = entries.at(-1);
      if (remaining === 0 || last === undefined || items.length >= limit) {
        return { items: items.slice(0, limit), revision };
      }
      position = { revision, after: last.key };
    }
  }

  /** Changes after `resourceVersion`, until the signal is aborted or the server ends; `opened` is called when they are followed. */
  async *watch<T extends KubeObject>(
    kind: Kind<T>,
    { resourceVersion, opened, ...scope }: Scope & { readonly resourceVersion: string; readonly opened?: () => void },
    signal: AbortSignal,
  ): AsyncGenerator<WatchEvent<T>, void, undefined> {
    const api = this.#api;
    const selection = selectionIn(kind, scope);
    const from = Number(resourceVersion);
    const end = AbortSignal.any([signal, this.#ending]);
    try {
      await checkReached(api, from);
      opened?.();
      for await (const batch of api.store.watch(selection.prefix, from, end)) {
        const lines = changed(api, selection, batch);
        for (const { type, stored } of lines) yield { type, object: stored.object as T };
        // What is not selected moves the watch on as well.
        if (lines.length === 0) yield { type: 'BOOKMARK', resourceVersion: String(batch.revision) };
      }
    } catch (error) {
      if (!signal.aborted) throw asApiError(error);
    }
  }
}

function selectionIn<T extends KubeObject>(kind: Kind<T>, scope: Scope): Selection {
  const { namespace, labelSelector = '', fieldSelector = '' } = scope;
  return selectionOf({ kind, namespace, query: new URLSearchParams({ labelSelector, fieldSelector }) });
}

function asApiError(error: unknown): ApiError {
  if (error instanceof CompactedError) return expired(`too old resource version: ${error.asked} (${error.oldest})`);
  return new ApiError(statusOf(error).status);
}
