/** How calls fail at servers, and what follows for making them again. */
import { ApiError } from '../api/status.ts';
import { whyUnreachable } from '../lib/errors.ts';
import { TransportError } from './client.ts';
import { NotConnectedError, StaleConnectionError } from './connection-errors.ts';
import type { Connections } from './connections.ts';

/** How a call failed at a server. */
export type Outcome =
  /** The server refused it: that is the answer. */
  | 'answered'
  /** It was not sent. */
  | 'not-connected'
  /** The server said that it cannot serve now, as its store does not: nothing was done. Others may have the same to say. */
  | 'unavailable'
  /** The server is ending, as it says before it looks at a request. */
  | 'ending'
  /** A kept connection had been closed. */
  | 'stale'
  /** It was sent, and what became of it is not known. */
  | 'unknown';

/** A call that failed at a server. */
export interface Failure {
  readonly connections: Connections;
  readonly error: unknown;
}

/** What is known of a call that failed with `error` on these connections. */
export function outcomeOf(error: unknown, { lost }: Connections): Outcome {
  if (error instanceof ApiError) {
    if (error.code !== 503) return 'answered';
    return error.reason === 'ServiceUnavailable' ? 'unavailable' : 'ending';
  }
  if (error instanceof NotConnectedError) return 'not-connected';
  if (error instanceof StaleConnectionError && lost === undefined) return 'stale';
  return 'unknown';
}

/** The error of a call that no server has answered: where it failed, and why. */
export function unreachable(
  { method, path }: { readonly method: string; readonly path: string },
  failures: readonly Failure[],
): TransportError {
  const where = failures.map(({ connections: { server }, error }) => {
    const { socketPath } = server.endpoint;
    const why = whyUnreachable(error instanceof NotConnectedError ? error.cause : error);
    return `${socketPath === undefined ? server.name : `${server.name} (through ${socketPath})`}: ${why}`;
  });
  const cause = failures.at(-1)?.error;
  return new TransportError(`${method} ${path}: cannot talk to the API server at ${where.join('; at ')}`, { cause });
}
