/**
 * Ending all containers of a pod: those of the pod together, then its sidecars, the last started first.
 * https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-termination
 */
import type { Pod } from '../../api/core/v1/pod.ts';
import { isAlive, nameOf, type PodRuntime } from '../runtime/pod-runtime.ts';
import { killContainer } from './kill.ts';
import type { WorkerParts } from './parts.ts';

export interface EndRequest {
  readonly pod: Pod;
  readonly runtime: PodRuntime;
  readonly podIPs: readonly string[];
  readonly graceSeconds: number;
  /** Ends the wait for handlers, as a grace period that was cut does. */
  readonly signal: AbortSignal;
}

/** Resolves when none is left that runs. Rejects when the runtime fails, after all were tried. */
export async function endContainers(parts: WorkerParts, request: EndRequest): Promise<void> {
  const { pod, runtime, podIPs, graceSeconds, signal } = request;
  const { containers = [], initContainers = [] } = pod.spec ?? {};
  const sidecars = initContainers.filter(({ restartPolicy }) => restartPolicy === 'Always').map(({ name }) => name);
  const alive = runtime.containers.filter(isAlive);
  const end = (names: readonly string[] | undefined, turn: Promise<unknown> | undefined) =>
    alive
      .filter((run) => (names === undefined ? !sidecars.includes(nameOf(run)) : names.includes(nameOf(run))))
      .map((run) =>
        killContainer(parts, {
          ...{ pod, run, podIPs, graceSeconds, signal },
          container: [...containers, ...initContainers].find(({ name }) => name === nameOf(run)),
          message: `Stopping container ${nameOf(run)}`,
          ...(turn === undefined ? {} : { turn }),
        }),
      );
  const ends = [...end(undefined, undefined)];
  // What fails to end does not keep those after it from being ended.
  let turn: Promise<unknown> = Promise.allSettled(ends);
  for (const sidecar of sidecars.toReversed()) {
    const own = end([sidecar], turn);
    ends.push(...own);
    turn = Promise.allSettled([turn, ...own]);
  }
  await turn;
  await Promise.all(ends);
}
