/** Nodes that take nothing now, or not this kind of pod. Pure. */

import { printTaint, tolerates } from '../../taints.ts';
import type { WaitingPod } from '../facts.ts';
import { refusal } from '../refusal.ts';
import type { Filter } from './filter.ts';

/** kubectl cordon's taint, which a toleration stands for, too. */
const CORDON = { key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' };

/** Nodes that are going, silent, cordoned, or without what runs containers. */
export const nodeStateFilter: Filter = (pod) => (node) => {
  if (node.isLeaving) return refusal('node', 'node(s) were being deleted');
  if (node.isCordoned && !tolerates(pod.spec, CORDON)) return refusal('node', 'node(s) were unschedulable');
  const taint = node.taints.find((each) => each.effect !== 'PreferNoSchedule' && !tolerates(pod.spec, each));
  if (taint !== undefined) return refusal('node', `node(s) had untolerated taint ${printTaint(taint)}`);
  if (!node.isReady && !bearsSilence(pod)) return refusal('node', 'node(s) were not ready');
  if (!pod.isGuest && !node.runsContainers) return refusal('node', 'node(s) had no container runtime that is ready');
  return undefined;
};

/** Who tolerates the taints of nodes that are not ready may be placed there, as the agents of nodes themselves are. */
function bearsSilence({ spec }: WaitingPod): boolean {
  return ['not-ready', 'unreachable'].every((name) =>
    tolerates(spec, { key: `node.kubernetes.io/${name}`, effect: 'NoSchedule' }),
  );
}
