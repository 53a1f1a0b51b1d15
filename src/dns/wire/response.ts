/** Responses: writing ours, and reading what an upstream server answered. */
import { decode } from 'dns-packet';
import { ipBytes, parseIP } from '../../lib/ip.ts';
import { CLASS_IN, type Query, RCODE, type RecordData, type ResourceRecord, type Response, TYPE } from './message.ts';
import { canonicalName } from './name.ts';
import { encodeOpt, HEADER_SIZE } from './query.ts';
import { WireError } from './wire-error.ts';
import { Writer } from './writer.ts';

/** The largest UDP answer that we send or ask for: it crosses the internet unfragmented. DNS flag day 2020. */
export const UDP_SIZE = 1232;
export const TCP_SIZE = 65_535;

/** How large an answer over UDP may get: RFC 1035 section 2.3.4, RFC 6891 section 6.2.3. */
export function udpLimit(query: Pick<Query, 'edns'>): number {
  return Math.min(Math.max(query.edns?.udpSize ?? 512, 512), UDP_SIZE);
}

/**
 * Writes a response of at most `limit` octets. What does not fit is left out whole record by whole record; a missing
 * answer or authority sets TC, so that the client asks again over TCP (RFC 2181 section 9).
 */
export function encodeResponse(query: Query, response: Response, limit: number): Uint8Array {
  const opt = query.edns === undefined ? undefined : encodeOpt(ownEdns(query.edns), response.rcode);
  const writer = new Writer(limit - (opt?.length ?? 0));
  writer.raw(new Uint8Array(HEADER_SIZE));
  writer.raw(query.questionBytes);
  writer.remember(query.question.name, HEADER_SIZE);
  const answers = writeRecords(writer, response.answers);
  const authorities = answers.complete ? writeRecords(writer, response.authorities) : NOTHING;
  const truncated = !answers.complete || !authorities.complete;
  const additionals = truncated ? NOTHING : writeRecords(writer, response.additionals);
  writer.setUint16(0, query.id);
  writer.setUint16(2, responseFlags(query, response, truncated));
  writer.setUint16(4, 1);
  writer.setUint16(6, answers.count);
  writer.setUint16(8, authorities.count);
  writer.setUint16(10, additionals.count + (opt === undefined ? 0 : 1));
  return opt === undefined ? writer.finish() : concat(writer.finish(), opt);
}

/** The answer to a message whose question cannot be read: a header and nothing else. */
export function encodeBareError(id: number, opcode: number, rcode: number): Uint8Array {
  const bytes = new Uint8Array(HEADER_SIZE);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, id);
  view.setUint16(2, 0x8000 | (opcode << 11) | rcode);
  return bytes;
}

const NOTHING = { count: 0, complete: true } as const;

function ownEdns(edns: NonNullable<Query['edns']>) {
  return { udpSize: UDP_SIZE, version: 0, dnssecOk: edns.dnssecOk };
}

function responseFlags(query: Query, response: Response, truncated: boolean): number {
  return (
    0x8000 |
    (query.opcode << 11) |
    (response.authoritative ? 0x0400 : 0) |
    (truncated ? 0x0200 : 0) |
    (query.recursionDesired ? 0x0100 : 0) |
    (response.recursionAvailable ? 0x0080 : 0) |
    (query.checkingDisabled ? 0x0010 : 0) |
    (response.rcode & 0xf)
  );
}

function writeRecords(writer: Writer, records: readonly ResourceRecord[]): { count: number; complete: boolean } {
  let count = 0;
  for (const record of records) {
    if (!writer.attempt(() => writeRecord(writer, record))) return { count, complete: false };
    count++;
  }
  return { count, complete: true };
}

function writeRecord(writer: Writer, { name, ttl, data }: ResourceRecord): void {
  writer.name(name);
  writer.uint16(TYPE[data.type]);
  writer.uint16(CLASS_IN);
  writer.uint32(ttl);
  writer.measured(() => writeData(writer, data));
}

function writeData(writer: Writer, data: RecordData): void {
  switch (data.type) {
    case 'A':
    case 'AAAA':
      writer.raw(ipBytes(data.address));
      return;
    case 'CNAME':
    case 'PTR':
    case 'NS':
      writer.name(data.target);
      return;
    case 'SRV':
      for (const value of [data.priority, data.weight, data.port]) writer.uint16(value);
      writer.name(data.target, { compress: false });
      return;
    case 'TXT':
      writer.characterString(data.text);
      return;
    case 'HINFO':
      writer.characterString(data.cpu);
      writer.characterString(data.os);
      return;
    case 'SOA':
      writer.name(data.mname);
      writer.name(data.rname);
      for (const value of [data.serial, data.refresh, data.retry, data.expire, data.minimum]) writer.uint32(value);
  }
}

function concat(a: Uint8Array, b: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(a.length + b.length);
  bytes.set(a);
  bytes.set(b, a.length);
  return bytes;
}

/** An upstream server's answer, as far as it is needed to complete a CNAME of ours. */
export interface UpstreamAnswer {
  readonly rcode: number;
  readonly answers: readonly ResourceRecord[];
}

/** Reads the addresses and aliases of a response. Throws {@link WireError} when it is not a DNS message. */
export function decodeUpstreamAnswer(bytes: Uint8Array): UpstreamAnswer {
  try {
    const packet = decode(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
    const answers: ResourceRecord[] = [];
    for (const record of packet.answers ?? []) {
      const data = upstreamData(record);
      if (data === undefined || !('ttl' in record)) continue;
      answers.push({ name: canonicalName(record.name), ttl: record.ttl ?? 0, data });
    }
    return { rcode: (bytes[3] ?? RCODE.SERVFAIL) & 0xf, answers };
  } catch (cause) {
    throw new WireError('not a DNS response', { cause });
  }
}

function upstreamData(record: { readonly type: string; readonly data?: unknown }): RecordData | undefined {
  if (typeof record.data !== 'string') return undefined;
  if (record.type === 'CNAME') return { type: 'CNAME', target: canonicalName(record.data) };
  const address = parseIP(record.data);
  if (record.type === 'A' && address?.family === 'IPv4') return { type: 'A', address };
  if (record.type === 'AAAA' && address?.family === 'IPv6') return { type: 'AAAA', address };
  return undefined;
}
