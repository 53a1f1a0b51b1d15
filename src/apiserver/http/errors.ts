/** From whatever a verb throws to the Status that the client gets. */
import { ApiError, failure, internalError, type Status } from '../../api/status.ts';
import { messageOf } from '../../lib/errors.ts';
import { StoreClosedError, StoreFullError, StoreLimitError } from '../../store/errors.ts';
import { OutcomeUnknownError, StoreUnavailableError } from '../../store/etcd/errors.ts';

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
  if (error instanceof StoreUnavailableError) {
    // Without a time to come back after: the client has waited already, and is to be told.
    return { status: failure(503, 'ServiceUnavailable', error.message).status, unexpected: true };
  }
  if (error instanceof StoreFullError) {
    return { status: failure(507, 'InsufficientStorage', error.message).status, unexpected: true };
  }
  if (error instanceof OutcomeUnknownError) {
    return { status: failure(504, 'Timeout', error.message).status, unexpected: true };
  }
  const text = messageOf(error);
  return { status: internalError(text).status, unexpected: true };
}
