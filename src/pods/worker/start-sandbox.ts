/** A pod's sandbox: its network and namespaces, kept by a process of its own while containers come and go. */
import type { Pod } from '../../api/core/v1/pod.ts';
import type { Problem } from '../parts.ts';
import { isAlive, type PodRuntime } from '../runtime/pod-runtime.ts';
import { attempt } from './errors.ts';
import type { WorkerParts } from './parts.ts';

export interface SandboxRequest {
  readonly pod: Pod;
  readonly attempt: number;
  /** What there is of earlier sandboxes. */
  readonly runtime: PodRuntime;
  /** Ends the containers that are left in earlier ones. */
  readonly endContainers: () => Promise<void>;
}

/** Resolves when the sandbox runs, or to what kept it from that. Rejects when the runtime is lost. */
export async function startSandbox(parts: WorkerParts, request: SandboxRequest): Promise<Problem | undefined> {
  const { events, runtime } = parts;
  const { pod } = request;
  const before = request.runtime;
  if (before.sandboxes.length > 0) {
    events.event(pod, 'Normal', 'SandboxChanged', 'Pod sandbox changed, it will be killed and re-created.');
    if (before.containers.some(isAlive)) await request.endContainers();
    for (const { id } of before.sandboxes) await runtime.stopSandbox(id);
  }
  const problem = await make(parts, pod, request.attempt);
  if (problem !== undefined) {
    const message = `Failed to create pod sandbox: ${problem.message}`;
    events.event(pod, 'Warning', REASON, message);
  }
  return problem;
}

const REASON = 'FailedCreatePodSandBox';

async function make({ configs, runtime, slots }: WorkerParts, pod: Pod, number: number): Promise<Problem | undefined> {
  const config = await attempt(REASON, () => configs.sandbox(pod, number));
  if (config.kind === 'problem') return config;
  const made = await attempt(REASON, () => slots.run(() => runtime.runSandbox(config.config)));
  return typeof made === 'string' ? undefined : made;
}
