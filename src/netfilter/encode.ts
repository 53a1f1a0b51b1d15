/**
 * Elements as netlink messages that add or delete them: libnftables takes ten times as long to read the same from a
 * script. https://docs.kernel.org/networking/netlink_spec/nftables.html; numbers are linux/netfilter/nf_tables.h's.
 */
import { ipBytes, mustParseIP } from '../lib/ip.ts';
import { type Atom, type Element, isVerdict, type NamedSet, type TableName, type Verdict } from './model.ts';
import {
  type Field,
  keyFields,
  NFPROTO,
  NFTA_DATA_VALUE,
  NFTA_DATA_VERDICT,
  NFTA_LIST_ELEM,
  NFTA_SET_ELEM_DATA,
  NFTA_SET_ELEM_KEY,
  NFTA_SET_ELEM_LIST_ELEMENTS,
  NFTA_SET_ELEM_LIST_SET,
  NFTA_SET_ELEM_LIST_TABLE,
  NFTA_VERDICT_CHAIN,
  NFTA_VERDICT_CODE,
  PROTOCOL_NUMBERS,
  VERDICT_CODES,
  valueFields,
} from './set-fields.ts';

/** Type and flags of the messages. https://docs.kernel.org/networking/netlink_spec/nftables.html */
const VERBS = {
  /** NFT_MSG_NEWSETELEM; NLM_F_REQUEST and NLM_F_CREATE. */
  add: { type: (10 << 8) | 12, flags: 0x401 },
  /** NFT_MSG_DELSETELEM; NLM_F_REQUEST. */
  delete: { type: (10 << 8) | 14, flags: 0x1 },
} as const;
const NLA_F_NESTED = 0x8000;

/** An attribute's length has 16 bits, those of a message's elements are one attribute, and an element needs under 2 KiB. */
const FULL = 62 * 1024;
const CAPACITY = 64 * 1024;

/** Whether {@link ElementEncoder} can write a set's elements. */
export const isEncodable = (set: NamedSet): boolean => set.interval === undefined;

/** What encoders share, of which one writes at a time: where they write, and the addresses they have seen. */
export class EncoderMemory {
  readonly bytes = new Uint8Array(CAPACITY);
  /** Many elements share them. */
  readonly addresses = new Map<string, Uint8Array>();
}

/** Writes messages that add elements to one set, or delete them. */
export class ElementEncoder {
  readonly #table: TableName;
  readonly #set: string;
  readonly #verb: keyof typeof VERBS;
  readonly #key: readonly Field[];
  readonly #value: readonly Field[];
  readonly #addresses: Map<string, Uint8Array>;
  readonly #bytes: Uint8Array<ArrayBuffer>;
  readonly #view: DataView;
  #at = 0;

  constructor(table: TableName, set: NamedSet, { bytes, addresses }: EncoderMemory, verb: keyof typeof VERBS = 'add') {
    this.#table = table;
    this.#set = set.name;
    this.#verb = verb;
    this.#key = keyFields(set);
    this.#value = valueFields(set);
    this.#addresses = addresses;
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer);
  }

  /** As few messages as the elements fit in. */
  *encode(elements: Iterable<Element>): Iterable<Uint8Array> {
    let list = this.#begin();
    for (const element of elements) {
      this.#element(element);
      if (this.#at < FULL) continue;
      yield this.#end(list);
      list = this.#begin();
    }
    if (this.#at > list + 4) yield this.#end(list);
  }

  /** Returns where the list of elements begins. */
  #begin(): number {
    this.#bytes.fill(0, 0, 20);
    const { type, flags } = VERBS[this.#verb];
    this.#view.setUint16(4, type, true);
    this.#view.setUint16(6, flags, true);
    this.#bytes[16] = NFPROTO[this.#table.family];
    this.#at = 20;
    this.#text(NFTA_SET_ELEM_LIST_TABLE, this.#table.name);
    this.#text(NFTA_SET_ELEM_LIST_SET, this.#set);
    return this.#open(NFTA_SET_ELEM_LIST_ELEMENTS | NLA_F_NESTED);
  }

  #end(list: number): Uint8Array {
    this.#close(list);
    this.#view.setUint32(0, this.#at, true);
    return this.#bytes.slice(0, this.#at);
  }

  #element({ key, value }: Element): void {
    const element = this.#open(NFTA_LIST_ELEM | NLA_F_NESTED);
    const keyData = this.#open(NFTA_SET_ELEM_KEY | NLA_F_NESTED);
    this.#components(this.#key, key);
    this.#close(keyData);
    // A key alone names an element.
    if (value !== undefined && this.#verb === 'add') {
      const data = this.#open(NFTA_SET_ELEM_DATA | NLA_F_NESTED);
      if (isVerdict(value)) this.#verdict(value);
      else this.#components(this.#value, value);
      this.#close(data);
    }
    this.#close(element);
  }

  #verdict(verdict: Verdict): void {
    const outer = this.#open(NFTA_DATA_VERDICT | NLA_F_NESTED);
    const code = this.#open(NFTA_VERDICT_CODE);
    this.#view.setInt32(this.#at, VERDICT_CODES[verdict.kind]);
    this.#at += 4;
    this.#close(code);
    if ('chain' in verdict) this.#text(NFTA_VERDICT_CHAIN, verdict.chain);
    this.#close(outer);
  }

  /** Side by side, each component begins at a multiple of four bytes. */
  #components(types: readonly Field[], atoms: readonly Atom[]): void {
    const value = this.#open(NFTA_DATA_VALUE);
    for (const [i, type] of types.entries()) {
      this.#component(type, atoms[i] ?? '');
      if (types.length > 1) this.#pad();
    }
    this.#close(value);
  }

  #component(type: Field, atom: Atom): void {
    if (type === 'address') {
      const address = this.#address(String(atom));
      this.#bytes.set(address, this.#at);
      this.#at += address.length;
    } else if (type === 'ct_dir') {
      this.#bytes[this.#at++] = Number(atom);
    } else if (type === 'inet_proto') {
      this.#bytes[this.#at++] = PROTOCOL_NUMBERS[atom] ?? Number(atom);
    } else if (type === 'inet_service') {
      this.#view.setUint16(this.#at, Number(atom));
      this.#at += 2;
    } else {
      this.#view.setUint32(this.#at, Number(atom), true); // Node.js 24 runs on little-endian machines.
      this.#at += 4;
    }
  }

  #address(text: string): Uint8Array {
    const known = this.#addresses.get(text);
    if (known !== undefined) return known;
    const bytes = ipBytes(mustParseIP(text));
    this.#addresses.set(text, bytes);
    return bytes;
  }

  #text(type: number, text: string): void {
    const attribute = this.#open(type);
    this.#at += Buffer.from(this.#bytes.buffer).write(text, this.#at, 'latin1');
    this.#bytes[this.#at++] = 0;
    this.#close(attribute);
  }

  /** Begins an attribute; returns where. */
  #open(type: number): number {
    const start = this.#at;
    this.#view.setUint16(start + 2, type, true);
    this.#at += 4;
    return start;
  }

  #close(start: number): void {
    this.#view.setUint16(start, this.#at - start, true);
    this.#pad();
  }

  #pad(): void {
    while (this.#at % 4 !== 0) this.#bytes[this.#at++] = 0;
  }
}
