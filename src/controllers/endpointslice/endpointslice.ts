/** Keeps the EndpointSlices of Services with a selector equal to the pods it selects. */
import { Pod } from '../../api/core/v1/pod.ts';
import { Service } from '../../api/core/v1/service.ts';
import { EndpointSlice, MANAGED_BY_LABEL, serviceKeysOf } from '../../api/discovery/v1/endpointslice.ts';
import { keyOf, keyText } from '../../api/meta/v1.ts';
import { isNotFound } from '../../api/status.ts';
import type { Client } from '../../client/client.ts';
import { runController } from '../../client/controller.ts';
import type { Change } from '../../client/informer.ts';
import { OwnWrites } from '../../client/own-writes.ts';
import { WorkQueue } from '../../client/work-queue.ts';
import type { ControllerParts, Run } from '../parts.ts';
import { desiredSlices, hasOwnSlices, MANAGER } from './desired.ts';
import { diff, type NewSlice, type SliceChanges } from './diff.ts';
import { selection } from './selection.ts';

/** Makes the controller; its queue's keys are those of Services. */
export function endpointSliceController({ client, informers, clock, log }: ControllerParts): Run {
  const services = informers.of(Service);
  const pods = informers.of(Pod);
  const slices = informers.of(EndpointSlice);
  const queue = new WorkQueue({ clock });
  const { podsOf, servicesOf } = selection(services, pods);
  const slicesOf = new OwnWrites(slices, (slice) => serviceKeysOf(slice)[0] ?? '', clock);

  services.onChange(({ key }) => queue.add(key));
  pods.onChange(({ object, previous }: Change<Pod>) => {
    const labelsChanged = object?.metadata.labels !== previous?.metadata.labels;
    const affected = [
      ...(object ? servicesOf(object) : []),
      ...(previous && labelsChanged ? servicesOf(previous) : []),
    ];
    for (const service of affected) queue.add(keyText(keyOf(service)));
  });
  slices.onChange(({ object, previous }) => {
    const ours = [object, previous].filter((slice) => slice !== undefined && isOurs(slice));
    for (const service of serviceKeysOf(...ours)) queue.add(service);
  });

  const reconcile = async (key: string): Promise<void> => {
    const service = services.get(key);
    // A Service that brings its own endpoints is left alone, except for slices that it had before.
    const desired = service && hasOwnSlices(service) ? desiredSlices(service, podsOf(service)) : undefined;
    await apply(client, service, slicesOf, diff(desired, slicesOf.of(key).filter(isOurs)));
  };
  return (signal) => runController({ name: 'endpointslice', queue, reconcile, workers: 8, log }, signal);
}

async function apply(
  client: Client,
  service: Service | undefined,
  slices: OwnWrites<EndpointSlice>,
  changes: SliceChanges,
): Promise<void> {
  const creates = service === undefined ? [] : changes.create.map((slice) => sliceOf(service, slice));
  await Promise.all([
    ...creates.map(async (slice) => slices.remember(await client.create(EndpointSlice, slice))),
    ...changes.update.map(async (slice) => slices.remember(await client.update(EndpointSlice, slice))),
    ...changes.remove.map((slice) => remove(client, slice)),
  ]);
}

async function remove(client: Client, slice: EndpointSlice): Promise<void> {
  try {
    await client.delete(EndpointSlice, keyOf(slice));
  } catch (error) {
    if (!isNotFound(error)) throw error; // Gone already: the garbage collector may have been faster.
  }
}

function sliceOf(service: Service, slice: NewSlice): EndpointSlice {
  const { name = '', namespace = '', uid = '' } = service.metadata;
  const owner = { apiVersion: 'v1', kind: 'Service', name, uid, controller: true, blockOwnerDeletion: true };
  return {
    apiVersion: EndpointSlice.apiVersion,
    kind: EndpointSlice.kind,
    metadata: { generateName: `${name}-`, namespace, labels: slice.labels, ownerReferences: [owner] },
    addressType: slice.addressType,
    endpoints: slice.endpoints,
    ports: slice.ports,
  };
}

function isOurs(slice: EndpointSlice): boolean {
  return slice.metadata.labels?.[MANAGED_BY_LABEL] === MANAGER;
}
