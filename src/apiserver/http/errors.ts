/** From whatever a verb throws to the Status that the client gets. */
import { ApiError, failure, internalError, type Status } from '../../api/status.ts';
import { messageOf } from '../../lib/errors.ts';
import { StoreClosedError, StoreLimitError } from '../../store/errors.ts';

/** `unexpected`: the fault is ours or the machine's, so it belongs in the log. */
export function statusOf(error: unknown): { readonly status: Status; readonly unexpected: boolean } {
  if (error instanceof ApiError) return { status: error.status, unexpected: false };
  if (error instanceof StoreLimitError) {
    return {
      status: failure(413, 'RequestEntityTooLarge', `the object is too large: ${error.message}`).status,
      unexpected: false,
    };
  }
  if (error instanceof StoreClosedError) {
    return { status: failure(503, 'ServiceUnavailable', 'the server is shutting down').status, unexpected: false };
  }
  const text = messageOf(error);
  return { status: internalError(text).status, unexpected: true };
}
