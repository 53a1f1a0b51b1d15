/** What a pod's status says of each of its containers, in the kubelet's words. Pure. */
import type { ContainerState, ContainerStatus } from '../../api/core/v1/pod.ts';
import type { Container } from '../../api/core/v1/pod-spec.ts';
import { printTime } from '../../api/time.ts';
import { printDuration } from '../../lib/duration.ts';
import type { Problem } from '../parts.ts';
import { type ContainerRun, presentSandbox, restartCountOf } from '../runtime/pod-runtime.ts';
import { mayStartAt } from '../worker/back-off.ts';
import {
  type ContainerView,
  containersOf,
  endOf,
  isLost,
  latest,
  type PodView,
  restartsAfter,
} from '../worker/view.ts';

/** Exit code of a run whose end nobody saw: that of a process that was killed. */
const UNSEEN = 137;

/** The statuses of a pod's containers, by their kind. */
export interface ContainerStatuses {
  readonly init: readonly ContainerStatus[];
  readonly app: readonly ContainerStatus[];
}

/** `over`: the pod has an outcome, so nothing is started any more. `scheme`: how container IDs begin, as `containerd`. */
export function desiredContainerStatuses(view: PodView, over: boolean, scheme: string): ContainerStatuses {
  const containers = containersOf(view).map((container) => ({
    isApp: container.kind === 'app',
    status: statusOf(view, container, over, scheme),
  }));
  return {
    init: containers.filter(({ isApp }) => !isApp).map(({ status }) => status),
    app: containers.filter(({ isApp }) => isApp).map(({ status }) => status),
  };
}

function statusOf(view: PodView, container: ContainerView, over: boolean, scheme: string): ContainerStatus {
  const run = latest(container);
  const { name, spec, told } = container;
  const state = stateOf(view, container, over, scheme);
  const last = lastStateOf(container, state, scheme);
  const probe = run === undefined || state.running === undefined ? undefined : view.probe(run.id);
  const isDone = container.kind === 'init' && state.terminated?.exitCode === 0;
  return {
    name,
    state,
    lastState: last,
    ready: isDone || (probe?.ready ?? false),
    restartCount: run === undefined ? (told?.restartCount ?? 0) : restartCountOf(run),
    image: imageOf(run?.image) ?? told?.image ?? spec.image ?? '',
    imageID: run?.imageRef ?? told?.imageID ?? '',
    ...containerID(run === undefined ? told?.containerID : idOf(run, scheme)),
    started: probe?.started ?? false,
    ...(run === undefined ? {} : given(spec)),
  };
}

/** What the container was given of what it asked for: nothing less, or it would not have been started. */
function given({ resources = {}, volumeMounts = [] }: Container): object {
  const mounts = volumeMounts.map(({ name, mountPath, readOnly = false }) => ({
    ...{ name, mountPath },
    ...(readOnly ? { readOnly, recursiveReadOnly: 'Disabled' } : {}),
  }));
  return {
    resources,
    ...(resources.requests === undefined ? {} : { allocatedResources: resources.requests }),
    ...(mounts.length === 0 ? {} : { volumeMounts: mounts }),
  };
}

function stateOf(view: PodView, container: ContainerView, over: boolean, scheme: string): ContainerState {
  const run = latest(container);
  if (run === undefined) return stateWithoutRun(view, container, over);
  const isStarting = view.busy.has(container.name) && container.spec.lifecycle?.postStart !== undefined;
  switch (run.state) {
    case 'RUNNING':
      // Whoever waits for it to run waits for the handler, too.
      if (isStarting && container.told?.state?.running === undefined) return waiting(view, container);
      return { running: { startedAt: printTime(run.startedAt ?? view.now) } };
    case 'CREATED':
      return waiting(view, container);
    case 'UNKNOWN':
      return { terminated: unseen(container) };
    case 'EXITED':
      return stateAfter(view, container, { run, over, scheme });
  }
}

