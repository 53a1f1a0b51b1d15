/** The store as a client of etcd: every question is one to etcd, in the store's terms. */
import type { Logger } from '../../host/log.ts';
import { FutureRevisionError, StoreClosedError, StoreFailedError, StoreInputError } from '../errors.ts';
import { checkKey, checkRevision, checkText, checkTxn } from '../limits.ts';
import {
  CompactedError,
  type Compare,
  type Entry,
  type ListOptions,
  type ListResult,
  type Operation,
  type Revision,
  type Store,
  type TxnResult,
  type WatchBatch,
} from '../store.ts';
import type { Calls } from './calls.ts';
import { compactEtcd } from './compaction.ts';
import { limitError, OutcomeUnknownError, StoreUnavailableError, writeError } from './errors.ts';
import { CallError } from './failure.ts';
import type { Follow } from './follow.ts';
import type { Layout } from './layout.ts';
import type { CallName, RangeRequest, RequestOf, ResponseOf, TxnResponse } from './messages.ts';
import { fenceOf, type Outcome, outcomeOf } from './outcome.ts';
import { PageSize } from './page-size.ts';
import { EtcdWatches } from './watches.ts';
import { CHANGES_LIMIT } from './window.ts';

/** Milliseconds in which a member is to be found for looking up what became of a write, and those for the looking. */
const LOOK_UP = { member: 2500, history: 500 };

/** Milliseconds in which etcd says which revision is the oldest. */
const OLDEST_TIMEOUT = 1000;

export interface EtcdStoreParts {
  readonly calls: Calls;
  readonly layout: Layout;
  readonly follow: Follow;
  /** The oldest revision that can be read. */
  readonly first: Revision;
}

/** Opened by `openEtcdStore`. */
export class EtcdStore implements Store {
  readonly #calls: Calls;
  readonly #layout: Layout;
  readonly #follow: Follow;
  readonly #underWay = new Set<Promise<unknown>>();
  #watches: EtcdWatches | undefined;
  /** The oldest revision that there is anything of, however far back etcd itself goes. */
  readonly #first: Revision;
  /** The newest revision that etcd has answered with. */
  #seen: Revision = 0;
  #closing: Promise<void> | undefined;

  constructor({ calls, layout, follow, first }: EtcdStoreParts) {
    this.#calls = calls;
    this.#layout = layout;
    this.#follow = follow;
    this.#first = first;
  }

  /** Learns how far etcd is, and follows it from then on. */
  async start(log: Logger): Promise<void> {
    const newest = await this.revision();
    // Clients that come back after this server was restarted find in the window what they missed.
    this.#watches = new EtcdWatches(this.#follow, Math.max(this.#first, newest - CHANGES_LIMIT), log);
    this.#watches.forget(this.#first);
    this.#watches.start();
  }

