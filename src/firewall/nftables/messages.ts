/**
 * What is asked of nf_tables and what it answers: which sets there are, and elements that have ranges, in any table.
 * https://docs.kernel.org/networking/netlink_spec/nftables.html; numbers are linux/netfilter/nf_tables.h's.
 */
import { NFGENMSG, NFNL_SUBSYS_NFTABLES } from '../../host/netlink.ts';
import { NetlinkError, netfilterDump } from '../../host/netlink-dump.ts';
import { attribute, message, nested, readAttributes, readUint } from '../../host/netlink-message.ts';
import type { IPFamily } from '../../lib/ip.ts';
import { ElementDecoder } from '../../netfilter/decode.ts';
import {
  NFTA_DATA_VALUE,
  NFTA_LIST_ELEM,
  NFTA_SET_ELEM_KEY,
  NFTA_SET_ELEM_KEY_END,
  NFTA_SET_ELEM_LIST_ELEMENTS,
  NFTA_SET_ELEM_LIST_SET,
  NFTA_SET_ELEM_LIST_TABLE,
} from '../../netfilter/set-fields.ts';
import type { Audience } from '../ruleset/model.ts';
import { type Entry, entryKey, entryKeys, entryOf } from './elements.ts';
import { openSet, TABLE_FAMILIES } from './layout.ts';

const GETSET = (NFNL_SUBSYS_NFTABLES << 8) | 10;
const GETSETELEM = (NFNL_SUBSYS_NFTABLES << 8) | 13;
const NLM_F_REQUEST_DUMP = 0x301;
const [NFTA_SET_TABLE, NFTA_SET_NAME, NFTA_SET_KEY_TYPE, NFTA_SET_HANDLE] = [1, 2, 4, 16];

/** Type and flags of messages: NEWSETELEM that may make, and DELSETELEM. */
const VERBS = {
  add: { type: (NFNL_SUBSYS_NFTABLES << 8) | 12, flags: 0x401 },
  delete: { type: (NFNL_SUBSYS_NFTABLES << 8) | 14, flags: 0x1 },
} as const;

/** Families of tables that see IP packets on their way (NFPROTO_*), as `nft` spells them. */
export const FAMILIES = { 1: 'inet', 2: 'ip', 10: 'ip6' } as const;
export type TableFamily = (typeof FAMILIES)[keyof typeof FAMILIES];
const NUMBERS: Readonly<Record<TableFamily, number>> = { inet: 1, ip: 2, ip6: 10 };

/** A named set as it is in the kernel. */
export interface FoundSet {
  readonly family: TableFamily;
  readonly table: string;
  readonly name: string;
  /** The types of its key's parts, six bits each: what userspace tells the kernel, which only keeps it. */
  readonly keyType: number;
  /** Another set has another, also where it has the same name later. */
  readonly handle: string;
}

/** A set that holds what is open. */
export interface OpenSet {
  readonly set: FoundSet;
  readonly family: IPFamily;
  readonly audience: Audience;
  /** Of our own table. */
  readonly isOwn: boolean;
}

/** Bits of `keyType` for each part, and the types (libnftables: enum datatypes). */
const TYPE_BITS = 6;
const [TYPE_IPADDR, TYPE_IP6ADDR, TYPE_INET_PROTOCOL, TYPE_INET_SERVICE] = [7, 8, 12, 13];

/** The `keyType` of sets that are declared as `declaration` says. */
export function openKeyType(family: IPFamily, audience: Audience): number {
  const address = family === 'IPv4' ? TYPE_IPADDR : TYPE_IP6ADDR;
  const destination = [address, TYPE_INET_PROTOCOL, TYPE_INET_SERVICE];
  const types = audience === 'anyone' ? destination : [...destination, address];
  return types.reduce((all, type) => (all << TYPE_BITS) | type, 0);
}

/** The `keyType` of sets of prefixes alone. */
export const podKeyType = (family: IPFamily): number => (family === 'IPv4' ? TYPE_IPADDR : TYPE_IP6ADDR);

/** The sets of all tables that go by one of these names. Throws NetlinkError. */
export async function findSets(names: ReadonlySet<string>): Promise<readonly FoundSet[]> {
  const found: FoundSet[] = [];
  for await (const messages of netfilterDump(message(GETSET, NLM_F_REQUEST_DUMP, [new Uint8Array(NFGENMSG)]))) {
    for (const { payload } of messages) {
      const set = readSet(payload);
      if (set !== undefined && names.has(set.name)) found.push(set);
    }
  }
  return found;
}

function readSet(payload: Uint8Array): FoundSet | undefined {
  const family = tableFamily(payload[0]);
  const attributes = readAttributes(payload.subarray(NFGENMSG));
  const [table, name] = [readText(attributes.get(NFTA_SET_TABLE)), readText(attributes.get(NFTA_SET_NAME))];
  if (family === undefined || table === undefined || name === undefined) return undefined;
  const keyType = readUint(attributes.get(NFTA_SET_KEY_TYPE), 4) ?? 0;
  return { family, table, name, keyType, handle: Buffer.from(attributes.get(NFTA_SET_HANDLE) ?? []).toString('hex') };
}

