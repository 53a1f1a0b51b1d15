/**
 * The messages of `proto/etcd.proto` as data. What is sent may leave fields out; what is received has all of them, with
 * their defaults, and messages that are absent as null. Numbers are exact up to 2^53, which revisions stay under.
 */

/** The calls that are answered once, with their requests and answers. */
export interface Calls {
  Range: [RangeRequest, RangeResponse];
  Txn: [TxnRequest, TxnResponse];
  Compact: [{ readonly revision: number }, object];
  Authenticate: [{ readonly name: string; readonly password: string }, { readonly token: string }];
  Status: [object, StatusResponse];
  MemberList: [object, MemberListResponse];
}

export type CallName = keyof Calls;
export type RequestOf<Name extends CallName> = Calls[Name][0];
export type ResponseOf<Name extends CallName> = Calls[Name][1];

export interface Header {
  readonly revision: number;
}

export interface KeyValue {
  readonly key: Uint8Array;
  readonly createRevision: number;
  readonly modRevision: number;
  /** How often the key was written since it came into being. */
  readonly version: number;
  readonly value: Uint8Array;
}

/** Keys from `key` up to `rangeEnd`, which is not among them; without one the single key. A NUL as end is no end. */
export interface KeyRange {
  readonly key: Uint8Array;
  readonly rangeEnd?: Uint8Array;
}

export interface RangeRequest extends KeyRange {
  readonly limit?: number;
  readonly revision?: number;
  readonly countOnly?: boolean;
}

export interface RangeResponse {
  readonly header: Header;
  readonly kvs: readonly KeyValue[];
  readonly more: boolean;
  /** Keys in the whole range, whatever the limit. */
  readonly count: number;
}

export type RequestOp =
  | { readonly requestRange: RangeRequest }
  | { readonly requestPut: { readonly key: Uint8Array; readonly value: Uint8Array } }
  | { readonly requestDeleteRange: { readonly key: Uint8Array } };

export interface TxnRequest {
  readonly compare: readonly {
    readonly result: 'EQUAL';
    readonly target: 'MOD';
    readonly key: Uint8Array;
    readonly modRevision: number;
  }[];
  readonly success: readonly RequestOp[];
  readonly failure: readonly RequestOp[];
}

export interface TxnResponse {
  readonly header: Header;
  readonly succeeded: boolean;
  readonly responses: readonly { readonly responseRange: RangeResponse | null }[];
}

export interface StatusResponse {
  /** Too large to be exact, like that of the leader; the same number is the same every time. */
  readonly header: { readonly clusterId: number; readonly memberId: number };
  readonly version: string;
  /** The leader's memberId; 0: the member knows of none. Too large to be exact. */
  readonly leader: number;
  readonly raftTerm: number;
}

export interface MemberListResponse {
  readonly header: { readonly clusterId: number };
  /** `clientURLs`: what the member was told to advertise; none before it has begun. */
  readonly members: readonly { readonly clientURLs: readonly string[]; readonly isLearner: boolean }[];
}

export interface WatchEvent {
  readonly type: 'PUT' | 'DELETE';
  readonly kv: KeyValue;
  readonly prevKv: KeyValue | null;
}

export interface WatchResponse {
  readonly header: Header | null;
  readonly created: boolean;
  readonly canceled: boolean;
  readonly compactRevision: number;
  readonly cancelReason: string;
  /** The answer goes on in the next message. */
  readonly fragment: boolean;
  readonly events: readonly WatchEvent[];
}
