/** What the handler of requests asks of the limits. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { ApiError } from '../../../api/status.ts';
import { seconds } from '../../../lib/duration.ts';
import type { Authenticate } from '../../auth/authenticate.ts';
import { ANONYMOUS, type User } from '../../auth/user.ts';
import type { Place } from './flow-control.ts';
import type { Limits } from './limits.ts';
import { sourceOf } from './source.ts';

/**
 * A list that was made takes memory until it is sent, and its place with it: for so long at most, as those who read slowly are not to keep others
 * from theirs.
 */
const SENDING_LIMIT = seconds(1);

/** Who a request is from. Wrong tokens are looked at only so often: throws an ApiError, 401 or 429. */
export async function authenticated(
  { authenticate, limits }: { readonly authenticate: Authenticate; readonly limits: Limits },
  request: IncomingMessage,
): Promise<User> {
  const { socket } = request;
  const hasToken = request.headers.authorization !== undefined;
  // Looked at now: a connection of HTTP/2 that has ended tells nothing any more.
  const newcomer = limits.connections.newcomer(socket);
  const source = hasToken ? sourceOf(socket) : undefined;
  limits.failedTokens.check(source);
  try {
    const user = await authenticate(request);
    if (newcomer !== undefined && user !== ANONYMOUS) limits.connections.shown(socket, newcomer);
    return user;
  } catch (error) {
    if (hasToken && error instanceof ApiError && error.code === 401) limits.failedTokens.failed(source);
    throw error;
  }
}

/** Waits for a seat, for as long as the client does. Rejects with an ApiError, 429. */
export async function seated(place: Place, response: ServerResponse): Promise<void> {
  const waiting = place.enter(() => new Promise((resolve) => response.once('close', resolve)));
  if (waiting !== undefined) await waiting;
}

/**
 * A watch has its place while it is told of what there is already, which is a list; changes are no work of its own. Returns what is to be called
 * once it has begun.
 */
export function leaveOnceBegun(place: Place): () => void {
  const timer = setTimeout(() => place.leave(), SENDING_LIMIT).unref();
  return () => {
    clearTimeout(timer);
    place.leave();
  };
}

/** The request was answered: gives its place to others, now or when a long answer has been sent. */
export function leavePlace(place: Place, response: ServerResponse): void {
  if (place.level !== 'lists' || response.destroyed || response.writableFinished) {
    place.end();
    return;
  }
  const end = () => {
    clearTimeout(timer);
    place.end();
  };
  const timer = setTimeout(end, SENDING_LIMIT).unref();
  response.once('finish', end);
  response.once('close', end);
}
