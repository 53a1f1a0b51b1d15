/** DNS messages as plain data. RFC 1035 section 4; RFC 6891 for EDNS. */
import type { IPAddress } from '../../lib/ip.ts';

/** Record types by number, as far as we answer or treat them specially. */
export const TYPE = {
  A: 1,
  NS: 2,
  CNAME: 5,
  SOA: 6,
  PTR: 12,
  HINFO: 13,
  TXT: 16,
  AAAA: 28,
  SRV: 33,
  OPT: 41,
  IXFR: 251,
  AXFR: 252,
  ANY: 255,
} as const;

export const CLASS_IN = 1;

export const RCODE = {
  NOERROR: 0,
  FORMERR: 1,
  SERVFAIL: 2,
  NXDOMAIN: 3,
  NOTIMP: 4,
  REFUSED: 5,
  /** Its upper bits travel in the OPT record. */
  BADVERS: 16,
} as const;
export type Rcode = (typeof RCODE)[keyof typeof RCODE];

export interface Question {
  /** As `name.ts` writes names. */
  readonly name: string;
  readonly type: number;
  readonly class: number;
}

/** What a client says in its OPT record. */
export interface Edns {
  /** Largest UDP answer that it takes, in octets. */
  readonly udpSize: number;
  readonly version: number;
  readonly dnssecOk: boolean;
}

export interface Query {
  readonly id: number;
  readonly opcode: number;
  readonly recursionDesired: boolean;
  readonly checkingDisabled: boolean;
  readonly question: Question;
  /** The question as it came, in the client's own letter case: the answer repeats it. */
  readonly questionBytes: Uint8Array;
  readonly edns: Edns | undefined;
}

export type RecordData =
  | { readonly type: 'A' | 'AAAA'; readonly address: IPAddress }
  | { readonly type: 'CNAME' | 'PTR' | 'NS'; readonly target: string }
  | {
      readonly type: 'SRV';
      readonly priority: number;
      readonly weight: number;
      readonly port: number;
      readonly target: string;
    }
  | { readonly type: 'TXT'; readonly text: string }
  | { readonly type: 'HINFO'; readonly cpu: string; readonly os: string }
  | {
      readonly type: 'SOA';
      readonly mname: string;
      readonly rname: string;
      readonly serial: number;
      readonly refresh: number;
      readonly retry: number;
      readonly expire: number;
      /** How long a negative answer may be kept: RFC 2308 section 4. */
      readonly minimum: number;
    };

export interface ResourceRecord {
  readonly name: string;
  /** Seconds. */
  readonly ttl: number;
  readonly data: RecordData;
}

export interface Response {
  readonly rcode: Rcode;
  readonly authoritative: boolean;
  readonly recursionAvailable: boolean;
  readonly answers: readonly ResourceRecord[];
  readonly authorities: readonly ResourceRecord[];
  readonly additionals: readonly ResourceRecord[];
}
