/** Makes and ends the instances of VirtualMachines, and tells in their status how they are. */
import { VirtualMachine } from '../../api/kubevirt/v1/virtualmachine.ts';
import { VirtualMachineInstance } from '../../api/kubevirt/v1/virtualmachineinstance.ts';
import { keyOf } from '../../api/meta/v1.ts';
import { isAlreadyExists } from '../../api/status.ts';
import { runController } from '../../client/controller.ts';
import { EventRecorder } from '../../client/events.ts';
import { ignoreNotFound } from '../../client/expected.ts';
import type { Informer } from '../../client/informer.ts';
import { WorkQueue } from '../../client/work-queue.ts';
import { messageOf } from '../../lib/errors.ts';
import { equal } from '../equal.ts';
import type { ControllerParts, Run } from '../parts.ts';
import { instanceOf, isControlledBy } from './instance.ts';
import { want } from './run-strategy.ts';
import { nextStartFailure, untilSteady, waitForRetry } from './start-failure.ts';
import { desiredStatus } from './status.ts';

/** Keeps a VirtualMachine until its instance is gone, as KubeVirt's controller does. */
const MACHINE_FINALIZER = 'kubevirt.io/virtualMachineControllerFinalize';

type Parts = ControllerParts & {
  readonly vms: Informer<VirtualMachine>;
  readonly vmis: Informer<VirtualMachineInstance>;
  readonly events: EventRecorder;
  readonly queue: WorkQueue;
};

/** Makes the controller. A VirtualMachine and its instance have the same key. */
export function virtualMachineController(parts: ControllerParts): Run {
  const { informers, clock, log } = parts;
  const queue = new WorkQueue({ clock });
  const vms = informers.of(VirtualMachine);
  const vmis = informers.of(VirtualMachineInstance);
  const events = new EventRecorder({ ...parts, component: 'virtualmachine-controller' });
  vms.onChange(({ key }) => queue.add(key));
  vmis.onChange(({ key }) => queue.add(key));
  const own = { ...parts, vms, vmis, events, queue };
  return (signal) =>
    runController({ name: 'virtualmachine', queue, reconcile: (key) => reconcile(key, own), log }, signal);
}

async function reconcile(key: string, parts: Parts): Promise<void> {
  const { client, clock, vms, vmis, queue } = parts;
  const seen = vms.get(key);
  if (seen === undefined) return; // Its instance, if there is one, goes with the garbage collector.
  const found = vmis.get(key);
  const vmi = found !== undefined && isControlledBy(found, seen) ? found : undefined;
  const vm = await keepFinalizer(seen, vmi, parts);
  if (vm === undefined) return;

  const now = clock.now();
  const { action, requests } = want(vm, vmi);
  const startFailure = nextStartFailure(vm.status?.startFailure, vmi, now);
  const status = desiredStatus({ vm, vmi, requests, startFailure, now });
  // Before acting: what the action follows from must not be lost if we end in between.
  if (!equal(status, vm.status)) await client.updateStatus(VirtualMachine, { ...vm, status });

  const wait = waitForRetry(startFailure, now);
  if (action === 'stop' && vmi !== undefined) await stop(vm, vmi, parts);
  else if (action === 'start' && wait > 0) queue.addAfter(key, wait);
  else if (action === 'start') await start(vm, parts);
  const steady = vmi === undefined || startFailure === undefined ? undefined : untilSteady(vmi, now);
  if (steady !== undefined) queue.addAfter(key, steady);
}

/** The VirtualMachine with its finalizer; undefined when it was let go. */
async function keepFinalizer(
  vm: VirtualMachine,
  vmi: VirtualMachineInstance | undefined,
  { client }: Parts,
): Promise<VirtualMachine | undefined> {
  const finalizers = vm.metadata.finalizers ?? [];
  const has = finalizers.includes(MACHINE_FINALIZER);
  const deleting = vm.metadata.deletionTimestamp !== undefined;
  const withFinalizers = (next: readonly string[]) => {
    return client.update(VirtualMachine, { ...vm, metadata: { ...vm.metadata, finalizers: next } });
  };
  if (!deleting) return has ? vm : withFinalizers([...finalizers, MACHINE_FINALIZER]);
  // Orphaned instances are to stay: https://kubernetes.io/docs/concepts/architecture/garbage-collection/#orphaned-dependents
  if (vmi !== undefined && !finalizers.includes('orphan')) return vm;
  if (has) await withFinalizers(finalizers.filter((name) => name !== MACHINE_FINALIZER)).catch(ignoreNotFound);
  return undefined;
}

async function start(vm: VirtualMachine, { client, events }: Parts): Promise<void> {
  const name = vm.metadata.name ?? '';
  try {
    await client.create(VirtualMachineInstance, instanceOf(vm));
  } catch (error) {
    if (isAlreadyExists(error)) {
      const current = await client.get(VirtualMachineInstance, keyOf(vm));
      if (isControlledBy(current, vm)) return; // Ours, and the informer is a moment behind.
      const message = `cannot start: a virtual machine instance "${name}" exists that this virtual machine does not control`;
      events.event(vm, 'Warning', 'FailedCreate', message);
    } else {
      events.event(vm, 'Warning', 'FailedCreate', `cannot create the virtual machine instance: ${messageOf(error)}`);
    }
    throw error;
  }
  const message = `Started the virtual machine by creating the new virtual machine instance ${name}`;
  events.event(vm, 'Normal', 'SuccessfulCreate', message);
}

async function stop(vm: VirtualMachine, vmi: VirtualMachineInstance, { client, events }: Parts): Promise<void> {
  const { uid = '', name } = vmi.metadata;
  try {
    await client.delete(VirtualMachineInstance, keyOf(vmi), { preconditions: { uid } });
  } catch (error) {
    ignoreNotFound(error);
    return;
  }
  const message = `Stopped the virtual machine by deleting the virtual machine instance ${name}`;
  events.event(vm, 'Normal', 'SuccessfulDelete', message);
}