  /** How far the store's revisions are ahead of etcd's own; 0 where they are not. Whoever reads etcd itself has to know. */
  get ahead(): number {
    return Math.max(0, -this.#layout.outer(0));
  }

  async revision(): Promise<Revision> {
    this.#checkOpen();
    return this.#running(this.#newest());
  }

  async get(key: string, revision?: Revision): Promise<Entry | undefined> {
    this.#checkOpen();
    checkKey(key);
    if (revision !== undefined) checkRevision(revision);
    const { kvs } = await this.#running(this.#range({ key: this.#layout.key(key) }, revision));
    return kvs[0] && this.#layout.entry(kvs[0]);
  }

  async list(prefix: string, options: ListOptions = {}): Promise<ListResult> {
    this.#checkOpen();
    checkText(prefix);
    checkText(options.after ?? '');
    const { limit, revision } = options;
    if (revision !== undefined) checkRevision(revision);
    if (limit !== undefined && (!Number.isSafeInteger(limit) || limit < 1)) {
      throw new StoreInputError(`the limit of a list is a whole number from 1, not ${limit}`);
    }
    return this.#running(this.#list(prefix, options));
  }

  async txn(compares: readonly Compare[], operations: readonly Operation[]): Promise<TxnResult> {
    this.#checkOpen();
    checkTxn(compares, operations);
    // etcd would answer what is empty from what one member happens to know.
    if (compares.length + operations.length === 0) return { ok: true, revision: await this.revision() };
    return this.#running(this.#txn(compares, operations));
  }

  watch(prefix: string, from: Revision, signal: AbortSignal): AsyncIterable<WatchBatch> {
    this.#checkOpen();
    checkText(prefix);
    checkRevision(from);
    return this.#started().watch(prefix, from, signal);
  }

  async compact(revision: Revision): Promise<void> {
    this.#checkOpen();
    checkRevision(revision);
    if (revision > this.#first) await this.#running(this.#compact(revision));
  }

  /** Nothing: what is kept is bounded, and would have to be fetched again at once. */
  relax(): void {}

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#watches?.close();
    await Promise.allSettled(this.#underWay);
    this.#calls.cluster.close();
  }

  async #newest(): Promise<Revision> {
    // Any one key will do: it is the revision beside it that is asked for, agreed on by a quorum.
    const { header } = await this.#read('Range', { key: this.#layout.nothing, countOnly: true });
    return this.#saw(header.revision);
  }

  async #list(
    prefix: string,
    { revision: asked, limit = Number.POSITIVE_INFINITY, after }: ListOptions,
  ): Promise<ListResult> {
    const range = this.#layout.range(prefix, after);
    if (range === undefined) {
      const { header } = await this.#range({ key: this.#layout.nothing, countOnly: true }, asked);
      return { entries: [], revision: asked ?? this.#layout.revision(header.revision), remaining: 0 };
    }
    const entries: Entry[] = [];
    const size = new PageSize();
    let { key } = range;
    let revision = asked;
    for (;;) {
      const want = Math.min(size.next, limit - entries.length);
      const page = await this.#range({ ...range, key, limit: want }, revision);
      revision ??= this.#layout.revision(page.header.revision);
      for (const kv of page.kvs) entries.push(this.#layout.entry(kv));
      const last = page.kvs.at(-1);
      const remaining = page.count - page.kvs.length;
      if (last === undefined || remaining <= 0 || entries.length >= limit) {
        return { entries, revision, remaining: Math.max(0, remaining) };
      }
      size.saw(page.kvs);
      key = Buffer.concat([last.key, Buffer.from([0])]);
    }
  }

  async #txn(compares: readonly Compare[], operations: readonly Operation[]): Promise<TxnResult> {
    const request = this.#layout.txn(compares, operations);
    // Whatever is known to have been before, the transaction is after: the less history has to be looked at.
    const since = Math.max(this.#seen, this.#watches?.newest ?? 0);
    // The bytes that are sent: the caller's may be others by the time that they are compared.
    const own = operations.map((operation, i): Operation => {
      const sent = request.success[i];
      return operation.kind === 'put' && sent !== undefined && 'requestPut' in sent
        ? { ...operation, value: sent.requestPut.value }
        : operation;
    });
    try {
      // What only compares can be sent as often as need be.
      const answer = operations.length === 0 ? this.#calls.read('Txn', request) : this.#calls.write(request);
      return this.#result(await answer);
    } catch (error) {
      if (!(error instanceof CallError)) throw error;
      if (error.kind === 'lost') return await this.#lookUp(compares, own, since, error);
      throw limitError(error, compares, operations) ?? writeError(error);
    }
  }

  #result({ succeeded, header, responses }: TxnResponse): TxnResult {
    const revision = this.#saw(header.revision);
    if (succeeded) return { ok: true, revision };
    const current = responses.map(({ responseRange }) => {
      const kv = responseRange?.kvs[0];
      return kv && this.#layout.entry(kv);
    });
    return { ok: false, current };
  }

  /** What became of a transaction that got no answer. Throws {@link OutcomeUnknownError}. */
  async #lookUp(
    compares: readonly Compare[],
    operations: readonly Operation[],
    since: Revision,
    lost: CallError,
  ): Promise<TxnResult> {
    const fence = fenceOf(compares, operations);
    if (fence === undefined) throw new OutcomeUnknownError(lost);
    const outcome = await this.#outcome(fence, operations, Math.max(since, fence.modified));
    if (outcome.kind === 'made') return { ok: true, revision: outcome.revision };
    if (outcome.kind === 'unknown') throw new OutcomeUnknownError(lost);
    return this.#result(await this.#calls.read('Txn', this.#layout.txn(compares, [])));
  }

