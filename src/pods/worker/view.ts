/** What is known of a pod when it is decided what to do for it next: data alone, so that the decisions are pure. */
import type { ContainerStatus, Pod } from '../../api/core/v1/pod.ts';
import type { Container } from '../../api/core/v1/pod-spec.ts';
import { seconds } from '../../lib/duration.ts';
import type { ProbeState, Problem } from '../parts.ts';
import { type ContainerRun, type PodRuntime, runsOf } from '../runtime/pod-runtime.ts';
import type { CrashBackOff } from './back-off.ts';

/** Names of work that is not a container's. No container can be called so. */
export const VOLUMES = '/volumes';
export const SANDBOX = '/sandbox';

/** What is known of a pod when its next step is decided. */
export interface PodView {
  readonly pod: Pod;
  readonly runtime: PodRuntime;
  /** Milliseconds of the wall clock. */
  readonly now: number;
  /** Whether the pod's volumes are there. */
  readonly volumesReady: boolean;
  /** Why the pod is to be evicted: it uses more of the node than it may. */
  readonly evicted?: string | undefined;
  /** Work under way: names of containers, {@link VOLUMES}, {@link SANDBOX}. */
  readonly busy: ReadonlySet<string>;
  /** What could not be done when it was last tried, by the same names. */
  readonly problems: ReadonlyMap<string, Problem>;
  /** Until when that is not tried again. */
  readonly pauses: ReadonlyMap<string, number>;
  readonly backOffs: ReadonlyMap<string, CrashBackOff>;
  /** Containers whose run was ended to be replaced, whatever the restart policy says. */
  readonly replaced: ReadonlySet<string>;
  readonly probe: (containerID: string) => ProbeState | undefined;
}

/** `sidecar`: an init container that runs as long as the pod. */
export type ContainerKind = 'init' | 'sidecar' | 'app';

/** A container of the pod, and its runs. */
export interface ContainerView {
  readonly kind: ContainerKind;
  readonly spec: Container;
  readonly name: string;
  /** Its runs that the runtime still knows, newest first. */
  readonly runs: readonly ContainerRun[];
  /** What the API was told of it last. */
  readonly told: ContainerStatus | undefined;
}

/** All containers, in the order in which they are started. */
export function containersOf(view: PodView): readonly ContainerView[] {
  const { spec, status } = view.pod;
  const told = [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])];
  const seen = (kind: ContainerKind, container: Container): ContainerView => ({
    kind,
    spec: container,
    name: container.name,
    runs: runsOf(view.runtime, container.name),
    told: told.find(({ name }) => name === container.name),
  });
  return [
    ...(spec?.initContainers ?? []).map((each) => seen(each.restartPolicy === 'Always' ? 'sidecar' : 'init', each)),
    ...(spec?.containers ?? []).map((each) => seen('app', each)),
  ];
}

/** Its latest run; undefined when the runtime knows none. */
export function latest({ runs }: ContainerView): ContainerRun | undefined {
  return runs[0];
}

/**
 * Whether it ran once, and the runtime knows nothing of that: the runtime lost its state, as in the restart of a machine. The
 * kubelet gives such a run exit code 137.
 */
export function isLost({ runs, told }: ContainerView): boolean {
  return runs.length === 0 && (told?.containerID ?? '') !== '' && told?.state?.terminated === undefined;
}

/** Whether the container is to be run again after that exit code. */
export function restartsAfter(view: PodView, { kind, name }: ContainerView, exitCode: number): boolean {
  const policy = view.pod.spec?.restartPolicy ?? 'Always';
  if (kind === 'sidecar' || view.replaced.has(name)) return true;
  if (policy === 'Always') return kind === 'app' || exitCode !== 0;
  return policy === 'OnFailure' && exitCode !== 0;
}

/** When a run ended, in milliseconds; one that never came to run ended when it was made. */
export function endOf({ finishedAt, createdAt }: ContainerRun): number {
  return finishedAt ?? Number(createdAt / 1_000_000n);
}

/** When the pod's time is over; undefined when it may run as long as it likes. */
export function deadlineOf({ spec, status }: Pod): number | undefined {
  const { activeDeadlineSeconds } = spec ?? {};
  if (activeDeadlineSeconds === undefined || status?.startTime === undefined) return undefined;
  return Date.parse(status.startTime) + seconds(activeDeadlineSeconds);
}
