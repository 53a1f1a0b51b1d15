/** Writing answers: whole ones, and streams that wait for the client and give up on one that does not read. */

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

/** Begins an answer that has no end yet. The client learns at once that it is being served, however long nothing happens. */
export function beginStream(response: ServerResponse, type: string): void {
  response.writeHead(200, { 'content-type': type, 'cache-control': 'no-cache, private' });
  response.flushHeaders();
}

/** Resolves when the client has taken what was sent, or is gone: one that takes nothing for long is as good as gone. */
export function drained(response: ServerResponse): Promise<void> {
  if (response.destroyed) return Promise.resolve();
  return new Promise((resolve) => {
    const stalled = setTimeout(() => response.destroy(), STALL_LIMIT);
    const done = () => {
      clearTimeout(stalled);
      response.off('drain', done);
      response.off('close', done);
      resolve();
    };
    response.once('drain', done);
    response.once('close', done);
  });
}
