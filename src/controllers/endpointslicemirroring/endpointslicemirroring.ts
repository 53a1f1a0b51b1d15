/** Makes EndpointSlices from Endpoints that people or their programs write for Services without a selector. */
import { Endpoints } from '../../api/core/v1/endpoints.ts';
import { Service } from '../../api/core/v1/service.ts';
import { EndpointSlice, MANAGED_BY_LABEL, serviceKeysOf } from '../../api/discovery/v1/endpointslice.ts';
import { keyOf } from '../../api/meta/v1.ts';
import { runController } from '../../client/controller.ts';
import { ignoreNotFound } from '../../client/expected.ts';
import { OwnWrites } from '../../client/own-writes.ts';
import { WorkQueue } from '../../client/work-queue.ts';
import { applySlices } from '../endpointslice/apply.ts';
import { diff } from '../endpointslice/diff.ts';
import type { ControllerParts, Run } from '../parts.ts';
import { isMirrored, MANAGER, MAX_ENDPOINTS_PER_SUBSET, mirroredSlices } from './desired.ts';

/** Makes the controller; its queue's keys are those of Services, which are those of their Endpoints. */
export function endpointSliceMirroringController({ client, informers, clock, log }: ControllerParts): Run {
  const services = informers.of(Service);
  const endpoints = informers.of(Endpoints);
  const slices = informers.of(EndpointSlice);
  const queue = new WorkQueue({ clock });
  const slicesOf = new OwnWrites(slices, (slice) => serviceKeysOf(slice)[0] ?? '', clock);
  // Most Services have a selector, and then neither they nor their Endpoints are anything to look at.
  const isConcerned = (key: string) => slicesOf.of(key).some(isOurs) || endpoints.get(key) !== undefined;

  services.onChange(({ key }) => {
    if (isConcerned(key)) queue.add(key);
  });
  endpoints.onChange(({ key }) => queue.add(key));
  slices.onChange(({ object, previous }) => {
    const ours = [object, previous].filter((slice) => slice !== undefined && isOurs(slice));
    for (const key of serviceKeysOf(...ours)) queue.add(key);
  });

  const reconcile = async (key: string): Promise<void> => {
    const source = endpoints.get(key);
    const actual = slicesOf.of(key).filter(isOurs);
    if (source !== undefined && isMirrored(source, services.get(key))) {
      const desired = mirroredSlices(source);
      const changes = diff(desired, actual, MAX_ENDPOINTS_PER_SUBSET);
      await applySlices(client, source, desired, changes, slicesOf);
      return;
    }
    await Promise.all(actual.map((slice) => client.delete(EndpointSlice, keyOf(slice)).catch(ignoreNotFound)));
  };
  return (signal) => runController({ name: 'endpointslicemirroring', queue, reconcile, log }, signal);
}

function isOurs(slice: EndpointSlice): boolean {
  return slice.metadata.labels?.[MANAGED_BY_LABEL] === MANAGER;
}
