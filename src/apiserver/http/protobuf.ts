/**
 * Bodies in Kubernetes' protobuf encoding, as `kubectl create` sends them for the kinds it has commands of its own for:
 * decoded to what the same body would be in JSON. Answers are always JSON, which every client takes as well.
 * https://kubernetes.io/docs/reference/using-api/api-concepts/#protobuf-encoding and https://protobuf.dev/programming-guides/encoding/
 */
import { badRequest } from '../../api/status.ts';
import { EXACT, type Field, MESSAGES, type Message, UNKNOWN } from './protobuf-messages.ts';

export const PROTOBUF = 'application/vnd.kubernetes.protobuf';

/** The bytes before the message: `k8s` and a zero. */
const MAGIC = [0x6b, 0x38, 0x73, 0x00];
const MAX_DEPTH = 16;
/** Fields of one body: far more than any object has. */
const MAX_FIELDS = 100_000;

/** The object that a body holds. Throws an ApiError, 400, when it is not well formed or of a kind that is not known. */
export function decodeProtobuf(bytes: Uint8Array): unknown {
  if (MAGIC.some((byte, i) => bytes[i] !== byte)) throw malformed('it does not begin with k8s and a zero byte');
  const budget = { fields: MAX_FIELDS };
  const envelope = readMessage(UNKNOWN, bytes.subarray(MAGIC.length), MAX_DEPTH, budget);
  const { typeMeta, raw } = envelope as { typeMeta?: { apiVersion?: string; kind?: string }; raw?: Uint8Array };
  const { apiVersion = '', kind = '' } = typeMeta ?? {};
  const message = Object.hasOwn(MESSAGES, `${apiVersion}/${kind}`) ? MESSAGES[`${apiVersion}/${kind}`] : undefined;
  if (message === undefined) {
    throw badRequest(`${kind} of ${apiVersion} is not accepted as protobuf; send it as application/json`);
  }
  return { apiVersion, kind, ...readMessage(message, raw ?? new Uint8Array(), MAX_DEPTH, budget) };
}

interface Budget {
  fields: number;
}

type Wire = bigint | Uint8Array;
type ReadField = Exclude<Field, { readonly type: 'ignored' }>;

function readMessage(message: Message, bytes: Uint8Array, depth: number, budget: Budget): Record<string, unknown> {
  if (depth === 0) throw malformed('it is nested too deep');
  const result = new Map<string, unknown>();
  const lists = new Map<string, unknown[]>();
  for (const { number, value } of fieldsOf(bytes)) {
    if (--budget.fields < 0) throw malformed('it has too many fields');
    const field = message[number];
    if (field === undefined) {
      if (EXACT.has(message) && !isNothing(value)) throw unread(number);
      continue;
    }
    if (field.type === 'ignored') continue;
    const decoded = readValue(field, value, depth, budget);
    if (field.many !== undefined) lists.set(field.name, append(lists.get(field.name), decoded));
    else if (field.pointer || !isZero(decoded)) result.set(field.name, decoded);
  }
  for (const { name, many } of Object.values(message)) {
    const list = lists.get(name);
    if (list !== undefined) result.set(name, many === 'map' ? Object.fromEntries(list as [string, unknown][]) : list);
  }
  return Object.fromEntries(result);
}

/** Go writes what is not set as well; in JSON it is left out. */
function isZero(value: unknown): boolean {
  return value === '' || value === 0 || value === false;
}

/** What Go writes for a field that is not set. */
function isNothing(value: Wire): boolean {
  return value instanceof Uint8Array ? value.length === 0 : value === 0n;
}

function unread(number: number) {
  return badRequest(`field ${number} of the body is not read as protobuf; send it as application/json`);
}

function append(list: unknown[] | undefined, value: unknown): unknown[] {
  if (list === undefined) return [value];
  list.push(value);
  return list;
}

