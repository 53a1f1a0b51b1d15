/** Changes as etcd tells them, from a revision on, whichever member has to be asked, without a gap. */
import type { Clock } from '../../host/clock.ts';
import type { Logger } from '../../host/log.ts';
import { CompactedError, type Revision, type StoreEvent } from '../store.ts';
import type { Calls } from './calls.ts';
import type { Connection } from './connection.ts';
import { StoreUnavailableError } from './errors.ts';
import { CallError, failureKind } from './failure.ts';
import type { Layout } from './layout.ts';
import type { WatchEvent, WatchResponse } from './messages.ts';

/** What one revision changed of the keys that are followed. */
export interface Change {
  readonly revision: Revision;
  readonly events: readonly StoreEvent[];
}

/** Changes in order; `revision`: everything up to it has been told. */
export interface Told {
  readonly changes: readonly Change[];
  readonly revision: Revision;
}

/** The changes under a prefix after a revision, until the signal is aborted. Throws {@link CompactedError}. */
export type Follow = (prefix: string, from: Revision, signal: AbortSignal) => AsyncGenerator<Told, void, undefined>;

export interface FollowParts {
  readonly calls: Calls;
  readonly layout: Layout;
  readonly clock: Clock;
  readonly log: Logger;
}

const PAUSE = { first: 50, most: 1000 };

/** Milliseconds in which a member is waited for; a watch waits for longer, and says so each time. */
const WAIT = 10_000;

export function follower(parts: FollowParts): Follow {
  return (prefix, from, signal) => follow(parts, prefix, from, signal);
}

async function* follow(
  { calls, layout, clock, log }: FollowParts,
  prefix: string,
  from: Revision,
  signal: AbortSignal,
): AsyncGenerator<Told, void, undefined> {
  let position = from;
  let pause = PAUSE.first;
  while (!signal.aborted) {
    let member: Connection | undefined;
    try {
      member = await calls.cluster.member(performance.now() + WAIT, signal);
      for await (const told of watchOnce(calls, layout, member, prefix, position, signal)) {
        position = told.revision;
        pause = PAUSE.first;
        yield told;
      }
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof CompactedError) throw error;
      if (error instanceof CallError && error.kind === 'token') calls.forget();
      if (error instanceof CallError && member !== undefined && isMemberGone(error)) calls.cluster.lose(member, error);
      const fields = { err: error, prefix, position };
      if (isOutage(error)) log.debug(fields, 'a watch of etcd was interrupted; it goes on from where it was');
      else log.warn(fields, 'a watch of etcd was refused; it is tried again');
    }
    await clock.sleep(pause, signal).catch(() => {});
    pause = Math.min(2 * pause, PAUSE.most);
  }
}

function isMemberGone({ kind }: CallError): boolean {
  return kind === 'lost' || kind === 'refused';
}

/** Whether what has happened is told elsewhere already, and passes. */
function isOutage(error: unknown): boolean {
  return error instanceof StoreUnavailableError || (error instanceof CallError && isMemberGone(error));
}

/** The same from one member, for as long as it tells. */
async function* watchOnce(
  calls: Calls,
  layout: Layout,
  member: Connection,
  prefix: string,
  from: Revision,
  signal: AbortSignal,
): AsyncGenerator<Told, void, undefined> {
  const createRequest = {
    ...layout.range(prefix),
    // That of the position itself, whose events are left out: etcd then says whether history after it is whole. Asked for the
    // next, it would begin at a compacted revision as if nothing were missing, and leave out deletes.
    startRevision: layout.outer(from),
    prevKv: true,
    progressNotify: true,
    fragment: true,
  };
  const assembly = new Assembly(layout, from);
  for await (const message of member.watch({ createRequest }, signal, await calls.token(member))) {
    checkCanceled(message, member, layout, assembly.position);
    const told = assembly.add(message);
    if (told !== undefined) yield told;
  }
}

function checkCanceled(message: WatchResponse, member: Connection, layout: Layout, position: Revision): void {
  if (message.compactRevision > 0) throw new CompactedError(position, layout.revision(message.compactRevision));
  if (!message.canceled) return;
  const kind = failureKind(undefined, message.cancelReason);
  // A member says so of a token that has ended, too.
  const meant = kind === 'denied' ? 'token' : kind;
  throw new CallError(member.endpoint, 'Watch', meant, message.cancelReason || 'the watch was cancelled');
}

/** Puts the events of messages together to whole revisions: a large answer comes in fragments, cut anywhere. */
export class Assembly {
  readonly #layout: Layout;
  #position: Revision;
  #part: { readonly revision: Revision; readonly events: StoreEvent[] } | undefined;

  constructor(layout: Layout, from: Revision) {
    this.#layout = layout;
    this.#position = from;
  }

  /** Everything up to this revision has been told. */
  get position(): Revision {
    return this.#position;
  }

  /** What a message has to tell, if anything. Throws {@link CompactedError}. */
  add(message: WatchResponse): Told | undefined {
    const changes = this.#changes(message.events);
    if (!message.fragment && this.#part !== undefined) {
      changes.push(this.#part);
      this.#part = undefined;
    }
    // Without events it tells how far etcd has come, in order with the events; at the start of a watch it does not.
    const progress =
      !message.created && !message.fragment && message.events.length === 0 ? message.header?.revision : 0;
    const revision = changes.at(-1)?.revision ?? this.#layout.revision(progress ?? 0);
    if (revision <= this.#position) return undefined;
    this.#position = revision;
    return { changes, revision };
  }

  #changes(events: readonly WatchEvent[]): Change[] {
    const whole: Change[] = [];
    for (const told of events) {
      const revision = this.#layout.revision(told.kv.modRevision);
      if (revision <= this.#position) continue;
      if (this.#part !== undefined && this.#part.revision !== revision) {
        whole.push(this.#part);
        this.#part = undefined;
      }
      this.#part ??= { revision, events: [] };
      this.#part.events.push(this.#layout.event(told));
    }
    return whole;
  }
}