function stateWithoutRun(view: PodView, container: ContainerView, over: boolean): ContainerState {
  const told = container.told?.state?.terminated;
  const again = !over && restartsAfter(view, container, told?.exitCode ?? UNSEEN);
  if (told !== undefined && !again) return { terminated: told };
  return isLost(container) && !again ? { terminated: unseen(container) } : waiting(view, container);
}

function stateAfter(
  view: PodView,
  container: ContainerView,
  { run, over, scheme }: { readonly run: ContainerRun; readonly over: boolean; readonly scheme: string },
): ContainerState {
  const { name } = container;
  const ended = { terminated: terminated(run, scheme) };
  const isRedone = container.kind === 'init' && run.sandboxID !== presentSandbox(view.runtime)?.id;
  if (over || (!isRedone && !restartsAfter(view, container, run.exitCode))) return ended;
  const delay = mayStartAt(view.backOffs.get(name), endOf(run)) - endOf(run);
  if (!view.busy.has(name) && endOf(run) + delay > view.now) {
    return { waiting: { reason: 'CrashLoopBackOff', message: backOffMessage(view, name, delay) } };
  }
  return view.problems.has(name) ? waiting(view, container) : ended;
}

/** What was before: the run that ended, where the state does not tell of that very one. */
function lastStateOf(container: ContainerView, state: ContainerState, scheme: string): ContainerState {
  const run = latest(container);
  if (run?.state === 'EXITED') {
    return state.terminated === undefined ? { terminated: terminated(run, scheme) } : (container.told?.lastState ?? {});
  }
  const before = container.runs.slice(1).find(({ state: was }) => was === 'EXITED');
  if (before !== undefined) return { terminated: terminated(before, scheme) };
  const told = container.told;
  if (run === undefined && state.terminated === undefined) {
    if (isLost(container)) return { terminated: unseen(container) };
    if (told?.state?.terminated !== undefined) return { terminated: told.state.terminated };
  }
  return told?.lastState ?? {};
}

function terminated(run: ContainerRun, scheme: string): NonNullable<ContainerState['terminated']> {
  const message = run.lastWords || run.message;
  return {
    exitCode: run.exitCode,
    reason: run.reason || (run.exitCode === 0 ? 'Completed' : 'Error'),
    ...(message === '' ? {} : { message }),
    startedAt: printTime(run.startedAt ?? 0),
    finishedAt: printTime(endOf(run)),
    containerID: idOf(run, scheme),
  };
}

function unseen({ told }: ContainerView): NonNullable<ContainerState['terminated']> {
  return {
    exitCode: UNSEEN,
    reason: 'ContainerStatusUnknown',
    message: 'The container could not be located when the pod was terminated',
    ...containerID(told?.containerID),
  };
}

function waiting(view: PodView, { name }: ContainerView): ContainerState {
  const problem = view.problems.get(name);
  if (problem !== undefined) return { waiting: { reason: problem.reason, ...messageOf(problem) } };
  const hasInits = (view.pod.spec?.initContainers?.length ?? 0) > 0;
  return { waiting: { reason: hasInits ? 'PodInitializing' : 'ContainerCreating' } };
}

/** `back-off 20s restarting failed container=web pod=web-1_default(UID)`. */
function backOffMessage({ pod }: PodView, container: string, delay: number): string {
  const { name, namespace, uid } = pod.metadata;
  return `back-off ${printDuration(delay)} restarting failed container=${container} pod=${name}_${namespace}(${uid})`;
}

function messageOf({ message }: Problem): { message?: string } {
  return message === '' ? {} : { message };
}

/** A runtime that knows only the image's digest by now says that; the pod's own word is of more use then. */
function imageOf(image: string | undefined): string | undefined {
  return image === undefined || image === '' || image.startsWith('sha256:') ? undefined : image;
}

function idOf({ id }: ContainerRun, scheme: string): string {
  return `${scheme}://${id}`;
}

function containerID(id: string | undefined): { containerID?: string } {
  return id === undefined || id === '' ? {} : { containerID: id };
}