function readValue(field: ReadField, value: Wire, depth: number, budget: Budget): unknown {
  switch (field.type) {
    case 'string':
      return new TextDecoder().decode(asBytes(value));
    case 'bytes':
      return asBytes(value);
    case 'base64':
      return Buffer.from(asBytes(value)).toString('base64');
    case 'integer':
      return Number(BigInt.asIntN(64, asNumber(value)));
    case 'boolean':
      return asNumber(value) !== 0n;
    case 'message':
      return readMessage(field.message, asBytes(value), depth - 1, budget);
    case 'time':
      return readTime(asBytes(value), depth, budget);
    case 'int-or-string':
      return readIntOrString(asBytes(value), depth, budget);
    case 'entry': {
      const { key = '', value: text = '' } = readMessage(ENTRY, asBytes(value), depth - 1, budget);
      return [key, text];
    }
    case 'bytes-entry': {
      const { key = '', value: held } = readMessage(BYTES_ENTRY, asBytes(value), depth - 1, budget);
      return [key, held instanceof Uint8Array ? Buffer.from(held).toString('base64') : ''];
    }
  }
}

const ENTRY: Message = { 1: { name: 'key', type: 'string' }, 2: { name: 'value', type: 'string' } };
const BYTES_ENTRY: Message = { 1: { name: 'key', type: 'string' }, 2: { name: 'value', type: 'bytes' } };
const TIME: Message = { 1: { name: 'seconds', type: 'integer' } };
const INT_OR_STRING: Message = {
  1: { name: 'type', type: 'integer' },
  2: { name: 'number', type: 'integer' },
  3: { name: 'text', type: 'string' },
};

/** The zero time is written as an empty message, which says that there is none: null, as in JSON. */
function readTime(bytes: Uint8Array, depth: number, budget: Budget): string | null {
  const { seconds } = readMessage(TIME, bytes, depth - 1, budget);
  if (typeof seconds !== 'number' || Math.abs(seconds) > 1e11) return null;
  return `${new Date(seconds * 1000).toISOString().slice(0, 19)}Z`;
}

function readIntOrString(bytes: Uint8Array, depth: number, budget: Budget): unknown {
  const { type = 0, number = 0, text = '' } = readMessage(INT_OR_STRING, bytes, depth - 1, budget);
  return type === 1 ? text : number;
}

function* fieldsOf(bytes: Uint8Array): Generator<{ readonly number: number; readonly value: Wire }> {
  const reader = { bytes, at: 0 };
  while (reader.at < bytes.length) {
    const tag = Number(readVarint(reader));
    yield { number: Math.floor(tag / 8), value: readWire(reader, tag % 8) };
  }
}

interface Reader {
  readonly bytes: Uint8Array;
  at: number;
}

function readWire(reader: Reader, type: number): Wire {
  switch (type) {
    case 0:
      return readVarint(reader);
    case 1:
      return take(reader, 8);
    case 2:
      return take(reader, Number(readVarint(reader)));
    case 5:
      return take(reader, 4);
    default:
      throw malformed(`there is no wire type ${type}`);
  }
}

function readVarint(reader: Reader): bigint {
  let value = 0n;
  for (let shift = 0n; shift < 70n; shift += 7n) {
    const byte = take(reader, 1)[0] ?? 0;
    value |= BigInt(byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
  throw malformed('a number does not end');
}

function take(reader: Reader, count: number): Uint8Array {
  const end = reader.at + count;
  if (end > reader.bytes.length) throw malformed('it ends too early');
  const taken = reader.bytes.subarray(reader.at, end);
  reader.at = end;
  return taken;
}

function asBytes(value: Wire): Uint8Array {
  if (value instanceof Uint8Array) return value;
  throw malformed('a number stands where text or a message is due');
}

function asNumber(value: Wire): bigint {
  if (typeof value === 'bigint') return value;
  throw malformed('text or a message stands where a number is due');
}

function malformed(why: string) {
  return badRequest(`the body is not Kubernetes protobuf: ${why}`);
}
