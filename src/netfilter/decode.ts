/**
 * Elements of sets as the kernel tells them over netlink: libnftables takes seconds to list what this reads in a tenth.
 * https://docs.kernel.org/networking/netlink_spec/nftables.html
 */
import { NFGENMSG, NFNL_SUBSYS_NFTABLES } from '../host/netlink.ts';
import { attribute, message, readAttributes } from '../host/netlink-message.ts';
import { ipFromBytes, printIP } from '../lib/ip.ts';
import type { Atom, Counter, CountingElement, Element, NamedSet, TableName, Verdict } from './model.ts';
import {
  type Field,
  fieldSize,
  keyFields,
  NFPROTO,
  NFTA_COUNTER_BYTES,
  NFTA_COUNTER_PACKETS,
  NFTA_DATA_VALUE,
  NFTA_DATA_VERDICT,
  NFTA_EXPR_DATA,
  NFTA_EXPR_NAME,
  NFTA_SET_ELEM_DATA,
  NFTA_SET_ELEM_EXPR,
  NFTA_SET_ELEM_KEY,
  NFTA_SET_ELEM_KEY_END,
  NFTA_SET_ELEM_LIST_ELEMENTS,
  NFTA_SET_ELEM_LIST_SET,
  NFTA_SET_ELEM_LIST_TABLE,
  NFTA_VERDICT_CHAIN,
  NFTA_VERDICT_CODE,
  PROTOCOL_NUMBERS,
  VERDICT_CODES,
  valueFields,
} from './set-fields.ts';

const NFT_MSG_GETSETELEM = (NFNL_SUBSYS_NFTABLES << 8) | 13;
const NLM_F_REQUEST_DUMP = 0x301;

/** The request for all elements of a set. */
export function encodeElementDump(table: TableName, set: string): Uint8Array {
  return message(NFT_MSG_GETSETELEM, NLM_F_REQUEST_DUMP, [
    Uint8Array.of(NFPROTO[table.family], 0, 0, 0),
    attribute(NFTA_SET_ELEM_LIST_TABLE, name(table.name)),
    attribute(NFTA_SET_ELEM_LIST_SET, name(set)),
  ]);
}

/** Reads elements of one set. Keeps the addresses it has seen: many elements share them. */
export class ElementDecoder {
  readonly #family: TableName['family'];
  readonly #key: readonly Field[];
  readonly #value: readonly Field[];
  readonly #interval: boolean;
  readonly #addresses = new Map<string, string>();

  constructor(table: TableName, set: NamedSet) {
    this.#family = table.family;
    this.#key = keyFields(set);
    this.#value = valueFields(set);
    this.#interval = set.interval === true;
  }

  /** The elements of a message's payload. What cannot be read is left out. */
  decode(payload: Uint8Array): Element[] {
    return this.#read(payload, (attributes) => this.#element(attributes));
  }

  /** The same of those that packets count in, with what they counted. */
  decodeCounters(payload: Uint8Array): CountingElement[] {
    return this.#read(payload, (attributes) => {
      const element = this.#element(attributes);
      const counter = counterOf(attributes.get(NFTA_SET_ELEM_EXPR));
      return element && counter && { ...element, counter };
    });
  }

  #read<T>(payload: Uint8Array, read: (attributes: ReadonlyMap<number, Uint8Array>) => T | undefined): T[] {
    const list = readAttributes(payload.subarray(NFGENMSG)).get(NFTA_SET_ELEM_LIST_ELEMENTS);
    const elements: T[] = [];
    for (const bytes of list === undefined ? [] : members(list)) {
      const element = read(readAttributes(bytes));
      if (element !== undefined) elements.push(element);
    }
    return elements;
  }

  #element(attributes: ReadonlyMap<number, Uint8Array>): Element | undefined {
    const first = dataOf(attributes.get(NFTA_SET_ELEM_KEY));
    const last = dataOf(attributes.get(NFTA_SET_ELEM_KEY_END));
    const key = first && this.#components(this.#key, first, this.#interval ? (last ?? first) : undefined);
    if (key === undefined) return undefined;
    const data = attributes.get(NFTA_SET_ELEM_DATA);
    if (data === undefined) return { key };
    const inner = readAttributes(data);
    const verdict = inner.get(NFTA_DATA_VERDICT);
    const bytes = inner.get(NFTA_DATA_VALUE);
    const value = verdict === undefined ? bytes && this.#components(this.#value, bytes) : verdictOf(verdict);
    return value === undefined ? undefined : { key, value };
  }

  /** Side by side, each component begins at a multiple of four bytes. With `last`, addresses are prefixes. */
  #components(fields: readonly Field[], bytes: Uint8Array, last?: Uint8Array): Atom[] | undefined {
    const atoms: Atom[] = [];
    let at = 0;
    for (const field of fields) {
      const size = fieldSize(field, this.#family);
      if (at + size > bytes.length) return undefined;
      const component = bytes.subarray(at, at + size);
      const atom = this.#atom(field, component);
      if (atom === undefined) return undefined;
      const isPrefix = last !== undefined && field === 'address';
      atoms.push(isPrefix ? prefixed(String(atom), component, last.subarray(at, at + size)) : atom);
      at += fields.length > 1 ? (size + 3) & ~3 : size;
    }
    return atoms;
  }

  #atom(field: Field, bytes: Uint8Array): Atom | undefined {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    switch (field) {
      case 'address':
        return this.#address(bytes);
      case 'ct_dir':
        return view.getUint8(0);
      case 'inet_proto':
        return PROTOCOL_NAMES.get(view.getUint8(0)) ?? view.getUint8(0);
      case 'inet_service':
        return view.getUint16(0);
      default:
        return view.getUint32(0, true); // Node.js 24 runs on little-endian machines.
    }
  }

  #address(bytes: Uint8Array): string | undefined {
    if (bytes.length === 4) return bytes.join('.');
    const raw = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
    const known = this.#addresses.get(raw);
    if (known !== undefined) return known;
    const ip = ipFromBytes(bytes);
    const text = ip && printIP(ip);
    if (text !== undefined) this.#addresses.set(raw, text);
    return text;
  }
}

