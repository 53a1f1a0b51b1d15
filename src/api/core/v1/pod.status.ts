/** What a Pod's status says, and how `kubectl get pods` shows it. */
import type { Column } from '../../kind.ts';
import { conditionStatus } from '../../print.ts';
import { isMapping } from '../../value.ts';
import type { Pod } from './pod.ts';

/** Whether the pod says that it is ready to serve. */
export function isPodReady(pod: Pod): boolean {
  return conditionStatus(pod.status?.conditions, 'Ready') === 'True';
}

/** Whether the pod has ended, and so will never serve again. */
export function isPodFinal({ status }: Pod): boolean {
  return status?.phase === 'Succeeded' || status?.phase === 'Failed';
}

/** The addresses of a pod, at most one per family, the primary one first. */
export function podIPs(pod: Pod): readonly string[] {
  const listed = (pod.status?.podIPs ?? []).map(({ ip }) => ip);
  if (listed.length > 0) return listed;
  return pod.status?.podIP ? [pod.status.podIP] : [];
}

export const podColumns: readonly Column<Pod>[] = [
  { name: 'Ready', type: 'string', value: printReady },
  { name: 'Status', type: 'string', value: printStatus },
  { name: 'Restarts', type: 'string', value: (pod) => String(restarts(pod)) },
  { name: 'IP', type: 'string', priority: 1, value: (pod) => podIPs(pod)[0] ?? '<none>' },
  { name: 'Node', type: 'string', priority: 1, value: ({ spec }) => spec?.nodeName || '<none>' },
  { name: 'Nominated Node', type: 'string', priority: 1, value: ({ status }) => status?.nominatedNodeName || '<none>' },
  { name: 'Readiness Gates', type: 'string', priority: 1, value: printGates },
];

function containerStatuses(pod: Pod): readonly Readonly<Record<string, unknown>>[] {
  return (pod.status?.containerStatuses ?? []).filter(isMapping);
}

function printReady(pod: Pod): string {
  const ready = containerStatuses(pod).filter((status) => status['ready'] === true).length;
  return `${ready}/${pod.spec?.containers?.length ?? 0}`;
}

function printStatus(pod: Pod): string {
  if (pod.metadata.deletionTimestamp !== undefined) return 'Terminating';
  const waiting = containerStatuses(pod).map((status) => reasonOf(status['state']));
  return waiting.find((reason) => reason !== undefined) ?? pod.status?.reason ?? pod.status?.phase ?? '';
}

/** Why a container waits or has ended; undefined while it runs. */
function reasonOf(state: unknown): string | undefined {
  if (!isMapping(state)) return undefined;
  const { reason } = [state['waiting'], state['terminated']].find(isMapping) ?? {};
  return typeof reason === 'string' && reason !== '' ? reason : undefined;
}

function restarts(pod: Pod): number {
  const counts = containerStatuses(pod).map((status) => status['restartCount']);
  return counts.reduce<number>((sum, count) => sum + (typeof count === 'number' ? count : 0), 0);
}

function printGates({ spec, status }: Pod): string {
  const gates = spec?.readinessGates ?? [];
  if (gates.length === 0) return '<none>';
  const passed = gates.filter(({ conditionType }) => conditionStatus(status?.conditions, conditionType) === 'True');
  return `${passed.length}/${gates.length}`;
}
