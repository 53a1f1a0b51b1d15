/** What a runtime has of one pod. */
import type { Pod } from '../../api/core/v1/pod.ts';
import { familyOf } from '../../lib/ip.ts';
import type { RuntimeContainerStatus, SandboxStatus } from '../cri/cri.ts';
import { CONTAINER_HASH, CONTAINER_NAME, POD_NAME, POD_NAMESPACE, POD_UID, RESTART_COUNT } from '../labels.ts';

/** One run of a container: it is never started twice. */
export interface ContainerRun extends RuntimeContainerStatus {
  readonly sandboxID: string;
  /** What it left as its last words; only of one that has ended. */
  readonly lastWords?: string;
}

/** What the runtime has of a pod, the newest first. */
export interface PodRuntime {
  /** Newest first. */
  readonly sandboxes: readonly SandboxStatus[];
  /** Of all sandboxes, newest first. */
  readonly containers: readonly ContainerRun[];
}

/** A pod of which the runtime has nothing. */
export const NOTHING: PodRuntime = { sandboxes: [], containers: [] };

/** The runs of the container of this name, newest first. */
export function runsOf({ containers }: PodRuntime, name: string): readonly ContainerRun[] {
  return containers.filter((run) => nameOf(run) === name);
}

/** The container's name in its pod. */
export function nameOf(run: ContainerRun): string {
  return run.labels[CONTAINER_NAME] ?? run.metadata.name;
}

/** Runs before this one. */
export function restartCountOf({ annotations, metadata }: ContainerRun): number {
  const count = Number(annotations[RESTART_COUNT]);
  return Number.isSafeInteger(count) && count >= 0 ? count : metadata.attempt;
}

/** What the container was made from: see `containerHash`. */
export function hashOf({ annotations }: ContainerRun): string {
  return annotations[CONTAINER_HASH] ?? '';
}

/** Whether any process of it may be left. */
export function isAlive({ state }: ContainerRun): boolean {
  return state === 'RUNNING' || state === 'UNKNOWN';
}

/** The sandbox to put containers into; undefined when there is none that works. */
export function presentSandbox({ sandboxes }: PodRuntime): SandboxStatus | undefined {
  const newest = sandboxes[0];
  return newest?.state === 'READY' ? newest : undefined;
}

/** Newest first, by the runtime's own clock; of two at once the later attempt. */
export function newestFirst<T extends { readonly createdAt: bigint; readonly metadata: { readonly attempt: number } }>(
  all: readonly T[],
): readonly T[] {
  return all.toSorted((a, b) =>
    a.createdAt === b.createdAt ? b.metadata.attempt - a.metadata.attempt : a.createdAt < b.createdAt ? 1 : -1,
  );
}

/**
 * The addresses of the pod's sandbox; on the host's network those of the node. The node's primary family comes first, whatever the
 * runtime's own preference: containerd's is IPv4 unless it is configured otherwise (`ip_pref`).
 */
export function podIPsOf({ spec }: Pod, runtime: PodRuntime, hostIPs: readonly string[]): readonly string[] {
  if (spec?.hostNetwork === true) return hostIPs;
  const primary = familyOf(hostIPs[0] ?? '');
  const rank = (ip: string): number => Number(familyOf(ip) !== primary);
  return (runtime.sandboxes[0]?.ips ?? []).toSorted((a, b) => rank(a) - rank(b));
}

/** As much of a pod as can be told from what it left at the runtime; undefined when there is nothing. */
export function podFrom({ sandboxes, containers }: PodRuntime): Pod | undefined {
  const labels = (sandboxes[0] ?? containers[0])?.labels;
  if (labels === undefined) return undefined;
  const [name = '', namespace = '', uid = ''] = [labels[POD_NAME], labels[POD_NAMESPACE], labels[POD_UID]];
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace, uid } };
}
