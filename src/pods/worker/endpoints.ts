/**
 * Waiting until nobody sends a pod anything new: it is asked to end only after its endpoints say that they are terminating, and
 * those who forward to them have had the time to act on it.
 */
import type { EndpointSlice } from '../../api/discovery/v1/endpointslice.ts';
import type { Change, Informer } from '../../client/informer.ts';
import type { Clock } from '../../host/clock.ts';
import { milliseconds } from '../../lib/duration.ts';

/**
 * What proxies and the tables of load balancers get at least after the news has come here. A proxy of ours takes some tens of
 * milliseconds from the EndpointSlice to the kernel, also with thousands of Services. But an attempt to connect that was dropped, as
 * by a server that is too busy to take it, is made again after a second, and goes where the first one went: RFC 6298 section 2.1.
 */
const LEAST_SETTLE = milliseconds(1200);
/**
 * Where machines are busy the news itself takes long, and proxies take long to act on it: up to 1.4 times as long, on two processors
 * that twenty processes want. They get that time so often.
 */
const SETTLE_PER_NEWS = 3;

export interface EndpointDrainOptions {
  /** Started by whoever owns it. */
  readonly slices: Informer<EndpointSlice>;
  readonly nodeName: string;
  readonly clock: Clock;
  /** Resolves when this node forwards to endpoints as it was told until now. Default: nothing here forwards. */
  readonly forwarded?: () => Promise<void>;
}

/** Tells when a pod's endpoints take nothing new. */
export class EndpointDrain {
  readonly #options: EndpointDrainOptions;
  readonly #slicesOf: (podUID: string) => readonly EndpointSlice[];
  /** Those who wait, by the UID of their pod. */
  readonly #waiting = new Map<string, () => void>();
  /** Milliseconds that news of an end takes from the pod to its endpoints, here: of the latest ones the slowest, which fades. */
  #news = 0;

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
    const begun = clock.steady();
    const over = new AbortController();
    const end = AbortSignal.any([signal, over.signal]);
    const drained = new Promise<void>((resolve) => {
      this.#waiting.set(podUID, () => {
        if (!this.#takesMore(podUID)) resolve();
      });
    });
    this.#waiting.get(podUID)?.();
    const settled = drained.then(() => this.#settle(clock.steady() - begun, end));
    // Either is an end of the wait: what comes later does not matter.
    await Promise.race([settled, clock.sleep(limit, end).catch(() => undefined)]);
    this.#waiting.delete(podUID);
    over.abort();
  }

  /** Resolves when those who forward have had the time to act on news that took so many milliseconds, and this node has. */
  async #settle(news: number, signal: AbortSignal): Promise<void> {
    const { clock, forwarded } = this.#options;
    this.#news = Math.max(news, this.#news / 2);
    const time = Math.max(LEAST_SETTLE, SETTLE_PER_NEWS * this.#news);
    await Promise.all([clock.sleep(time, signal).catch(() => undefined), forwarded?.()]);
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
