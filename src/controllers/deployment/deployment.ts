/** Replaces the pods of Deployments by those of their present template, a step at a time. */
import { Deployment } from '../../api/apps/v1/deployment.ts';
import { ReplicaSet } from '../../api/apps/v1/replicaset.ts';
import { isPodFinal } from '../../api/core/v1/pod.status.ts';
import { Pod } from '../../api/core/v1/pod.ts';
import { type KubeObject, keyOf, keyText } from '../../api/meta/v1.ts';
import { matchesLabels, selectorOf } from '../../api/selectors.ts';
import { runController } from '../../client/controller.ts';
import { EventRecorder } from '../../client/events.ts';
import type { Informer } from '../../client/informer.ts';
import { OwnWrites } from '../../client/own-writes.ts';
import { WorkQueue } from '../../client/work-queue.ts';
import { equal } from '../equal.ts';
import { selectableKeys, selectorKey } from '../label-index.ts';
import { applyClaims, claims, controllerOf, controllerUID, type Owner } from '../ownership.ts';
import type { ControllerParts, Run } from '../parts.ts';
import { applyChanges, type Hands, type Outcome } from './apply.ts';
import { desiredChanges } from './desired.ts';
import { REVISION } from './revision.ts';
import { split } from './sets.ts';
import { desiredStatus } from './status.ts';

type Parts = ControllerParts &
  Hands & {
    readonly deployments: Informer<Deployment>;
    /** Sets that nobody controls, by the keys that selectors are found by. */
    readonly freeSets: (key: string) => readonly ReplicaSet[];
    readonly podsOf: (setUID: string) => readonly Pod[];
    readonly queue: WorkQueue;
  };

/** Makes the controller; its keys are those of deployments. */
export function deploymentController(parts: ControllerParts): Run {
  const { informers, clock, log } = parts;
  const queue = new WorkQueue({ clock });
  const deployments = informers.of(Deployment);
  const sets = informers.of(ReplicaSet);
  const pods = informers.of(Pod);
  const bySelector = deployments.index((deployment) => [keyOfSelector(deployment)]);
  const own: Parts = {
    ...parts,
    deployments,
    queue,
    sets: new OwnWrites(sets, controllerUID, clock),
    freeSets: sets.index((set) => (controllerOf(set) === undefined ? selectableKeys(set) : [])),
    podsOf: pods.index((pod) => [controllerUID(pod)]),
    events: new EventRecorder({ ...parts, component: 'deployment-controller' }),
  };
  const keysFor = (set: ReplicaSet): readonly string[] => {
    if (controllerOf(set) !== undefined) return controllerKey(set, Deployment.kind);
    const candidates = selectableKeys(set).flatMap((key) => bySelector(key));
    return candidates.filter((deployment) => selects(deployment, set)).map((deployment) => keyText(keyOf(deployment)));
  };
  deployments.onChange(({ key }) => queue.add(key));
  sets.onChange(({ object, previous }) => {
    for (const set of [object, previous]) if (set !== undefined) for (const key of keysFor(set)) queue.add(key);
  });
  pods.onChange(({ object, previous }) => {
    // Only who waits for the last of the old pods to be gone needs to hear of pods.
    if (object !== undefined || previous === undefined) return;
    const [setKey = ''] = controllerKey(previous, ReplicaSet.kind);
    const set = sets.get(setKey);
    if (set === undefined) return;
    const [key = ''] = controllerKey(set, Deployment.kind);
    if (deployments.get(key)?.spec.strategy?.type === 'Recreate') queue.add(key);
  });
  return (signal) => runController({ name: 'deployment', queue, reconcile: (key) => reconcile(key, own), log }, signal);
}

/** The key of whoever controls an object, where that is of the kind. */
function controllerKey(object: KubeObject, kind: string): readonly string[] {
  const controller = controllerOf(object);
  return controller?.kind === kind
    ? [keyText({ namespace: object.metadata.namespace ?? '', name: controller.name })]
    : [];
}

function keyOfSelector({ metadata, spec }: Deployment): string {
  return selectorKey(metadata.namespace, selectorOf(spec.selector));
}

function selects({ spec }: Deployment, { metadata }: ReplicaSet): boolean {
  return matchesLabels(selectorOf(spec.selector), metadata.labels);
}

async function reconcile(key: string, parts: Parts): Promise<void> {
  const deployment = parts.deployments.get(key);
  if (deployment === undefined) return; // Its replica sets go with the garbage collector.
  await claimSets(deployment, parts);
  const isLeaving = deployment.metadata.deletionTimestamp !== undefined;
  const hasPods = (sets: readonly ReplicaSet[]) =>
    sets.some(({ metadata }) => parts.podsOf(metadata.uid ?? '').some((pod) => !isPodFinal(pod)));
  const changes = isLeaving ? [] : desiredChanges({ deployment, sets: ownSets(deployment, parts), hasPods });
  const outcome = await applyChanges(deployment, changes, parts);
  if (outcome.kind === 'collision') return countCollision(deployment, parts);
  await writeStatus(deployment, outcome, parts);
  if (outcome.kind === 'not-created') throw outcome.error; // The queue tries again, ever later.
}

async function claimSets(deployment: Deployment, parts: Parts): Promise<void> {
  const { client, sets, freeSets } = parts;
  const owner: Owner<Deployment> = { kind: Deployment, object: deployment };
  const controlled = sets.of(deployment.metadata.uid ?? '');
  const names = new Set(controlled.map(({ metadata }) => metadata.name));
  const free = freeSets(keyOfSelector(deployment)).filter(({ metadata }) => !names.has(metadata.name));
  const child = { kind: ReplicaSet, remember: (set: ReplicaSet) => sets.remember(set) };
  const wanted = claims(owner, selectorOf(deployment.spec.selector), { controlled, free });
  await applyClaims(client, owner, child, wanted);
}

function ownSets(deployment: Deployment, { sets }: Parts): readonly ReplicaSet[] {
  return sets.of(deployment.metadata.uid ?? '').filter((set) => selects(deployment, set));
}

/** The next reconcile takes another name for the set. */
async function countCollision(deployment: Deployment, { client }: Parts): Promise<void> {
  const { collisionCount = 0 } = deployment.status ?? {};
  const status = { ...deployment.status, collisionCount: collisionCount + 1 };
  await client.updateStatus(Deployment, { ...deployment, status });
}

async function writeStatus(deployment: Deployment, outcome: Outcome, parts: Parts): Promise<void> {
  const { client, clock, queue } = parts;
  const sets = split(deployment, ownSets(deployment, parts));
  const { status, wait } = desiredStatus({
    deployment,
    sets,
    isNew: outcome.kind === 'done' && outcome.created !== undefined,
    failure: outcome.kind === 'not-created' ? outcome : undefined,
    now: clock.now(),
  });
  const revision = sets.current?.metadata.annotations?.[REVISION];
  const { annotations } = deployment.metadata;
  const metadata =
    revision === undefined || annotations?.[REVISION] === revision
      ? deployment.metadata
      : { ...deployment.metadata, annotations: { ...annotations, [REVISION]: revision } };
  if (!equal(status, deployment.status) || metadata !== deployment.metadata) {
    await client.updateStatus(Deployment, { ...deployment, metadata, status });
  }
  if (wait !== undefined) queue.addAfter(keyText(keyOf(deployment)), Math.max(wait, 1));
}
