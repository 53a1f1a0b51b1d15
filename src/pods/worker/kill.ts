/** Ending one container: its preStop handler, its stop signal, and after the grace period the end. */
import type { Pod } from '../../api/core/v1/pod.ts';
import type { Container } from '../../api/core/v1/pod-spec.ts';
import { seconds } from '../../lib/duration.ts';
import type { RunningContainer } from '../parts.ts';
import { type ContainerRun, nameOf } from '../runtime/pod-runtime.ts';
import type { WorkerParts } from './parts.ts';

/** Seconds that a container gets at least between its stop signal and its end, however long its handler took. */
const LEAST_GRACE = 2;

export interface KillRequest {
  readonly pod: Pod;
  /** Undefined when the pod no longer names it: it is ended without its handler. */
  readonly container: Container | undefined;
  readonly run: ContainerRun;
  readonly podIPs: readonly string[];
  readonly graceSeconds: number;
  /** For the event. */
  readonly message: string;
  /** Resolves when it is this container's turn to be ended. Its handler does not wait for that. */
  readonly turn?: Promise<unknown>;
  /** Ends the wait for the handler, as a grace period that was cut does. */
  readonly signal: AbortSignal;
}

/** Resolves when the container has ended. Rejects when the runtime fails. */
export async function killContainer(parts: WorkerParts, request: KillRequest): Promise<void> {
  const { clock, events, prober, runtime } = parts;
  const { pod, run, graceSeconds, message } = request;
  const begun = clock.steady();
  events.event(pod, 'Normal', 'Killing', message, nameOf(run));
  if (graceSeconds > 0) await beforeStop(parts, request);
  await request.turn;
  // A container that is told to end is not ready, but nobody is to blame for that.
  prober.stop(run.id);
  const left = graceSeconds - Math.round((clock.steady() - begun) / seconds(1));
  await runtime.stopContainer(run.id, graceSeconds > 0 ? Math.max(LEAST_GRACE, left) : 0);
}

async function beforeStop({ clock, events, hooks }: WorkerParts, request: KillRequest): Promise<void> {
  const { pod, container, run, podIPs, graceSeconds, signal } = request;
  const handler = container?.lifecycle?.preStop;
  if (handler === undefined || container === undefined || run.state !== 'RUNNING') return;
  const over = new AbortController();
  const end = AbortSignal.any([signal, over.signal]);
  const running: RunningContainer = { pod, container, containerID: run.id, podIPs, startedAt: run.startedAt ?? 0 };
  const limit = clock.sleep(seconds(graceSeconds), end).then(
    () => ({ kind: 'failed', message: `it took longer than the grace period of ${graceSeconds} s` }) as const,
    () => ({ kind: 'done' }) as const,
  );
  const result = await Promise.race([hooks.run(handler, running, end), limit]);
  over.abort();
  if (result.kind === 'failed') events.event(pod, 'Warning', 'FailedPreStopHook', 'PreStopHook failed', container.name);
}
