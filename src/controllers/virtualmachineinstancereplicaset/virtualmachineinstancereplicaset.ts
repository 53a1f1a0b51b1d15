/** Keeps as many instances of a template as each VirtualMachineInstanceReplicaSet asks for. */
import { VirtualMachineInstance } from '../../api/kubevirt/v1/virtualmachineinstance.ts';
import { VirtualMachineInstanceReplicaSet } from '../../api/kubevirt/v1/virtualmachineinstancereplicaset.ts';
import { findCondition } from '../../api/meta/conditions.ts';
import { keyOf, keyText } from '../../api/meta/v1.ts';
import { runController } from '../../client/controller.ts';
import { EventRecorder } from '../../client/events.ts';
import type { Informer } from '../../client/informer.ts';
import { OwnWrites } from '../../client/own-writes.ts';
import { WorkQueue } from '../../client/work-queue.ts';
import { equal } from '../equal.ts';
import { applyClaims, controllerOf, controllerUID } from '../ownership.ts';
import type { ControllerParts, Run } from '../parts.ts';
import { applyScale, type Hands } from './apply.ts';
import { claimsOf, selects } from './claim.ts';
import { scalePlan } from './diff.ts';
import { desiredStatus, PAUSED_CONDITION, type ReplicaSetStatus, type ScaleFailure } from './status.ts';

type Parts = ControllerParts &
  Hands & {
    readonly sets: Informer<VirtualMachineInstanceReplicaSet>;
    /** Instances that nobody controls, by namespace. */
    readonly freeIn: (namespace: string) => readonly VirtualMachineInstance[];
    readonly queue: WorkQueue;
  };

/** Makes the controller; its keys are those of replica sets. */
export function virtualMachineInstanceReplicaSetController(parts: ControllerParts): Run {
  const { informers, clock, log } = parts;
  const queue = new WorkQueue({ clock });
  const sets = informers.of(VirtualMachineInstanceReplicaSet);
  const vmis = informers.of(VirtualMachineInstance);
  const setsIn = sets.index(({ metadata }) => [metadata.namespace ?? '']);
  const deleted = new Set<string>();
  const own: Parts = {
    ...parts,
    sets,
    queue,
    deleted,
    instances: new OwnWrites(vmis, controllerUID, clock),
    freeIn: vmis.index((vmi) => (controllerOf(vmi) === undefined ? [vmi.metadata.namespace ?? ''] : [])),
    events: new EventRecorder({ ...parts, component: 'virtualmachinereplicaset-controller' }),
  };
  sets.onChange(({ key }) => queue.add(key));
  vmis.onChange(({ object, previous }) => {
    for (const vmi of [object, previous]) if (vmi !== undefined) for (const key of keysFor(vmi, setsIn)) queue.add(key);
    const uid = (object ?? previous)?.metadata.uid ?? '';
    if (object === undefined || object.metadata.deletionTimestamp !== undefined) deleted.delete(uid);
  });
  return (signal) =>
    runController(
      { name: 'virtualmachineinstancereplicaset', queue, reconcile: (key) => reconcile(key, own), log },
      signal,
    );
}

/** The set that controls an instance, or those that may want one that nobody controls. */
function keysFor(
  vmi: VirtualMachineInstance,
  setsIn: (namespace: string) => readonly VirtualMachineInstanceReplicaSet[],
): readonly string[] {
  const { namespace = '' } = vmi.metadata;
  const controller = controllerOf(vmi);
  if (controller?.kind === VirtualMachineInstanceReplicaSet.kind)
    return [keyText({ namespace, name: controller.name })];
  if (controller !== undefined) return [];
  return setsIn(namespace)
    .filter((set) => selects(set)(vmi))
    .map((set) => keyText(keyOf(set)));
}

async function reconcile(key: string, parts: Parts): Promise<void> {
  const { sets, instances, freeIn, clock, queue, client } = parts;
  const set = sets.get(key);
  if (set === undefined) return; // Its instances go with the garbage collector.
  const { uid = '', namespace = '' } = set.metadata;
  const controlled = instances.of(uid);
  const names = new Set(controlled.map(({ metadata }) => metadata.name));
  const free = freeIn(namespace).filter(({ metadata }) => !names.has(metadata.name));
  const owner = { kind: VirtualMachineInstanceReplicaSet, object: set };
  const child = { kind: VirtualMachineInstance, remember: (vmi: VirtualMachineInstance) => instances.remember(vmi) };
  await applyClaims(client, owner, child, claimsOf(set, controlled, free));

  const plan = scalePlan(set, ownedNow(set, parts), clock.now());
  const outcome = await applyScale(set, plan, parts);
  await writeStatus(set, outcome?.failure, parts);
  if (plan.wait !== undefined) queue.addAfter(key, plan.wait);
  if (outcome !== undefined) throw outcome.error; // The queue tries again, ever later.
}

/** The set's instances, without those that are on their way out though the informer has not heard of it. */
function ownedNow(set: VirtualMachineInstanceReplicaSet, { instances, deleted }: Parts) {
  const owned = claimsOf(set, instances.of(set.metadata.uid ?? ''), []).own;
  return owned.filter(({ metadata }) => !deleted.has(metadata.uid ?? ''));
}

async function writeStatus(
  set: VirtualMachineInstanceReplicaSet,
  failure: ScaleFailure | undefined,
  parts: Parts,
): Promise<void> {
  const { client, clock, events } = parts;
  const status = desiredStatus({ set, instances: ownedNow(set, parts), failure, now: clock.now() });
  if (equal(status, set.status)) return;
  await client.updateStatus(VirtualMachineInstanceReplicaSet, { ...set, status });
  if (isPaused(status) === isPaused(set.status)) return;
  if (isPaused(status)) events.event(set, 'Normal', 'SuccessfulPaused', 'Paused');
  else events.event(set, 'Normal', 'SuccessfulResumed', 'Resumed');
}

function isPaused(status: ReplicaSetStatus | undefined): boolean {
  return findCondition(status?.conditions, PAUSED_CONDITION) !== undefined;
}
