/** Request bodies: bounded, and JSON or YAML. */
import type { IncomingMessage } from 'node:http';
import type { Http2ServerRequest } from 'node:http2';
import { pipeline, type Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { ApiError, badRequest, failure } from '../../api/status.ts';
import { duplicateKeys } from './duplicate-keys.ts';
import { isHTTP2 } from './http2.ts';
import { decodeProtobuf, PROTOBUF } from './protobuf.ts';
import type { YAMLReader } from './yaml-reader.ts';

/** As Kubernetes' limit, for what is sent and for what it unpacks to. */
export const BODY_LIMIT = 3 * 1024 * 1024;

const NOTHING = new Uint8Array();

/** A body as it came, with its media type in lower case and without parameters. */
export interface Body {
  readonly type: string;
  readonly bytes: Uint8Array;
  /** What it holds, when that was found out already because it takes long. */
  readonly parsed?: Parsed;
}

/**
 * Reads a request's body. Throws an ApiError: 400 for YAML that is not well formed, 413 when it is too large, 415 for an
 * encoding that is not known.
 */
export async function readBody(request: IncomingMessage, yaml: YAMLReader): Promise<Body> {
  const body = await receive(request);
  return YAML_TYPES.has(body.type) ? { ...body, parsed: await parseYAML(textOf(body), yaml) } : body;
}

async function receive(request: IncomingMessage): Promise<Body> {
  const type = (request.headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
  if (Number(request.headers['content-length'] ?? 0) > BODY_LIMIT) throw tooLarge();
  if (isEmpty(request)) return { type, bytes: NOTHING };
  const chunks = await chunksIn(request);
  return { type, bytes: chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks) };
}

/** By events: a loop over the stream costs each request several times as much. One that is too large, and did not say so, is cut off. */
function chunksOf(stream: Readable): Promise<readonly Uint8Array[]> {
  return new Promise((resolve, reject) => {
    const chunks: Uint8Array[] = [];
    let size = 0;
    const take = (chunk: Uint8Array): void => {
      size += chunk.byteLength;
      if (size <= BODY_LIMIT) {
        chunks.push(chunk);
        return;
      }
      stream.off('data', take).destroy();
      reject(tooLarge());
    };
    const gone = () => reject(new Error('the client went away before its request was whole'));
    stream.on('data', take);
    stream.once('end', () => {
      stream.off('close', gone);
      resolve(chunks);
    });
    stream.once('error', reject);
    stream.once('close', gone);
  });
}

/** Whether no body follows: RFC 9112 section 6.3; in HTTP/2 a stream that ends with its header fields (RFC 9113 section 8.1). */
function isEmpty(request: IncomingMessage): boolean {
  const { headers } = request;
  if (headers['content-length'] !== undefined) return false;
  if (isHTTP2(request)) return (request as unknown as Http2ServerRequest).stream.endAfterHeaders;
  return headers['transfer-encoding'] === undefined;
}

function chunksIn(request: IncomingMessage): Promise<readonly Uint8Array[]> {
  const encoding = request.headers['content-encoding'] ?? 'identity';
  if (encoding === 'identity') return chunksOf(request);
  if (encoding === 'gzip') return unpacked(request);
  throw unsupported(`Content-Encoding ${encoding} is not supported; use gzip or none`);
}

async function unpacked(request: IncomingMessage): Promise<readonly Uint8Array[]> {
  // Errors are those of the chunks; the callback keeps them from being thrown.
  const stream = pipeline(request, createGunzip(), () => {});
  try {
    return await chunksOf(stream);
  } catch (cause) {
    throw cause instanceof ApiError ? cause : badRequest(`the body cannot be unpacked: ${(cause as Error).message}`);
  } finally {
    stream.destroy();
  }
}

const YAML_TYPES = new Set(['application/yaml', 'application/apply-patch+yaml', 'text/yaml', 'application/x-yaml']);

/** A body that was read. */
export interface Parsed {
  readonly value: unknown;
  /** What stands twice, as errors and warnings name it; looked for only when somebody asks. */
  duplicates(): readonly string[];
}

/** What a body holds. Throws an ApiError: 400 when it is not well formed, 415 for types that are not known. */
export function parseBody(body: Body): Parsed {
  if (body.parsed !== undefined) return body.parsed;
  if (body.type === PROTOBUF) return { value: decodeProtobuf(body.bytes), duplicates: () => [] };
  if (body.type !== '' && body.type !== 'application/json' && !body.type.endsWith('+json')) {
    throw unsupported(
      `the body of the request was in an unknown format (${body.type}); accepted are application/json and application/yaml`,
    );
  }
  try {
    return parseJSON(textOf(body));
  } catch (error) {
    throw badRequest(`the body is not JSON: ${(error as Error).message}`);
  }
}

function parseJSON(text: string): Parsed {
  const value: unknown = JSON.parse(text);
  return { value, duplicates: () => duplicateKeys(text).map((path) => `duplicate field ${JSON.stringify(path)}`) };
}

async function parseYAML(text: string, reader: YAMLReader): Promise<Parsed> {
  // JSON is YAML, and the common case: kubectl apply --server-side sends it under the YAML type.
  if (text.trimStart().startsWith('{')) {
    try {
      return parseJSON(text);
    } catch {
      // A YAML flow mapping, then; the YAML parser says what is wrong if it is not.
    }
  }
  const { value, duplicates } = await reader.read(text);
  return { value, duplicates: () => duplicates };
}

function textOf({ bytes: { buffer, byteOffset, byteLength } }: Body): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString('utf8');
}

function tooLarge() {
  return failure(413, 'RequestEntityTooLarge', `Request entity too large: limit is ${BODY_LIMIT}`);
}

function unsupported(message: string) {
  return failure(415, 'UnsupportedMediaType', message);
}
