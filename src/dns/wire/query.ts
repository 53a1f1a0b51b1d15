/** Queries: reading what clients send, and writing what we ask an upstream server. */

import { type Edns, type Query, type Question, TYPE } from './message.ts';
import { decodeName } from './name.ts';
import { WireError } from './wire-error.ts';

export const HEADER_SIZE = 12;
/** A query is one question and perhaps a few additional records. More than this is not a query. */
const ADDITIONAL_LIMIT = 8;

/** The start of a message, which even an unreadable query has: enough to answer FORMERR. */
export interface Header {
  readonly id: number;
  readonly isResponse: boolean;
  readonly opcode: number;
  readonly rcode: number;
  readonly truncated: boolean;
  readonly recursionDesired: boolean;
  readonly checkingDisabled: boolean;
  readonly questions: number;
  readonly answers: number;
  readonly authorities: number;
  readonly additionals: number;
}

/** Throws {@link WireError} when there are not even 12 octets. */
export function decodeHeader(bytes: Uint8Array): Header {
  if (bytes.length < HEADER_SIZE) throw new WireError('shorter than a DNS header');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const flags = view.getUint16(2);
  return {
    id: view.getUint16(0),
    isResponse: (flags & 0x8000) !== 0,
    opcode: (flags >> 11) & 0xf,
    rcode: flags & 0xf,
    truncated: (flags & 0x0200) !== 0,
    recursionDesired: (flags & 0x0100) !== 0,
    checkingDisabled: (flags & 0x0010) !== 0,
    questions: view.getUint16(4),
    answers: view.getUint16(6),
    authorities: view.getUint16(8),
    additionals: view.getUint16(10),
  };
}

/** Reads the one question of a message. */
export function decodeQuestion(bytes: Uint8Array): { readonly question: Question; readonly end: number } {
  const { name, end } = decodeName(bytes, HEADER_SIZE);
  if (end + 4 > bytes.length) throw new WireError('the question is cut off');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return { question: { name, type: view.getUint16(end), class: view.getUint16(end + 2) }, end: end + 4 };
}

/** Reads a query. Throws {@link WireError} for anything that is not one question and its OPT record. */
export function decodeQuery(bytes: Uint8Array): Query {
  const header = decodeHeader(bytes);
  if (header.questions !== 1) throw new WireError(`${header.questions} questions instead of one`);
  if (header.answers > 0 || header.authorities > 0) throw new WireError('a query holds no answers');
  if (header.additionals > ADDITIONAL_LIMIT) throw new WireError('too many additional records');
  const { question, end } = decodeQuestion(bytes);
  return {
    id: header.id,
    opcode: header.opcode,
    recursionDesired: header.recursionDesired,
    checkingDisabled: header.checkingDisabled,
    question,
    questionBytes: bytes.slice(HEADER_SIZE, end),
    edns: decodeEdns(bytes, end, header.additionals),
  };
}

/** The OPT record among the additional records: RFC 6891 section 6.1. Two of them are an error. */
function decodeEdns(bytes: Uint8Array, start: number, count: number): Edns | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let edns: Edns | undefined;
  let at = start;
  for (let i = 0; i < count; i++) {
    const { name, end } = decodeName(bytes, at);
    if (end + 10 > bytes.length) throw new WireError('an additional record is cut off');
    const length = view.getUint16(end + 8);
    if (end + 10 + length > bytes.length) throw new WireError('an additional record is cut off');
    if (view.getUint16(end) === TYPE.OPT) {
      if (edns !== undefined || name !== '') throw new WireError('more than one OPT record, or one with a name');
      edns = {
        udpSize: view.getUint16(end + 2),
        version: view.getUint8(end + 5),
        dnssecOk: (view.getUint8(end + 6) & 0x80) !== 0,
      };
    }
    at = end + 10 + length;
  }
  return edns;
}

/** What {@link encodeQuery} needs of a query: a client's own, or one made up. */
export interface Outgoing {
  readonly questionBytes: Uint8Array;
  readonly recursionDesired: boolean;
  readonly checkingDisabled: boolean;
  readonly edns: Edns | undefined;
}

/** A fresh query: nothing of the client's but its question and what its OPT record says of sizes and DNSSEC. */
export function encodeQuery(id: number, query: Outgoing): Uint8Array {
  const opt = query.edns === undefined ? [] : encodeOpt({ ...query.edns, version: 0 }, 0);
  const bytes = new Uint8Array(HEADER_SIZE + query.questionBytes.length + opt.length);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, id);
  view.setUint16(2, (query.recursionDesired ? 0x0100 : 0) | (query.checkingDisabled ? 0x0010 : 0));
  view.setUint16(4, 1);
  view.setUint16(10, opt.length > 0 ? 1 : 0);
  bytes.set(query.questionBytes, HEADER_SIZE);
  bytes.set(opt, HEADER_SIZE + query.questionBytes.length);
  return bytes;
}

/** An OPT record without options. `rcode` gives its upper eight bits. */
export function encodeOpt(edns: Edns, rcode: number): Uint8Array {
  const bytes = new Uint8Array(11);
  const view = new DataView(bytes.buffer);
  view.setUint16(1, TYPE.OPT);
  view.setUint16(3, edns.udpSize);
  view.setUint8(5, rcode >> 4);
  view.setUint8(6, edns.version);
  view.setUint16(7, edns.dnssecOk ? 0x8000 : 0);
  return bytes;
}
