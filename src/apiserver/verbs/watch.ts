/**
 * GET of a collection with `watch`: changes from a resourceVersion on, without a gap.
 * https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes
 */
import { expired } from '../../api/status.ts';
import { minutes, seconds } from '../../lib/duration.ts';
import { CompactedError, type Revision, type StoreEvent, type WatchBatch } from '../../store/store.ts';
import type { Answer, ChangeLine, Following, WatchLine, WatchListener } from '../answer.ts';
import type { Api, ResourceRequest } from '../context.ts';
import { isTrue } from '../http/route.ts';
import { atRevision, Stored } from '../storage/codec.ts';
import { checkReached } from './list.ts';
import { checkListOptions } from './list-options.ts';
import { wholeNumber } from './options.ts';
import { type Selection, selectionOf } from './selection.ts';
import type { Due } from './watch-times.ts';

/** Between bookmarks: often enough that a client that reconnects is not told to list again. */
const BOOKMARK_INTERVAL = seconds(30);
/** Between two looks whether one without bookmarks is to end. */
const LOOK_INTERVAL = minutes(10);
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
  /** Milliseconds until it ends, however little happens. */
  readonly limit: number;
}

export async function watch(api: Api, request: ResourceRequest): Promise<Answer> {
  const plan = await planOf(api, request);
  return {
    kind: 'watch',
    of: request.kind,
    follow: (listener) => {
      const watching = new Watching(api, plan, listener);
      void watching.run();
      return watching;
    },
  };
}

async function planOf(api: Api, request: ResourceRequest): Promise<Plan> {
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
    limit: (wholeNumber(query, 'timeoutSeconds') ?? 0) * 1000 || DEFAULT_TIMEOUT * (1 + api.random()),
  };
}

/** What ends the store's watch: made once, as making an error notes where, and nobody asks. */
const OVER = new Error('the watch is over');

/**
 * A watch. Thousands of them are at rest most of the time, so that what each holds then counts: its place in the store's changes,
 * and its place in the timetable that all of them share.
 */
class Watching implements Following, Due {
  readonly #api: Api;
  readonly #plan: Plan;
  readonly #listener: WatchListener;
  readonly #over = new AbortController();
  /** When it is to end, by the clock's steady time. */
  readonly #endsAt: number;
  #slot: number;
  /** Everything up to it has been told. */
  #told: Revision = 0;
  /** How far the store had come when a bookmark was last due. */
  #reached: Revision = 0;
  #failure: unknown;
  /** Whether bookmarks have to wait: for the objects that there are already, or until the listener can take more. */
  #isHeld = true;

  constructor(api: Api, plan: Plan, listener: WatchListener) {
    this.#api = api;
    this.#plan = plan;
    this.#listener = listener;
    this.#endsAt = api.clock.steady() + plan.limit;
    this.#slot = this.#enter();
  }

  end(): void {
    this.#api.watchTimes.leave(this.#slot, this);
    this.#over.abort(OVER);
  }

  /** Tells all there is to tell. Never rejects. */
  async run(): Promise<void> {
    try {
      await this.#follow(this.#plan.from ?? (await this.#tellInitial()));
    } catch (error) {
      if (error instanceof CompactedError) this.#tellExpired(error);
      else this.#fail(error);
    }
    this.end();
    this.#listener.over(this.#failure);
  }

  #tellExpired({ asked, oldest }: CompactedError): void {
    const { status } = expired(`too old resource version: ${asked} (${oldest})`);
    void this.#listener.tell([{ type: 'ERROR', status }]);
  }

  #fail(error: unknown): void {
    if (this.#over.signal.aborted) return;
    this.#failure = error;
    this.end();
  }

  /** Tells what there is already, and returns of which revision that is. */
  async #tellInitial(): Promise<Revision> {
    const { store, codec } = this.#api;
    const { selection, markInitial } = this.#plan;
    const { entries, revision } = await store.list(selection.prefix);
    for (let start = 0; start < entries.length && !this.#over.signal.aborted; start += CHUNK) {
      const stored = entries.slice(start, start + CHUNK).map((entry) => codec.decode(entry));
      const selected = stored.filter(({ object }) => selection.matches(object));
      if (selected.length === 0) continue;
      await this.#listener.tell(selected.map((one) => ({ type: 'ADDED', stored: one })));
    }
    if (markInitial) await this.#listener.tell([bookmark(revision, true)]);
    return revision;
  }

  async #follow(from: Revision): Promise<void> {
    const { prefix } = this.#plan.selection;
    this.#told = from;
    this.#reached = from;
    this.#isHeld = false;
    this.#listener.begun();
    for await (const batch of this.#api.store.watch(prefix, from, this.#over.signal)) {
      const lines = changed(this.#api, this.#plan.selection, batch);
      this.#told = batch.revision;
      const held = this.#tell(lines);
      if (held !== undefined) await held;
    }
  }

  #tell(lines: readonly WatchLine[]): Promise<void> | undefined {
    if (lines.length === 0) return undefined;
    const held = this.#listener.tell(lines);
    if (held === undefined) return undefined;
    this.#isHeld = true;
    return held.then(() => {
      this.#isHeld = false;
    });
  }

  /** The time of the next bookmark, or its own, has come. */
  due(newest: () => Promise<Revision>): void {
    if (this.#over.signal.aborted) return;
    if (this.#api.clock.steady() >= this.#endsAt) {
      this.end();
      return;
    }
    if (this.#plan.bookmarks) {
      newest().then(
        (revision) => this.#mark(revision),
        (error: unknown) => this.#fail(error),
      );
    }
    this.#slot = this.#enter();
  }

  /**
   * Tells how far the store had come when a bookmark was last due, so that a write that was on its way to the watchers at that time has
   * reached them.
   */
  #mark(newest: Revision): void {
    if (this.#isHeld || this.#over.signal.aborted) return;
    if (this.#reached > this.#told) {
      this.#told = this.#reached;
      void this.#tell([bookmark(this.#reached, false)]);
    }
    this.#reached = newest;
  }

  #enter(): number {
    const { clock, watchTimes } = this.#api;
    const next = clock.steady() + (this.#plan.bookmarks ? BOOKMARK_INTERVAL : LOOK_INTERVAL);
    return watchTimes.enter(Math.min(next, this.#endsAt), this);
  }
}

function bookmark(revision: Revision, initialEventsEnd: boolean): WatchLine {
  return { type: 'BOOKMARK', resourceVersion: String(revision), initialEventsEnd };
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
