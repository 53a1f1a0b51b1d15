/** What a verb answers, before it is known in which form the client wants it. */
import type { AnyKind } from '../api/kinds.ts';
import type { Status, Subject } from '../api/status.ts';
import type { Stored } from './storage/codec.ts';

export interface ListMeta {
  readonly resourceVersion: string;
  readonly continue?: string;
  readonly remainingItemCount?: number;
}

/** A line of a watch about a change. */
export interface ChangeLine {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly stored: Stored;
}

/** One line of a watch. The object of a bookmark holds a resourceVersion and no more. */
export type WatchLine =
  | ChangeLine
  | { readonly type: 'BOOKMARK'; readonly resourceVersion: string; readonly initialEventsEnd: boolean }
  | { readonly type: 'ERROR'; readonly status: Status };

/** Who is told the lines of a watch. */
export interface WatchListener {
  /** Some lines, in order. Where that was as much as can be taken, more are to come once the promise has resolved. */
  tell(lines: readonly WatchLine[]): Promise<void> | undefined;
  /** The objects that there are already have been told, if they are to be; from now on there are only changes. */
  begun(): void;
  /** There is no more: as the watch has ended, or failed with an error. */
  over(error?: unknown): void;
}

/** A watch that is under way. */
export interface Following {
  /** Ends it. Its listener is told, now or soon. */
  end(): void;
}

export type Answer =
  | { readonly kind: 'object'; readonly code: 200 | 201; readonly of: AnyKind; readonly stored: Stored }
  | { readonly kind: 'list'; readonly of: AnyKind; readonly items: readonly Stored[]; readonly metadata: ListMeta }
  | {
      readonly kind: 'watch';
      readonly of: AnyKind;
      /** Begins to tell the listener, who has asked for it. */
      readonly follow: (listener: WatchListener) => Following;
    }
  | { readonly kind: 'status'; readonly status: Status };

/** The answer to something that was done and has no object to show. */
export function success(subject: Subject, name: string, uid: string | undefined, code = 200): Answer {
  return {
    kind: 'status',
    status: {
      apiVersion: 'v1',
      kind: 'Status',
      metadata: {},
      status: 'Success',
      details: {
        name,
        ...(subject.group === '' ? {} : { group: subject.group }),
        kind: subject.plural,
        ...(uid === undefined ? {} : { uid }),
      },
      code,
    },
  };
}
