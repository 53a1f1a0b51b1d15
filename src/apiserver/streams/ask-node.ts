/** A request to a node's agent, on a connection that the agent has opened: HTTP/1.1, one request to a connection. */
import { request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { ApiError, failure, type Status } from '../../api/status.ts';
import { isMapping } from '../../api/value.ts';
import { seconds } from '../../lib/duration.ts';
import { messageOf } from '../../lib/errors.ts';

/** How long an agent may take to begin its answer. A container's runtime has to start what is to be run. */
const ANSWER_LIMIT = seconds(30);
/** Longest text of an error that is read. */
const ERROR_LIMIT = 64 * 1024;

/** What is asked of an agent. */
export interface NodeRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  /** Ends the request, and with it the connection. */
  readonly signal: AbortSignal;
}

/** What it answers with, once it serves the request. */
export type NodeAnswer =
  | { readonly kind: 'body'; readonly response: IncomingMessage }
  /** The agent speaks another protocol now. */
  | { readonly kind: 'upgraded'; readonly headers: IncomingHttpHeaders; readonly socket: Duplex };

/** The agent's answer. Throws what it refused with, as an ApiError; 502 and 504 when it did not answer as it should. */
export async function askNode(connection: Duplex, ask: NodeRequest): Promise<NodeAnswer> {
  const answer = await send(connection, ask).catch((cause: unknown) => {
    connection.destroy();
    throw noAnswer(cause);
  });
  if (answer.kind === 'upgraded' || answer.response.statusCode === 200) return answer;
  const text = await readText(answer.response).finally(() => connection.destroy());
  throw refusal(answer.response.statusCode ?? 502, text);
}

function send(connection: Duplex, { method, path, headers, signal }: NodeRequest): Promise<NodeAnswer> {
  return new Promise((resolve, reject) => {
    const request = httpRequest({
      createConnection: () => connection,
      ...{ method, path, signal },
      // The name stands for whoever is at the other end of the connection.
      headers: { host: 'node', ...headers } as Record<string, string>,
    });
    request.once('error', reject);
    request.setTimeout(ANSWER_LIMIT, () => request.destroy(new Error(`no answer within ${ANSWER_LIMIT / 1000} s`)));
    request.once('response', (response) => {
      request.setTimeout(0);
      resolve({ kind: 'body', response });
    });
    request.once('upgrade', ({ headers: answered }, socket, head) => {
      request.setTimeout(0);
      if (head.length > 0) socket.unshift(head);
      resolve({ kind: 'upgraded', headers: answered, socket });
    });
    request.end();
  });
}

async function readText(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    size += chunk.length;
    if (size > ERROR_LIMIT) break;
  }
  return Buffer.concat(chunks).toString('utf8', 0, ERROR_LIMIT);
}

function refusal(code: number, text: string): ApiError {
  const status = parse(text);
  if (isMapping(status) && status['kind'] === 'Status') return new ApiError(status as unknown as Status);
  return failure(502, 'InternalError', `the node answered ${code}: ${text.slice(0, 200)}`);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function noAnswer(cause: unknown): ApiError {
  const why = messageOf(cause);
  return failure(502, 'InternalError', `the node's agent did not answer: ${why}`);
}
