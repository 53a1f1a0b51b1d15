/** A pod's sandbox: its network and namespaces, kept by a process of its own while containers come and go. */
import type { Pod } from '../../api/core/v1/pod.ts';
import type { Problem } from '../parts.ts';
import { isAlive, type PodRuntime } from '../runtime/pod-runtime.ts';
import { isRuntimeLost, messageOf } from './errors.ts';
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
  const { configs, events, runtime, slots } = parts;
  const { pod, attempt } = request;
  const before = request.runtime;
  if (before.sandboxes.length > 0) {
    events.event(pod, 'Normal', 'SandboxChanged', 'Pod sandbox changed, it will be killed and re-created.');
    if (before.containers.some(isAlive)) await request.endContainers();
    for (const { id } of before.sandboxes) await runtime.stopSandbox(id);
  }
  const config = await configs.sandbox(pod, attempt);
  const problem =
    config.kind === 'problem' ? config : await run(() => slots.run(() => runtime.runSandbox(config.config)));
  if (problem !== undefined) {
    const message = `Failed to create pod sandbox: ${problem.message}`;
    events.event(pod, 'Warning', 'FailedCreatePodSandBox', message);
  }
  return problem;
}

async function run(work: () => Promise<unknown>): Promise<Problem | undefined> {
  try {
    await work();
    return undefined;
  } catch (error) {
    if (isRuntimeLost(error)) throw error;
    return { kind: 'problem', reason: 'FailedCreatePodSandBox', message: messageOf(error) };
  }
}
