/**
 * Elements as netlink messages that add them, for bulk: libnftables takes ten times as long to read the same from a
 * script. https://docs.kernel.org/networking/netlink_spec/nftables.html; numbers are linux/netfilter/nf_tables.h's.
 */
import { ipBytes, mustParseIP } from '../lib/ip.ts';
import {
  type Atom,
  type DataType,
  type Element,
  type Expression,
  isVerdict,
  type KeyType,
  type NamedSet,
  type TableName,
  type Verdict,
} from './model.ts';

const NFT_MSG_NEWSETELEM = (10 << 8) | 12;
const NLM_F_REQUEST_CREATE = 0x401;
const NLA_F_NESTED = 0x8000;
const NFTA_SET_ELEM_LIST_TABLE = 1;
const NFTA_SET_ELEM_LIST_SET = 2;
const NFTA_SET_ELEM_LIST_ELEMENTS = 3;
const NFTA_LIST_ELEM = 1;
const NFTA_SET_ELEM_KEY = 1;
const NFTA_SET_ELEM_DATA = 2;
const NFTA_DATA_VALUE = 1;
const NFTA_DATA_VERDICT = 2;
const NFTA_VERDICT_CODE = 1;
const NFTA_VERDICT_CHAIN = 2;

const FAMILIES = { ip: 2, ip6: 10 } as const;
const PROTOCOLS: Readonly<Record<string, number>> = { tcp: 6, udp: 17, sctp: 132 };
/** linux/netfilter.h and nf_tables.h. */
const VERDICTS: Readonly<Record<Verdict['kind'], number>> = { drop: 0, accept: 1, jump: -3, goto: -4, return: -5 };

/** An attribute's length has 16 bits, those of a message's elements are one attribute, and an element needs under 2 KiB. */
const FULL = 62 * 1024;
const CAPACITY = 64 * 1024;

/** What a component is on the wire; `number`: 32 bits in the machine's own byte order. */
type Field = DataType | 'number';

/** Whether {@link ElementEncoder} can write a set's elements. */
export const isEncodable = (set: NamedSet): boolean => set.interval === undefined;

/** Writes messages that add elements to one set. Keeps the addresses it has seen: many elements share them. */
export class ElementEncoder {
  readonly #table: TableName;
  readonly #set: string;
  readonly #key: readonly Field[];
  readonly #value: readonly Field[];
  readonly #addresses: Map<string, Uint8Array>;
  readonly #bytes = new Uint8Array(CAPACITY);
  readonly #view = new DataView(this.#bytes.buffer);
  #at = 0;

  constructor(table: TableName, set: NamedSet, addresses: Map<string, Uint8Array>) {
    this.#table = table;
    this.#set = set.name;
    this.#key = fields(set.key);
    this.#value = set.value === undefined || set.value === 'verdict' ? [] : fields(set.value);
    this.#addresses = addresses;
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
    this.#view.setUint16(4, NFT_MSG_NEWSETELEM, true);
    this.#view.setUint16(6, NLM_F_REQUEST_CREATE, true);
    this.#bytes[16] = FAMILIES[this.#table.family];
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
    if (value !== undefined) {
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
    this.#view.setInt32(this.#at, VERDICTS[verdict.kind]);
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
    } else if (type === 'inet_proto') {
      this.#bytes[this.#at++] = PROTOCOLS[atom] ?? Number(atom);
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

function fields(type: KeyType): readonly Field[] {
  return type.kind === 'types' ? type.types : type.expressions.map(fieldOf);
}

function fieldOf({ kind }: Expression): Field {
  switch (kind) {
    case 'saddr':
    case 'daddr':
    case 'original-daddr':
      return 'address';
    case 'l4proto':
      return 'inet_proto';
    case 'dport':
    case 'original-dport':
      return 'inet_service';
    case 'random':
      return 'number';
  }
}
