/**
 * GET of a collection with `watch`: changes from a resourceVersion on, without a gap.
 * https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes
 */
import { expired } from '../../api/status.ts';
import { minutes, seconds } from '../../lib/duration.ts';
import { CompactedError, type Revision, type StoreEvent, type WatchBatch } from '../../store/store.ts';
import type { Answer, ChangeLine, WatchLine } from '../answer.ts';
import type { Api, ResourceRequest } from '../context.ts';
import { isTrue } from '../http/route.ts';
import { atRevision, Stored } from '../storage/codec.ts';
import { checkReached } from './list.ts';
import { checkListOptions } from './list-options.ts';
import { wholeNumber } from './options.ts';
import { type Selection, selectionOf } from './selection.ts';
import { Ticks } from './ticks.ts';

/** Between bookmarks: often enough that a client that reconnects is not told to list again. */
const BOOKMARK_INTERVAL = seconds(30);
/** A watch that says nothing of a timeout ends after this, or up to twice as long, so that not all end at once. */
const DEFAULT_TIMEOUT = minutes(30);
/** Lines that are made and sent at a time. */
const CHUNK = 256;

interface Plan {
  readonly selection: Selection;
  /** Undefined: begin with the objects as they are. */
  readonly from: Revision | undefined;
  readonly bookmarks: boolean;
  /** Whether a bookmark says where the objects that already existed end. */
  readonly markInitial: boolean;
  /** To be called when the objects that existed have been told. */
  readonly begun: () => void;
}

export async function watch(api: Api, request: ResourceRequest): Promise<Answer> {
  const plan = await planOf(api, request);
  const limit = (wholeNumber(request.query, 'timeoutSeconds') ?? 0) * 1000 || DEFAULT_TIMEOUT * (1 + api.random());
  const { promise: begun, resolve } = Promise.withResolvers<void>();
  return {
    kind: 'watch',
    of: request.kind,
    lines: timed(api, { ...plan, begun: resolve }, limit, request.signal),
    begun,
  };
}

async function planOf(api: Api, request: ResourceRequest): Promise<Omit<Plan, 'begun'>> {
  const { query } = request;
  checkListOptions(query, 'watch');
  const initial = query.has('sendInitialEvents') ? isTrue(query.get('sendInitialEvents')) : undefined;
  const version = wholeNumber(query, 'resourceVersion') ?? 0;
  if (version > 0) await checkReached(api, version);
  const bookmarks = query.has('allowWatchBookmarks') && isTrue(query.get('allowWatchBookmarks'));
  return {
    selection: selectionOf(request),
    from:
      initial === true || (initial === undefined && version === 0)
        ? undefined
        : version || (await api.store.revision()),
    bookmarks,
    markInitial: initial === true && bookmarks,
  };
}

/** The lines of a watch that ends in time, however little happens. */
async function* timed(
  api: Api,
  plan: Plan,
  limit: number,
  signal: AbortSignal,
): AsyncGenerator<readonly WatchLine[], void, undefined> {
  const end = new AbortController();
  const either = AbortSignal.any([signal, end.signal]);
  // Either the time is over, or the watch is: then there is nothing left to end.
  api.clock.sleep(limit, either).then(
    () => end.abort(),
    () => {},
  );
  try {
    yield* lines(api, plan, either);
  } catch (error) {
    if (!(error instanceof CompactedError)) throw error;
    const { status } = expired(`too old resource version: ${error.asked} (${error.oldest})`);
    yield [{ type: 'ERROR', status }];
  } finally {
    end.abort();
  }
}

async function* lines(
  api: Api,
  plan: Plan,
  signal: AbortSignal,
): AsyncGenerator<readonly WatchLine[], void, undefined> {
  let { from } = plan;
  if (from === undefined) {
    const { entries, revision } = await api.store.list(plan.selection.prefix);
    from = revision;
    for (let start = 0; start < entries.length; start += CHUNK) {
      const stored = entries.slice(start, start + CHUNK).map((entry) => api.codec.decode(entry));
      const selected = stored.filter(({ object }) => plan.selection.matches(object));
      if (selected.length > 0) yield selected.map((one) => ({ type: 'ADDED', stored: one }));
    }
    if (plan.markInitial) yield [bookmark(revision, true)];
  }
  plan.begun();
  for await (const item of withTicks(api, plan, from, signal)) {
    const made = item.kind === 'tick' ? [bookmark(item.revision, false)] : changed(api, plan.selection, item.batch);
    if (made.length > 0) yield made;
  }
}

function bookmark(revision: Revision, initialEventsEnd: boolean): WatchLine {
  return { type: 'BOOKMARK', resourceVersion: String(revision), initialEventsEnd };
}

type Item =
  | { readonly kind: 'batch'; readonly batch: WatchBatch }
  | { readonly kind: 'tick'; readonly revision: Revision };

/**
 * The store's changes, and now and then how far the store has come. A tick tells the revision of
 * the tick before, so that a write that was on its way to the watchers at that time has reached them.
 */
async function* withTicks(
  api: Api,
  { selection, bookmarks }: Plan,
  from: Revision,
  signal: AbortSignal,
): AsyncGenerator<Item, void, undefined> {
  const batches = api.store.watch(selection.prefix, from, signal)[Symbol.asyncIterator]();
  let told = from;
  let reached = from;
  let next = batches.next();
  const ticks = bookmarks ? new Ticks(api.clock, BOOKMARK_INTERVAL, signal) : undefined;
  try {
    while (!signal.aborted) {
      const result = await (ticks === undefined ? next : ticks.or(next));
      if (result === 'tick') {
        if (reached > told) yield { kind: 'tick', revision: reached };
        told = reached;
        reached = await api.store.revision();
        continue;
      }
      if (result.done) return;
      yield { kind: 'batch', batch: result.value };
      told = result.value.revision;
      reached = Math.max(reached, told);
      next = batches.next();
    }
  } finally {
    // Whatever it still had to say, nobody waits for it any more.
    next.catch(() => {});
    await batches.return?.();
  }
}

/** What a batch of changes tells of the objects that are selected. */
export function changed(api: Pick<Api, 'codec'>, selection: Selection, batch: WatchBatch): readonly ChangeLine[] {
  const made: ChangeLine[] = [];
  for (const event of batch.events) {
    const line = lineOf(api, selection, event);
    if (line !== undefined) made.push(line);
  }
  return made;
}

/** A change as the watcher sees it: an object that comes to be selected is ADDED, one that no longer is is DELETED. */
function lineOf(api: Pick<Api, 'codec'>, { matches }: Selection, event: StoreEvent): ChangeLine | undefined {
  const { previous } = event;
  const before = previous === undefined ? undefined : api.codec.decode(previous);
  const wasSelected = before !== undefined && matches(before.object);
  if (event.kind === 'put') {
    const stored = api.codec.decode(event.entry);
    if (matches(stored.object)) return { type: wasSelected ? 'MODIFIED' : 'ADDED', stored };
    return wasSelected && before !== undefined ? gone(before, event.entry.modified) : undefined;
  }
  return wasSelected && before !== undefined ? gone(before, event.revision) : undefined;
}

/** The object as it was, at the revision at which it went. */
function gone(before: Stored, revision: Revision): ChangeLine {
  return { type: 'DELETED', stored: new Stored(before.key, revision, atRevision(before.object, revision)) };
}
