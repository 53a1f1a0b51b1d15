/** What the components of a set's keys and values are on the wire. Numbers are linux/netfilter/nf_tables.h's. */
import type { DataType, Expression, KeyType, NamedSet, Verdict } from './model.ts';

/** `number`: 32 bits in the machine's own byte order. */
export type Field = DataType | 'number';

/** Address families, as `struct nfgenmsg` has them. */
export const NFPROTO = { ip: 2, ip6: 10 } as const;

export const PROTOCOL_NUMBERS: Readonly<Record<string, number>> = { tcp: 6, udp: 17, sctp: 132 };

/** linux/netfilter.h and nf_tables.h. */
export const VERDICT_CODES: Readonly<Record<Verdict['kind'], number>> = {
  drop: 0,
  accept: 1,
  jump: -3,
  goto: -4,
  return: -5,
};

/** Attributes of messages about elements. */
export const NFTA_SET_ELEM_LIST_TABLE = 1;
export const NFTA_SET_ELEM_LIST_SET = 2;
export const NFTA_SET_ELEM_LIST_ELEMENTS = 3;
export const NFTA_LIST_ELEM = 1;
export const NFTA_SET_ELEM_KEY = 1;
export const NFTA_SET_ELEM_DATA = 2;
export const NFTA_SET_ELEM_KEY_END = 10;
export const NFTA_SET_ELEM_EXPR = 7;
export const NFTA_EXPR_NAME = 1;
export const NFTA_EXPR_DATA = 2;
export const NFTA_COUNTER_BYTES = 1;
export const NFTA_COUNTER_PACKETS = 2;
export const NFTA_DATA_VALUE = 1;
export const NFTA_DATA_VERDICT = 2;
export const NFTA_VERDICT_CODE = 1;
export const NFTA_VERDICT_CHAIN = 2;

/** Bytes of a component. */
export function fieldSize(field: Field, family: keyof typeof NFPROTO): number {
  if (field === 'address') return family === 'ip' ? 4 : 16;
  return field === 'inet_proto' || field === 'ct_dir' ? 1 : field === 'inet_service' ? 2 : 4;
}

export function keyFields(set: NamedSet): readonly Field[] {
  return fields(set.key);
}

/** Of a map to values; none for a set and for a map to verdicts. */
export function valueFields(set: NamedSet): readonly Field[] {
  return set.value === undefined || set.value === 'verdict' ? [] : fields(set.value);
}

function fields(type: KeyType): readonly Field[] {
  return type.kind === 'types' ? type.types : type.expressions.map(fieldOf);
}

function fieldOf({ kind }: Expression): Field {
  switch (kind) {
    case 'saddr':
    case 'daddr':
    case 'original-daddr':
    case 'reply-saddr':
      return 'address';
    case 'l4proto':
      return 'inet_proto';
    case 'dport':
    case 'original-dport':
    case 'reply-sport':
      return 'inet_service';
    case 'direction':
      return 'ct_dir';
    default:
      return 'number';
  }
}
