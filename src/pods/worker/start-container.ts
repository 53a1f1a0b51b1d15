/** Starting one run of a container: image, configuration, creation, start, and its postStart handler. */
import type { Pod } from '../../api/core/v1/pod.ts';
import type { ContainerConfig, SandboxConfig, SandboxStatus } from '../cri/cri.ts';
import type { Problem, VolumePaths } from '../parts.ts';
import { attempt } from './errors.ts';
import type { WorkerParts } from './parts.ts';
import type { ContainerView } from './view.ts';

export interface StartRequest {
  readonly pod: Pod;
  readonly container: ContainerView;
  readonly restartCount: number;
  readonly sandbox: SandboxStatus;
  readonly podIPs: readonly string[];
  readonly volumes: VolumePaths;
  /** Ends waiting: for the image, for the handler. */
  readonly signal: AbortSignal;
}

const CONFIG = 'CreateContainerConfigError';

/** Resolves when it runs and its postStart handler has ended, or to what kept it from that. Rejects when the runtime is lost. */
export async function startContainer(parts: WorkerParts, request: StartRequest): Promise<Problem | undefined> {
  const { configs, images, runtime, events } = parts;
  const { pod, container, restartCount, sandbox, podIPs, volumes, signal } = request;
  const { spec, name } = container;
  const failed = (problem: Problem) => {
    events.event(pod, 'Warning', 'Failed', `Error: ${problem.message}`, name);
    return problem;
  };
  const sandboxConfig = await attempt(CONFIG, () => configs.sandbox(pod, sandbox.metadata.attempt));
  if (sandboxConfig.kind === 'problem') return failed(sandboxConfig);
  // Records its own events.
  const image = await attempt('ImageInspectError', () => images.ensure(pod, spec, sandboxConfig.config, signal));
  if (image.kind === 'problem') return image;
  const known = { pod, container: spec, restartCount, podIPs, imageRef: image.imageRef, image: image.image, volumes };
  const config = await attempt(CONFIG, () => configs.container(known));
  if (config.kind === 'problem') return failed(config);
  if (signal.aborted) return undefined;

  for (const { id, state } of container.runs) if (state === 'CREATED') await runtime.removeContainer(id);
  const created = await create(parts, sandbox.id, config.config, sandboxConfig.config);
  if (typeof created !== 'string') return failed(created);
  events.event(pod, 'Normal', 'Created', `Created container: ${name}`, name);
  const started = await attempt('RunContainerError', () => parts.slots.run(() => runtime.startContainer(created)));
  // Its back-off is that of a run that has ended.
  if (started !== undefined) return failed({ ...started, retryAfter: 0 });
  events.event(pod, 'Normal', 'Started', `Started container ${name}`, name);
  return afterStart(parts, request, created);
}

async function create(
  { runtime, slots }: WorkerParts,
  sandboxID: string,
  config: ContainerConfig,
  sandboxConfig: SandboxConfig,
): Promise<string | Problem> {
  return attempt('CreateContainerError', () =>
    slots.run(() => runtime.createContainer(sandboxID, config, sandboxConfig)),
  );
}

async function afterStart(parts: WorkerParts, request: StartRequest, id: string): Promise<Problem | undefined> {
  const { pod, container, podIPs, signal } = request;
  const { spec, name } = container;
  const handler = spec.lifecycle?.postStart;
  if (handler === undefined) return undefined;
  const running = { pod, container: spec, containerID: id, podIPs, startedAt: parts.clock.now() };
  const result = await parts.hooks.run(handler, running, signal);
  if (result.kind === 'done' || signal.aborted) return undefined;
  parts.events.event(pod, 'Warning', 'FailedPostStartHook', 'PostStartHook failed', name);
  parts.events.event(pod, 'Normal', 'Killing', 'FailedPostStartHook', name);
  await parts.runtime.stopContainer(id, pod.spec?.terminationGracePeriodSeconds ?? 30);
  return { kind: 'problem', reason: 'PostStartHookError', message: result.message, retryAfter: 0 };
}
