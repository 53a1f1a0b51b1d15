/** Writing answers: whole ones, and streams that wait for the client and give up on one that does not read. */

import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { seconds } from '../../lib/duration.ts';

/** A client that has not taken what was sent for this long is cut off. */
const STALL_LIMIT = seconds(60);

export interface Reply {
  readonly code: number;
  readonly type: string;
  readonly text: string | Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Sends a whole answer. */
export function send(response: ServerResponse, { code, type, text, headers = {} }: Reply): void {
  if (response.headersSent || response.destroyed) return;
  response.writeHead(code, {
    'content-type': type,
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-cache, private',
    ...headers,
  });
  // Text goes out in one piece with the head, which bytes would not.
  response.end(response.req.method === 'HEAD' ? undefined : text);
}

/** Sends texts as they come. Returns when they end or the client is gone; `signal` is aborted in the latter case. */
export async function stream(
  response: ServerResponse,
  texts: AsyncIterable<string>,
  { type, signal }: { readonly type: string; readonly signal: AbortSignal },
): Promise<void> {
  response.writeHead(200, { 'content-type': type, 'cache-control': 'no-cache, private' });
  // The client learns at once that it is being served, however long nothing happens.
  response.flushHeaders();
  for await (const text of texts) {
    if (signal.aborted || response.destroyed) break;
    if (!response.write(text)) await drained(response, signal);
  }
  response.end();
}

async function drained(response: ServerResponse, signal: AbortSignal): Promise<void> {
  const stalled = AbortSignal.timeout(STALL_LIMIT);
  try {
    await once(response, 'drain', { signal: AbortSignal.any([signal, stalled]) });
  } catch {
    // Gone, or as good as gone: what is still to be sent has nowhere to go.
    response.destroy();
  }
}