  async #outcome(fence: Compare, operations: readonly Operation[], since: Revision): Promise<Outcome> {
    try {
      await this.#calls.cluster.member(performance.now() + LOOK_UP.member);
      for await (const { changes } of this.#follow('', since, AbortSignal.timeout(LOOK_UP.history))) {
        for (const change of changes) {
          const outcome = outcomeOf(change, fence, operations);
          if (outcome !== undefined) return outcome;
        }
      }
    } catch (error) {
      if (!(error instanceof CompactedError || error instanceof StoreUnavailableError)) throw error;
    }
    return { kind: 'unknown' };
  }

  async #compact(revision: Revision): Promise<void> {
    const write = (operation: Operation) => this.#txn([], [operation]);
    await compactEtcd({ calls: this.#calls, layout: this.#layout, watches: this.#started(), write }, revision);
  }

  /** Reads as of a revision of the store, or now. Throws {@link CompactedError} and {@link FutureRevisionError}. */
  async #range(request: RangeRequest, revision: Revision | undefined): Promise<ResponseOf<'Range'>> {
    if (revision !== undefined && revision < this.#first) throw new CompactedError(revision, this.#first);
    const at = revision === undefined ? {} : { revision: this.#layout.outer(revision) };
    try {
      const answer = await this.#read('Range', { ...request, ...at });
      this.#saw(answer.header.revision);
      return answer;
    } catch (error) {
      if (!(error instanceof CallError) || revision === undefined) throw error;
      if (error.kind === 'future') throw new FutureRevisionError(revision, await this.#newest());
      if (error.kind === 'compacted') throw new CompactedError(revision, await this.#oldest(revision));
      throw error;
    }
  }

  async #read<Name extends CallName>(name: Name, request: RequestOf<Name>): Promise<ResponseOf<Name>> {
    try {
      return await this.#calls.read(name, request);
    } catch (error) {
      if (!(error instanceof CallError) || error.kind === 'compacted' || error.kind === 'future') throw error;
      throw new StoreFailedError('read from etcd', error);
    }
  }

  /** The oldest revision that can be read, when one is compacted. etcd says it to watchers only. */
  async #oldest(compacted: Revision): Promise<Revision> {
    const known = this.#started().compacted;
    if (known > compacted) return known;
    try {
      for await (const _ of this.#follow('\0', compacted, AbortSignal.timeout(OLDEST_TIMEOUT)));
    } catch (error) {
      if (error instanceof CompactedError) return error.oldest;
      throw error;
    }
    return compacted + 1;
  }

  #saw(outer: number): Revision {
    const revision = this.#layout.revision(outer);
    this.#seen = Math.max(this.#seen, revision);
    return revision;
  }

  async #running<T>(work: Promise<T>): Promise<T> {
    this.#underWay.add(work);
    try {
      return await work;
    } finally {
      this.#underWay.delete(work);
    }
  }

  #started(): EtcdWatches {
    if (this.#watches === undefined) throw new StoreClosedError();
    return this.#watches;
  }

  #checkOpen(): void {
    if (this.#closing !== undefined) throw new StoreClosedError();
  }
}
