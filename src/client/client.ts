/**
 * What every part knows of the API: typed verbs on declared kinds. Objects that come back are shared and must not be
 * modified. Errors of the API are thrown as `ApiError`; when the server cannot be reached, `TransportError`.
 */
import type { Kind } from '../api/kind.ts';
import type { KubeObject, ObjectKey } from '../api/meta/v1.ts';

export interface ListOptions {
  /** Only this namespace; default: all. */
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  readonly limit?: number;
}

export interface WatchOptions extends Omit<ListOptions, 'limit'> {
  readonly resourceVersion: string;
  /** Called when the server has begun to answer, where that is known before the first event. */
  readonly opened?: () => void;
}

export interface Listed<T> {
  readonly items: readonly T[];
  readonly resourceVersion: string;
}

export type WatchEvent<T> =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: T }
  | { readonly type: 'BOOKMARK'; readonly resourceVersion: string };

export interface DeleteOptions {
  readonly gracePeriodSeconds?: number;
  readonly propagationPolicy?: 'Background' | 'Foreground' | 'Orphan';
  /** Delete only the object with this UID or resourceVersion; else Conflict. */
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string };
}

/** A patch and how it is meant: RFC 6902, RFC 7386, or Kubernetes' strategic merge patch. */
export type Patch =
  | { readonly type: 'json'; readonly operations: readonly object[] }
  | { readonly type: 'merge'; readonly body: object }
  | { readonly type: 'strategic'; readonly body: object };

/** An object as it is sent: metadata.name or generateName is set, the server fills in the rest. */
export type Draft<T extends KubeObject> = T;

export interface Client {
  get<T extends KubeObject>(kind: Kind<T>, key: ObjectKey): Promise<T>;
  list<T extends KubeObject>(kind: Kind<T>, options?: ListOptions): Promise<Listed<T>>;
  create<T extends KubeObject>(kind: Kind<T>, object: Draft<T>): Promise<T>;
  /** Replaces; with metadata.resourceVersion set, only that version, else Conflict. */
  update<T extends KubeObject>(kind: Kind<T>, object: T): Promise<T>;
  /** Replaces status only. */
  updateStatus<T extends KubeObject>(kind: Kind<T>, object: T): Promise<T>;
  patch<T extends KubeObject>(kind: Kind<T>, key: ObjectKey, patch: Patch, subresource?: 'status'): Promise<T>;
  delete<T extends KubeObject>(kind: Kind<T>, key: ObjectKey, options?: DeleteOptions): Promise<void>;
  /** Changes after `resourceVersion`, until the signal is aborted or the server ends the stream. Bookmarks are asked for. */
  watch<T extends KubeObject>(kind: Kind<T>, options: WatchOptions, signal: AbortSignal): AsyncIterable<WatchEvent<T>>;
  /** Any other call, such as KubeVirt's `restart` subresource. The path begins with `/`. */
  raw(method: 'GET' | 'PUT' | 'POST' | 'DELETE', path: string, body?: object): Promise<unknown>;
}

/** The server could not be reached, or the connection broke before it had answered. */
export class TransportError extends Error {
  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'TransportError';
  }
}

/** Where the server is and how to prove who we are; what a kubeconfig says. PEM texts. */
export interface Endpoint {
  /** `https://HOST:PORT`. */
  readonly server: string;
  /** Other servers of the same cluster, in the same form: whichever answers serves. Default: none. */
  readonly otherServers?: readonly string[];
  /** Connect here instead of to HOST:PORT; TLS names stay those of `server`. */
  readonly socketPath?: string;
  /** The address to connect to, of several that the host of `server` has; TLS names stay those of `server`. */
  readonly connectTo?: string;
  readonly caData?: string;
  readonly clientCertificate?: string;
  readonly clientKey?: string;
  readonly token?: string;
  /** A file that holds the token, and is read again as it is renewed. Counts more than `token`. */
  readonly tokenFile?: string;
}
