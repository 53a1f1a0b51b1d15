/**
 * What a call to etcd that failed means for what was asked. gRPC's codes alone do not say; etcd's texts, which its own
 * clients compare as well, do (https://github.com/etcd-io/etcd/blob/release-3.5/api/v3rpc/rpctypes/error.go).
 */

export type FailureKind =
  /** The history that was asked for is gone. */
  | 'compacted'
  /** The revision that was asked for has not been written. */
  | 'future'
  /** More bytes than the server takes at once. */
  | 'too-large'
  /** More operations than the server takes at once. */
  | 'too-many-operations'
  /** The token has ended, or was given before users and roles changed. Nothing was done. */
  | 'token'
  /** The user may not, or is not known. Nothing was done. */
  | 'denied'
  /** The server will not for now. Nothing was done, and it, or another, may later. */
  | 'refused'
  /** The server has too much to do. Nothing was done. */
  | 'busy'
  /** The server has no room, or says that it has none until it is told otherwise. Nothing was done. */
  | 'full'
  /** The server will not, and trying again is of no use. Nothing was done. */
  | 'rejected'
  /** No answer: whether something was done is not known. */
  | 'lost';

/** A call to a member that failed. */
export class CallError extends Error {
  readonly kind: FailureKind;
  readonly endpoint: string;
  readonly call: string;

  constructor(endpoint: string, call: string, kind: FailureKind, details: string, cause?: unknown) {
    super(`${call} at ${endpoint}: ${details}`, { cause });
    this.name = 'CallError';
    this.kind = kind;
    this.endpoint = endpoint;
    this.call = call;
  }
}

const KINDS: readonly (readonly [text: string, kind: FailureKind])[] = [
  ['required revision has been compacted', 'compacted'],
  ['required revision is a future revision', 'future'],
  ['request is too large', 'too-large'],
  ['message larger than max', 'too-large'],
  ['too many operations in txn request', 'too-many-operations'],
  ['invalid auth token', 'token'],
  ['revision of auth store is old', 'token'],
  ['user name is empty', 'token'],
  ['permission denied', 'denied'],
  ['authentication failed', 'denied'],
  ['authentication is not enabled', 'rejected'],
  ['no leader', 'refused'],
  ['not supported for learner', 'refused'],
  // gRPC's own words for a call that never left this process.
  ['No connection established', 'refused'],
  ['Name resolution failed', 'refused'],
  ['too many requests', 'busy'],
  ['database space exceeded', 'full'],
  ['no space', 'full'],
  ['corrupt cluster', 'rejected'],
];

/** gRPC's codes for requests that the server has looked at and turned down. */
const REJECTED: ReadonlySet<number> = new Set([3, 5, 6, 9, 11, 12]);

/** By the code (https://grpc.github.io/grpc/core/md_doc_statuscodes.html) and the text of an answer. */
export function failureKind(code: number | undefined, details: string): FailureKind {
  const known = KINDS.find(([text]) => details.includes(text));
  if (known !== undefined) return known[1];
  return code !== undefined && REJECTED.has(code) ? 'rejected' : 'lost';
}