/** Undefined for tables that see no IP packets on their way, such as a bridge's. */
export function tableFamily(number: number | undefined): TableFamily | undefined {
  return number === 1 || number === 2 || number === 10 ? FAMILIES[number] : undefined;
}

/** Without the zero at the end. */
export const readText = (bytes: Uint8Array | undefined): string | undefined =>
  bytes && Buffer.from(bytes.buffer, bytes.byteOffset, Math.max(0, bytes.length - 1)).toString('utf8');

/** What a set holds of entries; nothing where the set is gone. Throws NetlinkError. */
export async function readEntries({
  set,
  family,
  audience,
}: Pick<OpenSet, 'set' | 'family' | 'audience'>): Promise<readonly Entry[]> {
  const request = message(GETSETELEM, NLM_F_REQUEST_DUMP, [...header(set)]);
  const decoder = new ElementDecoder({ family: TABLE_FAMILIES[family], name: set.table }, openSet(set.name, audience));
  const entries: Entry[] = [];
  try {
    for await (const messages of netfilterDump(request)) {
      for (const { payload } of messages) {
        for (const { key } of decoder.decode(payload)) {
          const entry = entryOf(family, key);
          if (entry !== undefined) entries.push(entry);
        }
      }
    }
  } catch (error) {
    if (!(error instanceof NetlinkError && error.code === 'ENOENT')) throw error;
  }
  return entries;
}

/** Where ranges of a set of addresses begin, and what comes after their ends; nothing where the set is gone. Throws NetlinkError. */
export async function readBounds(set: FoundSet, family: IPFamily): Promise<readonly string[]> {
  const key = { kind: 'types', types: ['address'] } as const;
  const decoder = new ElementDecoder({ family: TABLE_FAMILIES[family], name: set.table }, { name: set.name, key });
  const bounds: string[] = [];
  try {
    for await (const messages of netfilterDump(message(GETSETELEM, NLM_F_REQUEST_DUMP, [...header(set)]))) {
      for (const { payload } of messages) {
        for (const {
          key: [address],
        } of decoder.decode(payload))
          bounds.push(String(address));
      }
    }
  } catch (error) {
    if (!(error instanceof NetlinkError && error.code === 'ENOENT')) throw error;
  }
  return bounds;
}

/** Elements of one message: an attribute has at most 64 KiB, and an element about 100 bytes. */
const ELEMENTS_PER_MESSAGE = 400;

function* entryMessages(verb: keyof typeof VERBS, set: FoundSet, entries: readonly Entry[]): Iterable<Uint8Array> {
  const { type, flags } = VERBS[verb];
  for (let at = 0; at < entries.length; at += ELEMENTS_PER_MESSAGE) {
    const elements = entries.slice(at, at + ELEMENTS_PER_MESSAGE).map(encodeEntry);
    yield message(type, flags, [...header(set), nested(NFTA_SET_ELEM_LIST_ELEMENTS, elements)]);
  }
}

/** The messages that take some entries of a set away and put others there. */
export function changeMessages(set: FoundSet, gone: readonly Entry[], come: readonly Entry[]): readonly Uint8Array[] {
  return [...entryMessages('delete', set, gone), ...entryMessages('add', set, come)];
}

/** The messages that make a set hold just these, which belong there; none where it does. Throws NetlinkError. */
export async function fillMessages(
  open: Pick<OpenSet, 'set' | 'family' | 'audience'>,
  wanted: readonly Entry[],
): Promise<readonly Uint8Array[]> {
  const there = await readEntries(open);
  const [isWanted, isThere] = [new Set(wanted.map(entryKey)), new Set(there.map(entryKey))];
  const gone = there.filter((one) => !isWanted.has(entryKey(one)));
  const come = wanted.filter((one) => !isThere.has(entryKey(one)));
  return changeMessages(open.set, gone, come);
}

/** The message that empties a set. */
export function flushMessage(set: FoundSet): Uint8Array {
  return message(VERBS.delete.type, VERBS.delete.flags, header(set));
}

function encodeEntry(entry: Entry): Uint8Array {
  const [first, last] = entryKeys(entry);
  const key = nested(NFTA_SET_ELEM_KEY, [attribute(NFTA_DATA_VALUE, first)]);
  const end = last && nested(NFTA_SET_ELEM_KEY_END, [attribute(NFTA_DATA_VALUE, last)]);
  return nested(NFTA_LIST_ELEM, end === undefined ? [key] : [key, end]);
}

function header({ family, table, name }: FoundSet): Uint8Array[] {
  return [
    Uint8Array.of(NUMBERS[family], 0, 0, 0),
    attribute(NFTA_SET_ELEM_LIST_TABLE, Buffer.from(`${table}\0`)),
    attribute(NFTA_SET_ELEM_LIST_SET, Buffer.from(`${name}\0`)),
  ];
}
