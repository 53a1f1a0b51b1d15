/** How `kubectl get pods` shows pods. Follows printPod of Kubernetes' pkg/printers/internalversion. */
import { printAgeSince } from '../../age.ts';
import type { Column } from '../../kind.ts';
import { findCondition } from '../../meta/conditions.ts';
import { conditionStatus } from '../../print.ts';
import { isPodFinal, podIPs } from './pod.status.ts';
import type { ContainerStatus, Pod } from './pod.ts';
import { isSidecar } from './pod-spec/resource-totals.ts';
import type { Container } from './pod-spec.ts';

export const podColumns: readonly Column<Pod>[] = [
  { name: 'Ready', type: 'string', value: printReady },
  { name: 'Status', type: 'string', value: printStatus },
  { name: 'Restarts', type: 'string', value: printRestarts },
  { name: 'IP', type: 'string', priority: 1, value: (pod) => podIPs(pod)[0] ?? '<none>' },
  { name: 'Node', type: 'string', priority: 1, value: ({ spec }) => spec?.nodeName || '<none>' },
  { name: 'Nominated Node', type: 'string', priority: 1, value: ({ status }) => status?.nominatedNodeName || '<none>' },
  { name: 'Readiness Gates', type: 'string', priority: 1, value: printGates },
];

/** What of its containers a pod shows: those that run as long as it does. */
interface Lasting {
  readonly container: Container;
  readonly status: ContainerStatus | undefined;
}

function lasting({ spec = {}, status = {} }: Pod): readonly Lasting[] {
  const { containers = [], initContainers = [] } = spec;
  const { containerStatuses = [], initContainerStatuses = [] } = status;
  return [
    ...withStatuses(initContainers.filter(isSidecar), initContainerStatuses),
    ...withStatuses(containers, containerStatuses),
  ];
}

function withStatuses(containers: readonly Container[], statuses: readonly ContainerStatus[]): readonly Lasting[] {
  const byName = new Map(statuses.map((status) => [status.name, status] as const));
  return containers.map((container) => ({ container, status: byName.get(container.name) }));
}

function printReady(pod: Pod): string {
  const all = lasting(pod);
  const ready = all.filter(({ container, status }) => {
    // A sidecar that has not started holds the pod's own containers back.
    const hasStarted = !isSidecar(container) || status?.started === true;
    return hasStarted && status?.ready === true && (isSidecar(container) || status.state?.running !== undefined);
  });
  return `${ready.length}/${all.length}`;
}

function printStatus(pod: Pod): string {
  const { deletionTimestamp } = pod.metadata;
  const reason = pod.status?.reason;
  if (deletionTimestamp !== undefined && reason === 'NodeLost') return 'Unknown';
  const text = initReason(pod) ?? runReason(pod);
  return deletionTimestamp !== undefined && !isPodFinal(pod) ? 'Terminating' : text;
}

/** Why the pod's own containers have not begun; undefined once they may. */
function initReason({ spec = {}, status = {} }: Pod): string | undefined {
  if (conditionStatus(status.conditions, 'Initialized') === 'True') return undefined;
  const containers = spec.initContainers ?? [];
  const of = withStatuses(containers, status.initContainerStatuses ?? []);
  // Without its status a container has not been looked at by the node.
  const at = of.findIndex(({ container, status: own }) => own !== undefined && !isPassed(container, own));
  const found = of[at]?.status;
  if (found === undefined) return undefined;
  const { terminated, waiting } = found.state ?? {};
  if (terminated !== undefined) return `Init:${terminated.reason || exitReason(terminated)}`;
  if (waiting?.reason && waiting.reason !== 'PodInitializing') return `Init:${waiting.reason}`;
  return `Init:${at}/${containers.length}`;
}

/** Whether the next may begin: this one has done its work, or is a sidecar that has started. */
function isPassed(container: Container, { state, started }: ContainerStatus): boolean {
  if (state?.terminated?.exitCode === 0) return true;
  return isSidecar(container) && started === true;
}

function runReason(pod: Pod): string {
  const { status = {} } = pod;
  const gated = findCondition(status.conditions, 'PodScheduled')?.reason === 'SchedulingGated';
  const usual = gated ? 'SchedulingGated' : status.reason || status.phase || '';
  const statuses = status.containerStatuses ?? [];
  const told = statuses.map(containerReason).find((reason) => reason !== undefined);
  const runs = statuses.some(({ ready, state }) => ready === true && state?.running !== undefined);
  // One has ended and others go on: the pod still does what it is for.
  if (told === 'Completed' && runs) {
    return conditionStatus(status.conditions, 'Ready') === 'True' ? 'Running' : 'NotReady';
  }
  return told ?? usual;
}

/** Why a container waits or has ended; undefined while it runs. */
function containerReason({ state }: ContainerStatus): string | undefined {
  if (state?.waiting?.reason) return state.waiting.reason;
  return state?.terminated === undefined ? undefined : state.terminated.reason || exitReason(state.terminated);
}

function exitReason({ signal = 0, exitCode }: { readonly signal?: number; readonly exitCode: number }): string {
  return signal === 0 ? `ExitCode:${exitCode}` : `Signal:${signal}`;
}

/** `3 (5m ago)`: how often containers were started again, and when the last of them had ended. */
function printRestarts(pod: Pod, now: number): string {
  const { initContainerStatuses = [] } = pod.status ?? {};
  const counted = initReason(pod) === undefined ? lasting(pod).map(({ status }) => status) : initContainerStatuses;
  const count = counted.reduce((sum, status) => sum + (status?.restartCount ?? 0), 0);
  const ends = counted.flatMap((status) => status?.lastState?.terminated?.finishedAt ?? []);
  const last = ends.reduce((latest, time) => (Date.parse(time) > Date.parse(latest || '0') ? time : latest), '');
  return count === 0 || last === '' ? String(count) : `${count} (${printAgeSince(last, now)} ago)`;
}

function printGates({ spec, status }: Pod): string {
  const gates = spec?.readinessGates ?? [];
  if (gates.length === 0) return '<none>';
  const passed = gates.filter(({ conditionType }) => conditionStatus(status?.conditions, conditionType) === 'True');
  return `${passed.length}/${gates.length}`;
}
