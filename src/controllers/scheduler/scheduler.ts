/** Gives each pod that has no node the one that suits it best: pods of containers, and those of virtual machines. */
import { setImmediate as turn } from 'node:timers/promises';
import { Namespace } from '../../api/core/v1/namespace.ts';
import { Node } from '../../api/core/v1/node.ts';
import { isPodFinal } from '../../api/core/v1/pod.status.ts';
import { Pod, type PodStatus } from '../../api/core/v1/pod.ts';
import { matchesLabels, selectorOf } from '../../api/selectors.ts';
import { isNotFound } from '../../api/status.ts';
import { runController } from '../../client/controller.ts';
import { EventRecorder } from '../../client/events.ts';
import { ignoreNotFound } from '../../client/expected.ts';
import type { Informer } from '../../client/informer.ts';
import { WorkQueue } from '../../client/work-queue.ts';
import { equal } from '../equal.ts';
import type { ControllerParts, Run } from '../parts.ts';
import { bind } from './bind.ts';
import { Cluster, type News } from './cluster.ts';
import { type WaitingPod, waitingPod } from './facts.ts';
import type { Surroundings } from './filters/filter.ts';
import { choosePlacement } from './placement.ts';
import { gatedStatus, unschedulableStatus } from './status.ts';
import { Waiting } from './waiting.ts';

/** Name of the scheduler that pods ask for when they do not care, and the only one that there is here. */
const SCHEDULER = 'default-scheduler';
/** Bindings under way at the same time. */
const WORKERS = 16;

type Parts = ControllerParts & {
  readonly pods: Informer<Pod>;
  readonly cluster: Cluster;
  readonly waiting: Waiting;
  readonly surroundings: Surroundings;
  readonly events: EventRecorder;
  /** Resolves in a turn of the event loop that no other decision is made in: each costs time, the more nodes the more. */
  readonly ownTurn: () => Promise<void>;
  /** Tries pods again that a change may help. */
  readonly heard: (news: News) => void;
};

/** Makes the controller; its keys are those of pods. There must be one at a time: it decides by what it has decided. */
export function schedulerController(parts: ControllerParts): Run {
  const { informers, clock, log } = parts;
  const queue = new WorkQueue({ clock });
  const pods = informers.of(Pod);
  const namespaces = informers.of(Namespace);
  const cluster = new Cluster();
  const waiting = new Waiting(clock);
  const heard = (news: News) => {
    for (const { key, after } of waiting.retries(news)) queue.addAfter(key, after);
  };
  let lastTurn: Promise<void> = Promise.resolve();
  const ownTurn = () => {
    lastTurn = lastTurn.then(() => turn());
    return lastTurn;
  };
  const own = {
    ...parts,
    pods,
    heard,
    ownTurn,
    cluster,
    waiting,
    surroundings: { namespacesOf: (selector) => namesOf(namespaces, selectorOf(selector)) } satisfies Surroundings,
    events: new EventRecorder({ ...parts, component: SCHEDULER }),
  };
  informers.of(Node).onChange(({ key, object }) => heard(cluster.setNode(key, object)));
  namespaces.onChange(({ object, previous }) => {
    if (previous && !equal(object?.metadata.labels, previous.metadata.labels)) heard('pod-left');
  });
  pods.onChange(({ key, object, previous }) => {
    heard(cluster.setPod(key, object));
    if (object === undefined || !isToBePlaced(object)) waiting.delete(key);
    // What was written of a pod's status, such as that nothing takes it, is no reason to look at it again.
    else if (previous === undefined || !isSameToUs(object, previous)) queue.add(key);
  });
  return (signal) =>
    runController({ name: 'scheduler', queue, reconcile: (key) => schedule(key, own), workers: WORKERS, log }, signal);
}

async function schedule(key: string, parts: Parts): Promise<void> {
  await parts.ownTurn();
  const { clock, cluster, pods, surroundings, waiting } = parts;
  const pod = pods.get(key);
  if (pod === undefined || !isToBePlaced(pod) || cluster.isPlaced(key, pod.metadata.uid ?? '')) return;
  if ((pod.spec?.schedulingGates ?? []).length > 0) {
    await writeStatus(pod, gatedStatus(pod, clock.now()), parts);
    return;
  }
  const facts = waitingPod(pod);
  const placement = choosePlacement(facts, cluster, surroundings);
  if (placement.kind === 'node') return place(pod, facts, placement.name, parts);
  const { hindrances, message } = placement;
  waiting.add(facts, pod.spec?.priority ?? 0, hindrances);
  if (await writeStatus(pod, unschedulableStatus(pod, message, clock.now()), parts)) {
    parts.events.event(pod, 'Warning', 'FailedScheduling', message);
  }
}

async function place(pod: Pod, facts: WaitingPod, nodeName: string, parts: Parts): Promise<void> {
  const { client, cluster, events, heard, waiting } = parts;
  cluster.assume(facts, nodeName);
  try {
    await bind(client, pod, nodeName);
  } catch (error) {
    cluster.giveUp(facts);
    heard('pod-left');
    if (isNotFound(error)) return; // The pod is gone; a node that is gone is another kind of error.
    throw error;
  }
  waiting.delete(facts.key);
  events.event(pod, 'Normal', 'Scheduled', `Successfully assigned ${facts.key} to ${nodeName}`);
}

/** Whether there was something to write. */
async function writeStatus(pod: Pod, status: PodStatus, { client }: Parts): Promise<boolean> {
  if (equal(status, pod.status)) return false;
  await client.updateStatus(Pod, { ...pod, status }).catch(ignoreNotFound);
  return true;
}

function isToBePlaced(pod: Pod): boolean {
  const { nodeName = '', schedulerName = SCHEDULER } = pod.spec ?? {};
  return (
    nodeName === '' && schedulerName === SCHEDULER && pod.metadata.deletionTimestamp === undefined && !isPodFinal(pod)
  );
}

/** Of a pod without a node, gates may be taken away, requests and labels changed. */
function isSameToUs(a: Pod, b: Pod): boolean {
  return a.metadata.uid === b.metadata.uid && equal(a.spec, b.spec) && equal(a.metadata.labels, b.metadata.labels);
}

function namesOf(namespaces: Informer<Namespace>, selector: ReturnType<typeof selectorOf>): readonly string[] {
  return namespaces.list().flatMap(({ metadata }) => {
    return metadata.name !== undefined && matchesLabels(selector, metadata.labels) ? [metadata.name] : [];
  });
}
