/**
 * Waiting until nobody sends a pod anything new: it is asked to end only after its endpoints say that they are terminating, and
 * those who forward to them have had the time to act on it.
 */
import type { EndpointSlice } from '../../api/discovery/v1/endpointslice.ts';
import type { Change, Informer } from '../../client/informer.ts';
import type { Clock } from '../../host/clock.ts';
import { milliseconds } from '../../lib/duration.ts';

/**
 * What proxies and the tables of load balancers get after the API has the news. A proxy of ours takes some tens of milliseconds
 * from the EndpointSlice to the kernel, also with thousands of Services.
 */
const SETTLE = milliseconds(300);

export interface EndpointDrainOptions {
  /** Started by whoever owns it. */
  readonly slices: Informer<EndpointSlice>;
  readonly nodeName: string;
  readonly clock: Clock;
}

/** Tells when a pod's endpoints take nothing new. */
export class EndpointDrain {
  readonly #options: EndpointDrainOptions;
  readonly #slicesOf: (podUID: string) => readonly EndpointSlice[];
  /** Those who wait, by the UID of their pod. */
  readonly #waiting = new Map<string, () => void>();

  /** To be made before the informer is started: it adds an index and a listener. */
  constructor(options: EndpointDrainOptions) {
    this.#options = options;
    this.#slicesOf = options.slices.index((slice) => this.#podsIn(slice));
    options.slices.onChange((change) => this.#changed(change));
  }

  /**
   * Resolves when no endpoint of the pod takes new connections and that has come to be known, or after `limit` milliseconds; at once
   * for a pod that is no endpoint.
   */
  async untilDrained(podUID: string, limit: number, signal: AbortSignal): Promise<void> {
    if (limit <= 0 || this.#slicesOf(podUID).length === 0) return;
    const { clock } = this.#options;
    const until = clock.steady() + limit;
    const over = new AbortController();
    const end = AbortSignal.any([signal, over.signal]);
    const drained = new Promise<void>((resolve) => {
      this.#waiting.set(podUID, () => {
        if (!this.#takesMore(podUID)) resolve();
      });
    });
    this.#waiting.get(podUID)?.();
    // Either is an end of the wait: what comes later does not matter.
    await Promise.race([drained, clock.sleep(limit, end).catch(() => undefined)]);
    this.#waiting.delete(podUID);
    over.abort();
    const rest = Math.min(SETTLE, until - clock.steady());
    if (rest > 0 && !signal.aborted) await clock.sleep(rest, signal).catch(() => undefined);
  }

  #takesMore(podUID: string): boolean {
    return this.#slicesOf(podUID).some((slice) =>
      slice.endpoints?.some(
        ({ targetRef, conditions }) =>
          targetRef?.uid === podUID && conditions?.terminating !== true && conditions?.ready !== false,
      ),
    );
  }

  #podsIn({ endpoints = [] }: EndpointSlice): readonly string[] {
    return endpoints.flatMap(({ nodeName, targetRef }) =>
      nodeName === this.#options.nodeName && targetRef?.uid !== undefined ? [targetRef.uid] : [],
    );
  }

  #changed({ object, previous }: Change<EndpointSlice>): void {
    if (this.#waiting.size === 0) return;
    for (const slice of [object, previous]) {
      if (slice !== undefined) for (const uid of this.#podsIn(slice)) this.#waiting.get(uid)?.();
    }
  }
}
