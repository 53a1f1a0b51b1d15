/** Notices nodes that have gone silent, says so on the node and its pods, and takes it back when they return. */
import { Lease } from '../../api/coordination/v1/lease.ts';
import { Node } from '../../api/core/v1/node.ts';
import { Pod } from '../../api/core/v1/pod.ts';
import { isTrue } from '../../api/meta/conditions.ts';
import { keyOf } from '../../api/meta/v1.ts';
import { runController } from '../../client/controller.ts';
import { EventRecorder } from '../../client/events.ts';
import { ignoreNotFound } from '../../client/expected.ts';
import type { Informer } from '../../client/informer.ts';
import { WorkQueue } from '../../client/work-queue.ts';
import { equal } from '../equal.ts';
import type { ControllerParts, Run } from '../parts.ts';
import { DEFAULT_GRACE, desiredNodeStatus, desiredTaints, graceOf, isNodeReady, podConditions } from './desired.ts';

/** Namespace of the nodes' leases. https://kubernetes.io/docs/concepts/architecture/leases/#node-heart-beats */
const LEASE_NAMESPACE = 'kube-node-lease';

type Parts = ControllerParts & {
  readonly nodes: Informer<Node>;
  readonly podsOn: (nodeName: string) => readonly Pod[];
  /** When we last saw a node's lease renewed, by our own clock that nobody sets: those of nodes need not agree with it. */
  readonly heard: Map<string, number>;
  /** Milliseconds that a node may be silent. */
  readonly graceOf: (nodeName: string) => number;
  readonly events: EventRecorder;
  readonly queue: WorkQueue;
};

export interface NodeLifecycleOptions extends ControllerParts {
  /** Milliseconds without a renewed lease after which a node counts as lost. Default: 40 s, as in Kubernetes. */
  readonly nodeMonitorGracePeriod?: number;
}

/** Makes the controller; its keys are names of nodes. */
export function nodeLifecycleController(parts: NodeLifecycleOptions): Run {
  const { informers, clock, log, nodeMonitorGracePeriod = DEFAULT_GRACE } = parts;
  const queue = new WorkQueue({ clock });
  const nodes = informers.of(Node);
  const pods = informers.of(Pod);
  const heard = new Map<string, number>();
  const podsOn = pods.index((pod) => (pod.spec?.nodeName ? [pod.spec.nodeName] : []));
  const events = new EventRecorder({ ...parts, component: 'node-controller' });
  nodes.onChange(({ key, object }) => {
    if (object === undefined) heard.delete(key);
    queue.add(key);
  });
  const leases = informers.of(Lease);
  const graceOfNode = (name: string) =>
    graceOf(nodeMonitorGracePeriod, leases.get({ namespace: LEASE_NAMESPACE, name })?.spec?.leaseDurationSeconds);
  leases.onChange(({ object, previous }) => {
    if (object?.metadata.namespace !== LEASE_NAMESPACE || object.spec?.renewTime === previous?.spec?.renewTime) return;
    const { name = '' } = object.metadata;
    const wasSilent = clock.steady() - (heard.get(name) ?? -Infinity) >= graceOfNode(name);
    heard.set(name, clock.steady());
    if (wasSilent) queue.add(name);
  });
  pods.onChange(({ object }) => {
    // A node that is well has nothing to correct on its pods, and pods change often.
    const nodeName = object?.spec?.nodeName;
    if (nodeName && !isTrue(nodes.get(nodeName)?.status?.conditions, 'Ready')) queue.add(nodeName);
  });
  const own = { ...parts, nodes, podsOn, heard, graceOf: graceOfNode, events, queue };
  return (signal) =>
    runController({ name: 'nodelifecycle', queue, reconcile: (key) => reconcile(key, own), log }, signal);
}

async function reconcile(name: string, parts: Parts): Promise<void> {
  const { client, clock, events, heard, queue, nodes, podsOn } = parts;
  const node = nodes.get(name);
  if (node === undefined) return removePods(name, parts);
  const now = clock.now();
  const since = heard.get(name) ?? clock.steady(); // Our own start, or the node's, begins a new grace period.
  heard.set(name, since);
  const grace = parts.graceOf(name);
  const silence = clock.steady() - since;
  const silent = silence >= grace;
  if (!silent) queue.addAfter(name, grace - silence);

  const status = desiredNodeStatus(node, silent ? grace : undefined, now);
  const written = equal(status, node.status ?? {}) ? node : await client.updateStatus(Node, { ...node, status });
  const taints = desiredTaints(written, silent, now);
  if (!equal(taints, written.spec?.taints ?? [])) {
    await client.update(Node, { ...written, spec: { ...written.spec, taints } });
  }
  if (written !== node) {
    events.event(node, 'Warning', 'NodeNotReady', `Node ${name} status is now: NodeNotReady, its agent is silent`);
  }
  const ready = isNodeReady(written, silent);
  const changes = podsOn(name).map(async (pod) => {
    const next = podConditions(pod, ready, now);
    if (next !== undefined) await client.updateStatus(Pod, { ...pod, status: next }).catch(ignoreNotFound);
  });
  await Promise.all(changes);
}

/** Pods of a node that does not exist will never be ended by it. The server is asked, for the cache may be behind. */
async function removePods(name: string, { client, podsOn }: Parts): Promise<void> {
  const pods = podsOn(name);
  if (pods.length === 0) return;
  const exists = await client.get(Node, { name }).then(() => true, ignoreNotFound);
  if (exists) return;
  await Promise.all(
    pods.map(async (pod) => {
      const preconditions = { uid: pod.metadata.uid ?? '' };
      await client.delete(Pod, keyOf(pod), { gracePeriodSeconds: 0, preconditions }).catch(ignoreNotFound);
    }),
  );
}
