/** Keeps as many pods of a template as each set of a family asks for. */
import { Pod } from '../../api/core/v1/pod.ts';
import { type KubeObject, keyOf, keyText } from '../../api/meta/v1.ts';
import { matchesLabels } from '../../api/selectors.ts';
import { runController } from '../../client/controller.ts';
import { EventRecorder } from '../../client/events.ts';
import type { Informer } from '../../client/informer.ts';
import { WorkQueue } from '../../client/work-queue.ts';
import { inGrowingBatches } from '../batches.ts';
import { equal } from '../equal.ts';
import { selectableKeys, selectorKey } from '../label-index.ts';
import { applyClaims, claims, controllerOf, controllerUID, type Owner } from '../ownership.ts';
import type { ControllerParts, Run } from '../parts.ts';
import { PodWrites } from '../pod-writes.ts';
import { isActive } from '../pods.ts';
import type { Family } from './family.ts';
import { planOf } from './plan.ts';
import { desiredStatus, type Failure } from './status.ts';

interface Deps<T extends KubeObject> extends ControllerParts {
  readonly family: Family<T>;
  readonly sets: Informer<T>;
  readonly writes: PodWrites;
  /** Pods that nobody controls, by the keys that selectors are found by. */
  readonly freePods: (key: string) => readonly Pod[];
  /** The sets that one owner controls, by its UID. */
  readonly setsOf: (ownerUID: string) => readonly T[];
  readonly queue: WorkQueue;
}

/** Makes the controller of a family; its keys are those of the sets. */
export function replicaController<T extends KubeObject>(parts: ControllerParts, family: Family<T>): Run {
  const { informers, clock, log } = parts;
  const { kind, component, wanted } = family;
  const queue = new WorkQueue({ clock });
  const sets = informers.of(kind);
  const pods = informers.of(Pod);
  const events = new EventRecorder({ ...parts, component });
  const bySelector = sets.index((set) => [selectorKey(set.metadata.namespace, wanted(set).selector)]);
  const deps: Deps<T> = {
    ...parts,
    family,
    sets,
    queue,
    writes: new PodWrites({ ...parts, pods, events }),
    freePods: pods.index((pod) => (controllerOf(pod) === undefined && isActive(pod) ? selectableKeys(pod) : [])),
    setsOf: sets.index((set) => (controllerUID(set) === '' ? [] : [controllerUID(set)])),
  };
  const keysFor = (pod: Pod): readonly string[] => {
    const controller = controllerOf(pod);
    const { namespace = '' } = pod.metadata;
    if (controller?.kind === kind.kind) return [keyText({ namespace, name: controller.name })];
    if (controller !== undefined) return [];
    const candidates = selectableKeys(pod).flatMap((key) => bySelector(key));
    return candidates
      .filter((set) => matchesLabels(wanted(set).selector, pod.metadata.labels))
      .map((set) => keyText(keyOf(set)));
  };
  sets.onChange(({ key, object, previous }) => {
    if (object === undefined) deps.writes.forget(previous?.metadata.uid ?? '');
    queue.add(key);
  });
  pods.onChange(({ object, previous }) => {
    for (const pod of [object, previous]) if (pod !== undefined) for (const key of keysFor(pod)) queue.add(key);
  });
  return (signal) => runController({ name: kind.plural, queue, reconcile: (key) => reconcile(key, deps), log }, signal);
}

async function reconcile<T extends KubeObject>(key: string, deps: Deps<T>): Promise<void> {
  const { family, sets, writes, freePods, client } = deps;
  const set = sets.get(key);
  if (set === undefined) return; // Its pods go with the garbage collector.
  const owner: Owner<T> = { kind: family.kind, object: set };
  const { uid = '', namespace, deletionTimestamp } = set.metadata;
  const { selector } = family.wanted(set);
  await writes.verify(uid);
  const controlled = writes.of(uid);
  const names = new Set(controlled.map(({ metadata }) => metadata.name));
  const free = freePods(selectorKey(namespace, selector)).filter(({ metadata }) => !names.has(metadata.name));
  const child = { kind: Pod, remember: (pod: Pod) => writes.remember(pod) };
  await applyClaims(client, owner, child, claims(owner, selector, { controlled, free }));

  const failure = deletionTimestamp === undefined ? await scale(owner, deps) : undefined;
  await writeStatus(owner, failure, deps);
  if (failure !== undefined) throw failure.error; // The queue tries again, ever later.
}

/** Makes or deletes pods, as far as the API lets it. */
async function scale<T extends KubeObject>(owner: Owner<T>, deps: Deps<T>): Promise<Failure | undefined> {
  const { writes, family } = deps;
  const { replicas, template } = family.wanted(owner.object);
  const { create, remove } = planOf(replicas, ownPods(owner, deps), () => relatedPods(owner, deps));
  const made = await inGrowingBatches(Array.from({ length: create }), () => writes.create(owner, template));
  if (made !== undefined) return { reason: 'FailedCreate', ...made };
  const ended = await inGrowingBatches(remove, (pod) => writes.delete(owner.object, pod));
  return ended && { reason: 'FailedDelete', ...ended };
}

function ownPods<T extends KubeObject>(owner: Owner<T>, { writes, family }: Deps<T>): readonly Pod[] {
  const { selector } = family.wanted(owner.object);
  const controlled = writes.of(owner.object.metadata.uid ?? '');
  return claims(owner, selector, { controlled, free: [] }).own;
}

/** The pods of all sets that belong to the same owner: they serve together. */
function relatedPods<T extends KubeObject>({ object }: Owner<T>, { writes, setsOf }: Deps<T>): readonly Pod[] {
  const owner = controllerUID(object);
  const sets = owner === '' ? [object] : setsOf(owner);
  return sets.flatMap(({ metadata }) => writes.of(metadata.uid ?? ''));
}

async function writeStatus<T extends KubeObject>(
  owner: Owner<T>,
  failure: Failure | undefined,
  deps: Deps<T>,
): Promise<void> {
  const { client, clock, queue, family } = deps;
  const { kind, object: set } = owner;
  const before = family.status(set);
  const { status, wait } = desiredStatus({
    wanted: family.wanted(set),
    pods: ownPods(owner, deps),
    before,
    generation: set.metadata.generation,
    failure,
    now: clock.now(),
  });
  if (!equal(status, before)) await client.updateStatus(kind, family.withStatus(set, status));
  if (wait !== undefined) queue.addAfter(keyText(keyOf(set)), wait);
}
