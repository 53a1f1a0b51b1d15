/** One call's way through the SDK, which tells its callers less of what went wrong than we need to know. */
import { AsyncLocalStorage } from 'node:async_hooks';

export interface Exchange {
  /** Aborted when its time is up. */
  readonly signal: AbortSignal;
  /** How far it came. From `sent` on, OCI may have done what it was asked. */
  stage: 'composing' | 'signing' | 'sent' | 'answered';
  /** Of the answer, unless it was a good one. */
  refusal?: { readonly status: number; readonly requestId?: string; readonly retryAfter?: number };
  /** Why there is no answer. */
  failure?: unknown;
}

const current = new AsyncLocalStorage<Exchange>();

export function withExchange<T>(exchange: Exchange, work: () => Promise<T>): Promise<T> {
  return current.run(exchange, work);
}

/** That of the call within which this is asked. */
export function currentExchange(): Exchange {
  const exchange = current.getStore();
  if (exchange === undefined) throw new Error('the SDK sends a request outside of every call');
  return exchange;
}
