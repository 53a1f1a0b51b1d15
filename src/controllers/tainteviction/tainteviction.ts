/** Deletes the pods that do not bear the taints of their node: when it is lost, or somebody wants it empty. */
import { Node } from '../../api/core/v1/node.ts';
import { Pod } from '../../api/core/v1/pod.ts';
import { isTrue, withCondition } from '../../api/meta/conditions.ts';
import { keyOf, keyText } from '../../api/meta/v1.ts';
import { runController } from '../../client/controller.ts';
import { EventRecorder } from '../../client/events.ts';
import { ignoreNotFound } from '../../client/expected.ts';
import type { Informer } from '../../client/informer.ts';
import { WorkQueue } from '../../client/work-queue.ts';
import type { ControllerParts, Run } from '../parts.ts';
import { bearsFor, evictingTaints, mayLeave } from './desired.ts';

const TAINTED = 'tainted';

type Parts = ControllerParts & {
  readonly nodes: Informer<Node>;
  readonly podsOn: (nodeName: string) => readonly Pod[];
  /** Pods that bear taints for a while, by UID: since when. A new run of this program begins anew. */
  readonly since: Map<string, number>;
  readonly events: EventRecorder;
  readonly queue: WorkQueue;
};

/** Makes the controller; its keys are names of nodes. */
export function taintEvictionController(parts: ControllerParts): Run {
  const { informers, clock, log } = parts;
  const queue = new WorkQueue({ clock });
  const nodes = informers.of(Node);
  const pods = informers.of(Pod);
  const tainted = nodes.index((node) => (hasTaints(node) ? [TAINTED] : []));
  const own: Parts = {
    ...parts,
    nodes,
    queue,
    since: new Map(),
    podsOn: pods.index((pod) => (pod.spec?.nodeName ? [pod.spec.nodeName] : [])),
    events: new EventRecorder({ ...parts, component: 'taint-eviction-controller' }),
  };
  nodes.onChange(({ key, object, previous }) => {
    if (hasTaints(object) || hasTaints(previous)) queue.add(key);
    // Whether there is another node to go to counts for all that have lost theirs.
    if (isReady(object) === isReady(previous)) return;
    for (const { metadata } of tainted(TAINTED)) queue.add(metadata.name ?? '');
  });
  pods.onChange(({ object, previous }) => {
    if (object === undefined) own.since.delete(previous?.metadata.uid ?? '');
    const nodeName = object?.spec?.nodeName;
    // Pods change often, and most nodes have no taints.
    if (nodeName && hasTaints(nodes.get(nodeName))) queue.add(nodeName);
  });
  return (signal) =>
    runController({ name: 'tainteviction', queue, reconcile: (key) => reconcile(key, own), log }, signal);
}

function hasTaints(node: Node | undefined): boolean {
  return node?.spec?.taints?.some(({ effect }) => effect === 'NoExecute') ?? false;
}

function isReady(node: Node | undefined): boolean {
  return isTrue(node?.status?.conditions, 'Ready');
}

async function reconcile(name: string, parts: Parts): Promise<void> {
  const { nodes, podsOn, clock, queue } = parts;
  const node = nodes.get(name);
  if (node === undefined) return;
  const taints = evictingTaints(
    node,
    nodes.list().some((other) => other !== node && isReady(other)),
  );
  const now = clock.now();
  const waits: number[] = [];
  for (const pod of podsOn(name).filter(mayLeave)) {
    const bears = taints.length === 0 ? undefined : bearsFor(pod, taints);
    if (bears === undefined) cancel(pod, parts);
    else {
      const wait = (parts.since.get(pod.metadata.uid ?? '') ?? now) + bears - now;
      if (wait <= 0) await evict(pod, parts);
      else {
        parts.since.set(pod.metadata.uid ?? '', now + wait - bears);
        waits.push(wait);
      }
    }
  }
  if (waits.length > 0) queue.addAfter(name, Math.min(...waits));
}

/** A pod that was to leave may stay. */
function cancel(pod: Pod, { since, events }: Parts): void {
  if (!since.delete(pod.metadata.uid ?? '')) return;
  events.event(pod, 'Normal', 'TaintManagerEviction', `Cancelling deletion of Pod ${keyText(keyOf(pod))}`);
}

async function evict(pod: Pod, { client, clock, events }: Parts): Promise<void> {
  const reason = 'DeletionByTaintManager';
  const message = 'Taint manager: deleting due to NoExecute taint';
  const why = { type: 'DisruptionTarget', status: 'True', reason, message };
  const conditions = withCondition(pod.status?.conditions, why, clock.now());
  if (conditions !== pod.status?.conditions) {
    const told = await client
      .updateStatus(Pod, { ...pod, status: { ...pod.status, conditions } })
      .catch(ignoreNotFound);
    if (told === undefined) return;
  }
  events.event(pod, 'Normal', 'TaintManagerEviction', `Marking for deletion Pod ${keyText(keyOf(pod))}`);
  const preconditions = { uid: pod.metadata.uid ?? '' };
  await client.delete(Pod, keyOf(pod), { preconditions }).catch(ignoreNotFound);
}
