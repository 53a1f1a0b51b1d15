/** Makes and deletes the instances of a replica set, and tells of it. */
import { VirtualMachineInstance } from '../../api/kubevirt/v1/virtualmachineinstance.ts';
import type { VirtualMachineInstanceReplicaSet } from '../../api/kubevirt/v1/virtualmachineinstancereplicaset.ts';
import { keyOf } from '../../api/meta/v1.ts';
import type { Client } from '../../client/client.ts';
import type { EventRecorder } from '../../client/events.ts';
import { ignoreNotFound, isExpected } from '../../client/expected.ts';
import type { OwnWrites } from '../../client/own-writes.ts';
import { messageOf } from '../../lib/errors.ts';
import { inGrowingBatches } from '../batches.ts';
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
    (await inBatches(Array.from({ length: plan.create }), create, 'FailedCreate')) ??
    (await inBatches(plan.excess, remove('excess'), 'FailedDelete')) ??
    (await inBatches(plan.finished, remove('finished'), 'FailedDelete'))
  );
}

/** As far as the API lets it: the first failure, and what it kept from being done. */
async function inBatches<T>(
  items: readonly T[],
  work: (item: T) => Promise<void>,
  reason: ScaleFailure['reason'],
): Promise<ScaleOutcome | undefined> {
  const failed = await inGrowingBatches(items, work);
  return failed && { failure: { reason, message: messageOf(failed.error) }, error: failed.error };
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
