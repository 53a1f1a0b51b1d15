/** Whether a pod is over: nothing of it is to be started any more, and what still runs is to end. */
import { isPodFinal } from '../../api/core/v1/pod.status.ts';
import { isAlive, presentSandbox } from '../runtime/pod-runtime.ts';
import { type ContainerView, containersOf, deadlineOf, isLost, latest, type PodView, restartsAfter } from './view.ts';

/** The kubelet's reason for a pod that ran longer than it may. */
export const DEADLINE_EXCEEDED = 'DeadlineExceeded';

/** That a pod is over, and how. */
export interface Outcome {
  readonly phase: 'Succeeded' | 'Failed';
  readonly reason?: string;
  readonly message?: string;
}

/** How the pod ended; undefined while it has something to run. */
export function outcomeOf(view: PodView): Outcome | undefined {
  const { pod, now, busy, evicted } = view;
  if (isPodFinal(pod)) return finalOf(view);
  if (evicted !== undefined) return { phase: 'Failed', reason: 'Evicted', message: evicted };
  const deadline = deadlineOf(pod);
  if (deadline !== undefined && deadline <= now) {
    const message = 'Pod was active on the node longer than the specified deadline';
    return { phase: 'Failed', reason: DEADLINE_EXCEEDED, message };
  }
  const containers = containersOf(view);
  if (containers.some((container) => busy.has(container.name))) return undefined;
  const apps = containers.filter(({ kind }) => kind === 'app');
  if (apps.every((app) => isOver(view, app))) {
    return { phase: apps.every((app) => exitCodeOf(app) === 0) ? 'Succeeded' : 'Failed' };
  }
  const failedInit = containers.some((each) => each.kind === 'init' && isOver(view, each) && exitCodeOf(each) !== 0);
  if (failedInit) return { phase: 'Failed' };
  return isOrphaned(view, containers) ? { phase: 'Failed' } : undefined;
}

function finalOf({ pod }: PodView): Outcome {
  const { phase, reason, message } = pod.status ?? {};
  return {
    phase: phase === 'Succeeded' ? 'Succeeded' : 'Failed',
    ...(reason === undefined ? {} : { reason }),
    ...(message === undefined ? {} : { message }),
  };
}

/** Whether it has ended for good. */
function isOver(view: PodView, container: ContainerView): boolean {
  const exitCode = exitCodeOf(container);
  return exitCode !== undefined && !restartsAfter(view, container, exitCode);
}

/** Of the latest run that is known of; undefined while it runs, or when there was none. */
function exitCodeOf(container: ContainerView): number | undefined {
  const run = latest(container);
  if (run !== undefined) return run.state === 'EXITED' ? run.exitCode : undefined;
  return isLost(container) ? 137 : container.told?.state?.terminated?.exitCode;
}

/** One that is never to be run again has no use for another sandbox when its own is lost. */
function isOrphaned({ pod, runtime }: PodView, containers: readonly ContainerView[]): boolean {
  if (pod.spec?.restartPolicy !== 'Never' || presentSandbox(runtime) !== undefined) return false;
  return runtime.sandboxes.length > 0 && containers.some(({ runs }) => runs.length > 0 && !runs.some(isAlive));
}

/** How a pod ended that was deleted, whatever would have become of it; undefined when none of it ever ran. */
export function deletionOutcome(view: PodView): Outcome | undefined {
  if (isPodFinal(view.pod)) return finalOf(view);
  const codes = containersOf(view).flatMap((container) => (container.kind === 'app' ? [exitCodeOf(container)] : []));
  if (codes.every((code) => code === undefined)) return undefined;
  return { phase: codes.every((code) => code === 0) ? 'Succeeded' : 'Failed' };
}