const PROTOCOL_NAMES = new Map(Object.entries(PROTOCOL_NUMBERS).map(([text, number]) => [number, text]));
const VERDICTS = new Map(Object.entries(VERDICT_CODES).map(([kind, code]) => [code, kind as Verdict['kind']]));

const name = (text: string): Uint8Array => Buffer.from(`${text}\0`, 'latin1');

function dataOf(attribute: Uint8Array | undefined): Uint8Array | undefined {
  return attribute && readAttributes(attribute).get(NFTA_DATA_VALUE);
}

/** The counter among an element's expressions: there is one at most. */
function counterOf(expression: Uint8Array | undefined): Counter | undefined {
  if (expression === undefined) return undefined;
  const { name, data } = expressionOf(expression);
  if (name !== 'counter' || data === undefined) return undefined;
  const [packets, bytes] = [readBigUint(data.get(NFTA_COUNTER_PACKETS)), readBigUint(data.get(NFTA_COUNTER_BYTES))];
  return packets === undefined || bytes === undefined ? undefined : { packets, bytes };
}

function expressionOf(expression: Uint8Array) {
  const attributes = readAttributes(expression);
  const [name, data] = [attributes.get(NFTA_EXPR_NAME), attributes.get(NFTA_EXPR_DATA)];
  return { name: name && Buffer.from(name.subarray(0, -1)).toString('latin1'), data: data && readAttributes(data) };
}

/** 64 bits; above 2^53, which is 8 PiB, to the nearest number that there is. */
function readBigUint(bytes: Uint8Array | undefined): number | undefined {
  if (bytes === undefined || bytes.length < 8) return undefined;
  return Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0));
}

function verdictOf(bytes: Uint8Array): Verdict | undefined {
  const attributes = readAttributes(bytes);
  const code = attributes.get(NFTA_VERDICT_CODE);
  if (code === undefined || code.length < 4) return undefined;
  const kind = VERDICTS.get(new DataView(code.buffer, code.byteOffset).getInt32(0));
  const chain = attributes.get(NFTA_VERDICT_CHAIN);
  if (kind === undefined) return undefined;
  if (kind !== 'goto' && kind !== 'jump') return { kind };
  return chain && { kind, chain: Buffer.from(chain.subarray(0, -1)).toString('latin1') };
}

/** An address and the last one of its range, as a prefix; an address alone as it is. */
function prefixed(text: string, first: Uint8Array, last: Uint8Array): string {
  let bits = 0;
  for (const [i, byte] of first.entries()) {
    const differing = byte ^ (last[i] ?? 0);
    if (differing === 0) bits += 8;
    else return `${text}/${bits + Math.clz32(differing) - 24}`;
  }
  return text;
}

/** The values of a list of attributes. */
function* members(list: Uint8Array): Iterable<Uint8Array> {
  const view = new DataView(list.buffer, list.byteOffset, list.byteLength);
  for (let at = 0; at + 4 <= list.length; ) {
    const length = view.getUint16(at, true);
    if (length < 4 || at + length > list.length) return;
    yield list.subarray(at + 4, at + length);
    at += (length + 3) & ~3;
  }
}
