/** Ends the containers of one pod within a grace period, which may be cut while that goes on. */
import type { Pod } from '../../api/core/v1/pod.ts';
import { seconds } from '../../lib/duration.ts';
import { isAlive, type PodRuntime, podIPsOf } from '../runtime/pod-runtime.ts';
import { endContainers } from './end.ts';
import type { WorkerParts } from './parts.ts';

/** Share of the grace period that may be spent on waiting until others have stopped sending. */
const DRAIN_SHARE = 0.5;

/** Ends the containers of one pod, in their order. */
export class Ender {
  #graceSeconds: number | undefined;
  #cut = new AbortController();

  /** `drain`: others are given the time to turn to other endpoints first. */
  async end(
    parts: WorkerParts,
    { pod, graceSeconds, drain }: { readonly pod: Pod; readonly graceSeconds: number; readonly drain: boolean },
  ): Promise<void> {
    const uid = pod.metadata.uid ?? '';
    this.#graceSeconds = graceSeconds;
    this.#cut = new AbortController();
    const isAnyAlive = (await parts.cache.read(parts.runtime, uid)).containers.some(isAlive);
    if (!isAnyAlive) return;
    const begun = parts.clock.steady();
    if (drain) await parts.drain.untilDrained(uid, seconds(graceSeconds) * DRAIN_SHARE, this.#cut.signal);
    const spent = Math.floor((parts.clock.steady() - begun) / seconds(1));
    const runtime = await parts.cache.read(parts.runtime, uid);
    await endContainers(parts, {
      ...{ pod, runtime, podIPs: podIPsOf(pod, runtime, parts.facts().hostIPs) },
      graceSeconds: Math.max(0, (this.#graceSeconds ?? graceSeconds) - spent),
      signal: this.#cut.signal,
    });
  }

  /** A shorter grace period was asked for: what is left of the containers gets no more than that. */
  shorten({ runtime, log }: WorkerParts, state: PodRuntime, graceSeconds: number): void {
    if (this.#graceSeconds === undefined || this.#graceSeconds <= graceSeconds) return;
    this.#graceSeconds = graceSeconds;
    this.#cut.abort();
    for (const { id } of state.containers.filter(isAlive)) {
      runtime.stopContainer(id, graceSeconds).catch((err: unknown) => {
        log.warn({ err, container: id }, 'cannot end a container sooner');
      });
    }
  }
}

/** The pod as the runtime has it at this moment. */
export function readPod({ cache, runtime }: WorkerParts, podUID: string): Promise<PodRuntime> {
  cache.markStale(podUID);
  return cache.read(runtime, podUID);
}
