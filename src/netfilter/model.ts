/**
 * nftables as data: what the printer writes, the memory implementation keeps and the trace walks. It knows tables,
 * chains, sets and maps, and nothing of what they are used for.
 *
 * A table serves one address family; an address is text of that family, so the same layout serves both.
 */

/** The two families that translate addresses, as nft spells them. */
export type TableFamily = 'ip' | 'ip6';

export type TransportProtocol = 'tcp' | 'udp' | 'sctp';

/** What a rule can read of a packet, or draw. */
export type Expression =
  | { readonly kind: 'saddr' | 'daddr' | 'l4proto' }
  /** `protocol` makes it that protocol's port; absent, the port of any of them. */
  | { readonly kind: 'dport'; readonly protocol?: TransportProtocol }
  /** The destination of the connection's first packet, before translation. */
  | { readonly kind: 'original-daddr' | 'original-dport' }
  /** The source of the connection's replies, before translation: what its destination was translated to. */
  | { readonly kind: 'reply-saddr' | 'reply-sport' }
  /** The packet's way within its connection: {@link DIRECTIONS}. */
  | { readonly kind: 'direction' }
  /** A number from 0 to `modulus` - 1, drawn anew for each packet. */
  | { readonly kind: 'random'; readonly modulus: number }
  /** A number that stands for several: the same for the same, and with another `seed` another. */
  | { readonly kind: 'hash'; readonly of: Concatenation; readonly seed: number }
  /** What the scratch register holds: see {@link SCRATCH}. */
  | { readonly kind: 'scratch' };

/**
 * The one register that rules can write, read and look things up by: the packet's priority for queueing. Who uses it
 * keeps it within this range, so that `clear-scratch` can tell what is left there from what others put. (Marks would serve too,
 * and are others': routing, tunnels and policies go by them.)
 */
export const SCRATCH = { first: 0x6000_0000, last: 0x7fff_ffff } as const;

/** How a packet goes: as its connection's first one, or as replies (linux/netfilter/nf_conntrack_tuple_common.h). */
export const DIRECTIONS = { original: 0, reply: 1 } as const;

/** Several expressions side by side, as a key: `ip daddr . tcp dport`. nft 1.0.6 has types for up to five. */
export type Concatenation = readonly Expression[];

/** One component of a key or value: an address or protocol as text, a port or number as number. */
export type Atom = string | number;

/** `classid`: what the scratch register holds; `ct_dir`: a packet's direction. */
export type DataType = 'address' | 'inet_proto' | 'inet_service' | 'classid' | 'ct_dir';

/** The type of a key or value: by name, or as that of expressions, which is the only way to name a drawn number's. */
export type KeyType =
  | { readonly kind: 'types'; readonly types: readonly DataType[] }
  | { readonly kind: 'typeof'; readonly expressions: Concatenation };

export type Verdict =
  | { readonly kind: 'accept' | 'drop' | 'return' }
  | { readonly kind: 'goto' | 'jump'; readonly chain: string };

/** What an element of a map leads to. */
export type ElementValue = Verdict | readonly Atom[];

export interface Element {
  readonly key: readonly Atom[];
  /** Absent in a set. */
  readonly value?: ElementValue;
}

/** What packets have left in an element, by the statement `count`. */
export interface Counter {
  /** As the kernel handles them: several that it has joined into one are one. */
  readonly packets: number;
  /** Of whole packets, with their IP headers. */
  readonly bytes: number;
}

/** An element of a set that packets count in. */
export interface CountingElement extends Element {
  readonly counter: Counter;
}

/** A named set, or a map when it has a `value` type. */
export interface NamedSet {
  readonly name: string;
  readonly key: KeyType;
  readonly value?: KeyType | 'verdict';
  /** Addresses in keys are prefixes, written `ADDRESS/PREFIX`; of several, no two elements may cover the same key. */
  readonly interval?: true;
  /** Elements that are part of the layout; others come and go by transactions. */
  readonly elements?: readonly Element[];
  /**
   * Packets add elements, at most so many at a time, and these end by themselves: after `seconds` without a packet, unless
   * the statement that adds them says otherwise.
   */
  readonly dynamic?: { readonly size: number; readonly seconds?: number };
  /** Elements that are added end by themselves so many seconds later. */
  readonly timeout?: number;
}

export type Match =
  | { readonly kind: 'in-set'; readonly key: Concatenation; readonly set: string }
  | { readonly kind: 'protocol'; readonly protocol: TransportProtocol }
  /** The connection's destination has been translated. */
  | { readonly kind: 'translated' }
  /** Belongs to no connection that connection tracking knows, and begins none: replies are not translated back then. */
  | { readonly kind: 'invalid' }
  /** Belongs to no connection that connection tracking knows; also where it begins one. */
  | { readonly kind: 'unknown' }
  /** A segment of TCP other than the first that a connection has. */
  | { readonly kind: 'mid-connection' }
  /** Whether the source or destination is an address of this machine itself. */
  | { readonly kind: 'local'; readonly of: 'saddr' | 'daddr' }
  | { readonly kind: 'within'; readonly of: 'saddr' | 'daddr'; readonly prefix: string }
  /**
   * Came to this machine through an interface of that name; ending in `*`: one whose name begins so. Holds in postrouting
   * too, since Linux 5.7. `not`: through any other, which what this machine sends itself did not.
   */
  | { readonly kind: 'through'; readonly interface: string; readonly not?: true }
  /**
   * In postrouting: passes from one port of that bridge to another. With bridge netfilter
   * (`net.bridge.bridge-nf-call-iptables`), the kernel does not say there what such a packet came through.
   */
  | { readonly kind: 'bridged'; readonly interface: string };

