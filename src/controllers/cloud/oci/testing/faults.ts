/** What a test makes go wrong. */
import type { Found, WireRequest } from './front.ts';

/**
 * `timeout`: the request arrives and is not answered. `drop`: the connection ends before anything is done. `drop-after-doing`:
 * it is done, and the connection ends before the answer. `half`: it is done, and half of the answer comes.
 */
export type How =
  | 'timeout'
  | 'timeout-after-doing'
  | 'drop'
  | 'drop-after-doing'
  | 'half'
  | {
      readonly status: number;
      readonly code: string;
      readonly message?: string;
      /** Seconds, as the header Retry-After has them. */
      readonly retryAfter?: number;
    };

export interface When {
  /** `service.call` as in OciCalls, or the call alone: `loadBalancer.createListener`. */
  readonly call?: string;
  readonly method?: string;
  /** The path with its version, without the query: whole, or what it is to match. */
  readonly path?: string | RegExp;
  /** The first of such requests that is met, counted from 1. */
  readonly nth?: number;
  /** How many are met, from that on; 1 unless said. */
  readonly times?: number;
}

export interface Fault {
  readonly when?: When;
  readonly how: How;
}

/** A fault as a test sees it later. */
export interface FaultHandle {
  /** How many requests it has met. */
  readonly met: () => number;
  readonly cancel: () => void;
}

interface Armed extends Fault {
  seen: number;
  met: number;
}

export class Faults {
  readonly #armed = new Set<Armed>();

  add(fault: Fault): FaultHandle {
    const armed: Armed = { ...fault, seen: 0, met: 0 };
    this.#armed.add(armed);
    return { met: () => armed.met, cancel: () => this.#armed.delete(armed) };
  }

  clear(): void {
    this.#armed.clear();
  }

  /** What is to happen to this request; undefined: what ought to. */
  take(request: WireRequest, found: Found | undefined): How | undefined {
    for (const armed of this.#armed) {
      if (!matches(armed.when ?? {}, request, found)) continue;
      armed.seen += 1;
      const { nth = 1, times = 1 } = armed.when ?? {};
      if (armed.seen < nth || armed.met >= times) continue;
      armed.met += 1;
      return armed.how;
    }
    return undefined;
  }
}

function matches({ call, method, path }: When, request: WireRequest, found: Found | undefined): boolean {
  const operation = found?.operation;
  if (call !== undefined && call !== operation?.name && call !== `${operation?.service}.${operation?.name}`)
    return false;
  if (method !== undefined && method !== request.method) return false;
  const at = request.target.split('?')[0] ?? '';
  return path === undefined || (typeof path === 'string' ? path === at : path.test(at));
}
