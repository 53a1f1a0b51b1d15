/** Makes and deletes the instances of a replica set, and tells of it. */
import { VirtualMachineInstance } from '../../api/kubevirt/v1/virtualmachineinstance.ts';
import { VirtualMachineInstanceReplicaSet } from '../../api/kubevirt/v1/virtualmachineinstancereplicaset.ts';
import { keyOf } from '../../api/meta/v1.ts';
import { conflict } from '../../api/status.ts';
import type { Client } from '../../client/client.ts';
import type { EventRecorder } from '../../client/events.ts';
import { ignoreNotFound, isExpected } from '../../client/expected.ts';
import type { OwnWrites } from '../../client/own-writes.ts';
import type { Claims } from './claim.ts';
import type { ScalePlan } from './diff.ts';
import { instanceOf } from './instance.ts';
import type { ScaleFailure } from './status.ts';

export interface Hands {
  readonly client: Client;
  readonly events: EventRecorder;
  /** Grouped by the UID of the set. */
  readonly instances: OwnWrites<VirtualMachineInstance>;
  /** UIDs of instances that we have deleted and that the informer still has. */
  readonly deleted: Set<string>;
}

type ReplicaSet = VirtualMachineInstanceReplicaSet;

/** Takes instances over and lets others go. Throws what the API answers. */
export async function applyClaims(set: ReplicaSet, { adopt, release }: Claims, hands: Hands): Promise<void> {
  if (adopt.length + release.length === 0) return;
  // The set may have been deleted, and another made of its name, since the informer heard of it.
  const current = await hands.client.get(VirtualMachineInstanceReplicaSet, keyOf(set));
  const { uid, deletionTimestamp } = current.metadata;
  if (uid !== set.metadata.uid || deletionTimestamp !== undefined) {
    throw conflict(VirtualMachineInstanceReplicaSet, set.metadata.name ?? '', 'the replica set has been deleted');
  }
  for (const vmi of [...adopt, ...release]) {
    hands.instances.remember(await hands.client.update(VirtualMachineInstance, vmi));
  }
}

/** How far a plan was carried out: what stopped it, if anything did. */
export interface ScaleOutcome {
  readonly failure: ScaleFailure;
  readonly error: unknown;
}

/** Carries a plan out as far as the API lets it. */
export async function applyScale(set: ReplicaSet, plan: ScalePlan, hands: Hands): Promise<ScaleOutcome | undefined> {
  const create = () => createOne(set, hands);
  const remove = (what: 'excess' | 'finished') => (vmi: VirtualMachineInstance) => deleteOne(set, vmi, what, hands);
  return (
    (await inGrowingBatches(Array.from({ length: plan.create }), create, 'FailedCreate')) ??
    (await inGrowingBatches(plan.excess, remove('excess'), 'FailedDelete')) ??
    (await inGrowingBatches(plan.finished, remove('finished'), 'FailedDelete'))
  );
}

/**
 * Works on one item, then two at the same time, then four and so on, and stops when one fails: what is refused once
 * would be refused as often as there are items.
 */
async function inGrowingBatches<T>(
  items: readonly T[],
  work: (item: T) => Promise<void>,
  reason: ScaleFailure['reason'],
): Promise<ScaleOutcome | undefined> {
  for (let done = 0, size = 1; done < items.length; done += size, size *= 2) {
    const results = await Promise.allSettled(items.slice(done, done + size).map(work));
    const failed = results.find((result) => result.status === 'rejected');
    if (failed !== undefined) {
      const error: unknown = failed.reason;
      return { failure: { reason, message: messageOf(error) }, error };
    }
  }
  return undefined;
}

async function createOne(set: ReplicaSet, { client, events, instances }: Hands): Promise<void> {
  try {
    const vmi = await client.create(VirtualMachineInstance, instanceOf(set));
    instances.remember(vmi);
    const message = `Started the virtual machine by creating the new virtual machine instance ${vmi.metadata.name}`;
    events.event(set, 'Normal', 'SuccessfulCreate', message);
  } catch (error) {
    if (!isExpected(error)) {
      events.event(set, 'Warning', 'FailedCreate', `Error creating virtual machine instance: ${messageOf(error)}`);
    }
    throw error;
  }
}

async function deleteOne(
  set: ReplicaSet,
  vmi: VirtualMachineInstance,
  what: 'excess' | 'finished',
  { client, events, deleted }: Hands,
): Promise<void> {
  const { uid = '', name } = vmi.metadata;
  // Before the call: the informer may hear of it sooner than we do.
  deleted.add(uid);
  try {
    await client.delete(VirtualMachineInstance, keyOf(vmi), { preconditions: { uid } }).catch(ignoreNotFound);
  } catch (error) {
    deleted.delete(uid);
    const which = what === 'finished' ? 'finished virtual machine' : 'virtual machine instance';
    events.event(set, 'Warning', 'FailedDelete', `Error deleting ${which} ${name}: ${messageOf(error)}`);
    throw error;
  }
  const message =
    what === 'finished'
      ? `Deleted finished virtual machine: ${name}`
      : `Stopped the virtual machine by deleting the virtual machine instance ${name}`;
  events.event(set, 'Normal', 'SuccessfulDelete', message);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
