/** Writes the changes to an owner's slices. */
import { EndpointSlice } from '../../api/discovery/v1/endpointslice.ts';
import { type KubeObject, keyOf } from '../../api/meta/v1.ts';
import type { Client } from '../../client/client.ts';
import { ignoreNotFound } from '../../client/expected.ts';
import type { OwnWrites } from '../../client/own-writes.ts';
import type { DesiredSlices } from './desired.ts';
import { annotationsOf, type NewSlice, type SliceChanges } from './diff.ts';

/**
 * `owner` is what the slices belong to. One that is being deleted gets no new ones: the garbage collector deletes those
 * that it has, and in the foreground would never come to an end. Throws what the API answers; a slice that is gone already
 * is removed.
 */
export async function applySlices(
  client: Client,
  owner: KubeObject,
  desired: DesiredSlices,
  changes: SliceChanges,
  slices: OwnWrites<EndpointSlice>,
): Promise<void> {
  const { namespace = '', deletionTimestamp } = owner.metadata;
  const wanted = deletionTimestamp === undefined ? changes.create : [];
  const created = wanted.map((slice) => sliceOf(namespace, desired, slice));
  await Promise.all([
    ...created.map(async (slice) => slices.remember(await client.create(EndpointSlice, slice))),
    ...changes.update.map(async (slice) => slices.remember(await client.update(EndpointSlice, slice))),
    ...changes.remove.map((slice) => client.delete(EndpointSlice, keyOf(slice)).catch(ignoreNotFound)),
  ]);
}

function sliceOf(namespace: string, desired: DesiredSlices, slice: NewSlice): EndpointSlice {
  const { labels, owner } = desired;
  const annotations = annotationsOf(desired);
  return {
    apiVersion: EndpointSlice.apiVersion,
    kind: EndpointSlice.kind,
    metadata: {
      generateName: `${owner.name}-`,
      namespace,
      labels,
      ...(annotations === undefined ? {} : { annotations }),
      ownerReferences: [owner],
    },
    addressType: slice.addressType,
    endpoints: slice.endpoints,
    ports: slice.ports,
  };
}
