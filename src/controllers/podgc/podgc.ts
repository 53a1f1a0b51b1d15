/**
 * Removes pods that nobody else would: ended ones beyond a number, and those on their way out that no node will end.
 * https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-garbage-collection
 */
import { Node } from '../../api/core/v1/node.ts';
import { isPodFinal } from '../../api/core/v1/pod.status.ts';
import { Pod } from '../../api/core/v1/pod.ts';
import { isTrue } from '../../api/meta/conditions.ts';
import { keyOf } from '../../api/meta/v1.ts';
import { ignoreNotFound } from '../../client/expected.ts';
import { seconds } from '../../lib/duration.ts';
import type { ControllerParts, Run } from '../parts.ts';

/** Ended pods that are kept: kube-controller-manager's `--terminated-pod-gc-threshold`. */
const THRESHOLD = 12_500;
const INTERVAL = seconds(20);
/** Somebody says that the node is down for certain. https://kubernetes.io/docs/reference/labels-annotations-taints/#node-kubernetes-io-out-of-service */
const OUT_OF_SERVICE = 'node.kubernetes.io/out-of-service';

/** Makes the collector; `threshold` is how many ended pods are kept. Pods of nodes that are gone: see `nodelifecycle`. */
export function podCollector(parts: ControllerParts, threshold: number = THRESHOLD): Run {
  const { client, clock, informers, log } = parts;
  const nodes = informers.of(Node);
  // Kept by the informer, so that a look does not cost more than there is to collect.
  const find = informers.of(Pod).index((pod) => groupsOf(pod));
  const collect = async (): Promise<void> => {
    const ended = find('ended');
    const excess = ended.length > threshold ? oldest(ended, ended.length - threshold) : [];
    const leaving = find('leaving').filter(({ spec }) => isForsaken(spec?.nodeName, nodes.get(spec?.nodeName ?? '')));
    for (const pod of [...excess, ...leaving]) {
      const preconditions = { uid: pod.metadata.uid ?? '' };
      await client.delete(Pod, keyOf(pod), { gracePeriodSeconds: 0, preconditions }).catch(ignoreNotFound);
    }
  };
  return async (signal) => {
    while (!signal.aborted) {
      await collect().catch((err: unknown) => log.warn({ err }, 'cannot collect pods'));
      await clock.sleep(INTERVAL, signal).catch(() => {}); // The loop's condition sees the signal.
    }
  };
}

function groupsOf(pod: Pod): readonly string[] {
  const { deletionTimestamp, deletionGracePeriodSeconds } = pod.metadata;
  // One without grace has been asked to go at once already, and waits for a finalizer.
  const isLeaving = deletionTimestamp !== undefined && deletionGracePeriodSeconds !== 0;
  return [...(isPodFinal(pod) ? ['ended'] : []), ...(isLeaving ? ['leaving'] : [])];
}

function oldest(pods: readonly Pod[], count: number): readonly Pod[] {
  const age = ({ metadata }: Pod) => Date.parse(metadata.creationTimestamp ?? '') || 0;
  return [...pods].sort((a, b) => age(a) - age(b)).slice(0, count);
}

/** Whether no node will ever end the pod: it was given none, or one that is said to be out of service. */
function isForsaken(nodeName: string | undefined, node: Node | undefined): boolean {
  if (!nodeName) return true;
  const isOut = node?.spec?.taints?.some(({ key }) => key === OUT_OF_SERVICE) ?? false;
  return isOut && !isTrue(node?.status?.conditions, 'Ready');
}
