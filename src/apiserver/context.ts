/** What the verbs work on, and what a request asks of them. */
import type { AnyKind } from '../api/kinds.ts';
import type { Clock } from '../host/clock.ts';
import type { Logger } from '../host/log.ts';
import type { Store } from '../store/store.ts';
import type { Admission } from './admission.ts';
import type { Access } from './auth/access.ts';
import type { Tokens } from './auth/tokens/tokens.ts';
import type { User } from './auth/user.ts';
import type { Body } from './http/body.ts';
import type { Codec } from './storage/codec.ts';
import type { WatchTimes } from './verbs/watch-times.ts';

/** The parts of a running API server that outlive a request. */
export interface Api {
  readonly store: Store;
  readonly codec: Codec;
  /** Checks and claims that belong to a write, in order. */
  readonly admissions: readonly Admission[];
  /** Who may do what. */
  readonly access: Access;
  /** Of service accounts. */
  readonly tokens: Tokens;
  readonly clock: Clock;
  readonly log: Logger;
  /** When watches are due. */
  readonly watchTimes: WatchTimes;
  /** In [0, 1), as Math.random. */
  readonly random: () => number;
}

export type Verb = 'create' | 'get' | 'list' | 'watch' | 'update' | 'patch' | 'delete' | 'deletecollection';

/** What a request is about: as authorization sees it. */
export interface Target {
  readonly kind: AnyKind;
  /** Undefined for cluster-scoped kinds, and for all namespaces. */
  readonly namespace: string | undefined;
  readonly name: string | undefined;
  readonly subresource: string | undefined;
}

export interface ResourceRequest extends Target {
  readonly verb: Verb;
  readonly query: URLSearchParams;
  readonly user: User;
  readonly body: Body;
  /** Who sends it, from the User-Agent: the default field manager. */
  readonly agent: string;
  /** Aborted when the server ends. */
  readonly signal: AbortSignal;
  /** Adds a `Warning` header to the answer. */
  warn(message: string): void;
}