/** What a rule does when all its matches hold. */
export type Statement =
  | { readonly kind: 'verdict'; readonly verdict: Verdict }
  /** The verdict that `map` has for the key; the next rule when it has none. */
  | { readonly kind: 'vmap'; readonly key: Concatenation; readonly map: string }
  /** To the address and port that `map` has for the key; the next rule when it has none. */
  | { readonly kind: 'dnat'; readonly key: Concatenation; readonly map: string }
  /** A drawn number into the scratch register, or what `map` has for the key; the next rule when it has none. */
  | { readonly kind: 'draw'; readonly modulus: number }
  | { readonly kind: 'load'; readonly key: Concatenation; readonly map: string }
  /** As `load` from a map that packets fill; what is found there stays so many seconds from now on. */
  | { readonly kind: 'recall'; readonly key: Concatenation; readonly map: string; readonly seconds: number }
  /** The scratch register into the map, for so many seconds. Nothing happens when the map is full, or has the key. */
  | { readonly kind: 'remember'; readonly key: Concatenation; readonly map: string; readonly seconds: number }
  | { readonly kind: 'forget'; readonly key: Concatenation; readonly map: string }
  /** Counts the packet in the set's element for the key, which is added where it is not there and there is room. */
  | { readonly kind: 'count'; readonly key: Concatenation; readonly set: string }
  /**
   * A copy, unchanged but for its hop limit, to the machine on a network of ours whose address `map` has for the key. Rules go on;
   * the copy passes none of them.
   */
  | { readonly kind: 'duplicate'; readonly key: Concatenation; readonly map: string }
  /** Leaves nothing of ours in the scratch register. */
  | { readonly kind: 'clear-scratch' }
  | { readonly kind: 'masquerade' }
  /** Answers at once: a reset for TCP, else ICMP port unreachable. */
  | { readonly kind: 'reject'; readonly with: 'tcp-reset' | 'port-unreachable' };

export interface Rule {
  readonly matches: readonly Match[];
  readonly statement: Statement;
}

/** Where a base chain hangs: kernel hook and priority; lower runs first. */
export interface Hook {
  readonly type: 'nat' | 'filter';
  readonly hook: 'prerouting' | 'input' | 'forward' | 'output' | 'postrouting';
  readonly priority: number;
}

export interface Chain {
  readonly name: string;
  readonly hook?: Hook;
  readonly rules: readonly Rule[];
}

export interface Table {
  readonly family: TableFamily;
  readonly name: string;
  readonly sets: readonly NamedSet[];
  readonly chains: readonly Chain[];
}

/** Names a table of the kernel. */
export interface TableName {
  readonly family: TableFamily;
  readonly name: string;
  /** What types its elements have: whoever says so spares the kernel's side a script for each change. */
  readonly sets?: readonly NamedSet[];
}

/** An element of a named set. */
export interface Placed {
  readonly set: string;
  readonly element: Element;
}

/** One step of a transaction. */
export type Operation =
  /**
   * Puts a table in place of the one of that name, if there is one, with these elements besides the layout's own. They
   * may be read more than once.
   */
  | { readonly kind: 'replace-table'; readonly table: Table; readonly elements: Iterable<Placed> }
  /** Removes a table; no mistake when there is none. */
  | { readonly kind: 'delete-table'; readonly table: TableName }
  | { readonly kind: 'add-chain'; readonly table: TableName; readonly chain: Chain }
  | { readonly kind: 'delete-chain'; readonly table: TableName; readonly chain: string }
  | { readonly kind: 'add-element'; readonly table: TableName; readonly placed: Placed }
  /** The value, if there is one, is ignored. */
  | { readonly kind: 'delete-element'; readonly table: TableName; readonly placed: Placed };

/** Steps that take effect at one moment or not at all, in their order. */
export type Transaction = readonly Operation[];

export const goto = (chain: string): Verdict => ({ kind: 'goto', chain });

export function isVerdict(value: ElementValue): value is Verdict {
  return 'kind' in value;
}

/** One text per key within a set: what tells elements apart. */
export function elementKey(key: readonly Atom[]): string {
  return key.join(' . ');
}

/** A key in the one way that `Netfilter.elements` tells it: a prefix of full length is an address alone. */
export function canonicalKey(key: readonly Atom[]): readonly Atom[] {
  return key.map((atom) => (typeof atom === 'string' ? atom.replace(/(?<=^[\d.]+)\/32$|(?<=:[^/]*)\/128$/, '') : atom));
}

/** Whether two elements with the same key say the same. Values are plain data: equal when they read the same. */
export function sameValue(a: ElementValue | undefined, b: ElementValue | undefined): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}
