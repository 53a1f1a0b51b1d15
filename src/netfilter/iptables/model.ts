/**
 * iptables as data: rules, chains and what changes about them. Only what this program writes; it has never heard of a
 * Service. The terms are those of iptables(8) and iptables-extensions(8).
 */
import type { IPFamily } from '../../lib/ip.ts';
import type { TransportProtocol } from '../model.ts';

export type IptablesTable = 'nat' | 'filter';
export const IPTABLES_TABLES: readonly IptablesTable[] = ['nat', 'filter'];

/** What connection tracking says of a packet; DNAT: its destination was replaced. */
export type ConnectionState = 'NEW' | 'INVALID' | 'ESTABLISHED' | 'RELATED' | 'UNTRACKED' | 'DNAT';

export type Match =
  /** An address, a prefix, or an address and a mask of any shape: `0.0.0.10/0.0.0.15`. */
  | { readonly kind: 'source' | 'destination'; readonly address: string }
  /** `+` at the end stands for any text. `not`: any other interface. */
  | { readonly kind: 'in-interface'; readonly name: string; readonly not?: boolean }
  /** Destination ports from the first to the last; absent: any. */
  | {
      readonly kind: 'protocol';
      readonly protocol: TransportProtocol;
      readonly ports?: { readonly first: number; readonly last: number };
    }
  | { readonly kind: 'state'; readonly states: readonly ConnectionState[]; readonly not?: boolean }
  /** Whether this bit of the connection's mark is set. */
  | { readonly kind: 'connection-mark'; readonly bit: number }
  /** Whether the node has the address itself. */
  | { readonly kind: 'local'; readonly of: 'source' | 'destination' }
  /** By chance, one packet in this many. */
  | { readonly kind: 'one-in'; readonly count: number }
  /** The source was put on the list within so many seconds; those who were not are forgotten. */
  | { readonly kind: 'seen'; readonly list: string; readonly seconds: number }
  /** Always; puts the source on the list, or makes its entry new. */
  | { readonly kind: 'note'; readonly list: string }
  | { readonly kind: 'comment'; readonly text: string };

export type Target =
  /** Comes back from a `jump` when the chain has no answer; from a `goto`, where the last jump was made. */
  | { readonly kind: 'jump' | 'goto'; readonly chain: string }
  | { readonly kind: 'return' | 'drop' | 'masquerade' }
  | { readonly kind: 'reject'; readonly with: 'tcp-reset' | 'port-unreachable' }
  | { readonly kind: 'dnat'; readonly ip: string; readonly port: number }
  | { readonly kind: 'mark-connection' | 'unmark-connection'; readonly bit: number };

export interface Rule {
  readonly matches: readonly Match[];
  readonly target: Target;
}

/** A chain's rules as `iptables-save` prints them, without `-A CHAIN`; undefined: there is no such chain. */
export type ChainText = readonly string[] | undefined;

/** A chain of ours that differs. */
export interface ChainChange {
  readonly chain: string;
  readonly before: ChainText;
  readonly after: ChainText;
}

/** A rule of a built-in chain that leads to a chain of ours. */
export interface Hook {
  /** `PREROUTING` and the like. */
  readonly into: string;
  /** The rule, as in {@link ChainText}. */
  readonly rule: string;
}

/** What is to be done to one table of one family, at one moment. */
export interface TablePatch {
  readonly family: IPFamily;
  readonly table: IptablesTable;
  readonly chains: readonly ChainChange[];
  /** Put before everything else in their chains. */
  readonly hooked: readonly Hook[];
  readonly unhooked: readonly Hook[];
}

/** What undoes a patch. */
export function inverse({ family, table, chains, hooked, unhooked }: TablePatch): TablePatch {
  const turned = chains.map(({ chain, before, after }) => ({ chain, before: after, after: before }));
  return { family, table, chains: turned, hooked: unhooked, unhooked: hooked };
}

export function isEmptyPatch({ chains, hooked, unhooked }: TablePatch): boolean {
  return chains.length === 0 && hooked.length === 0 && unhooked.length === 0;
}

/** How much a table holds of ours. */
export interface TableCounts {
  /** The number of rules of each of our chains; those that have none may be left out. */
  readonly chains: ReadonlyMap<string, number>;
  /** The number of rules of each other chain that lead to one of ours. */
  readonly hooks: ReadonlyMap<string, number>;
}
