/** Cuts Endpoints down to what one object may hold. Pure. */
import type { EndpointAddress, EndpointSubset } from '../../api/core/v1/endpoints.ts';

/**
 * At most `most` addresses: ready ones rather than others, and of each subset its share. The very same list comes back
 * when nothing is over.
 */
export function truncate(subsets: readonly EndpointSubset[], most: number): readonly EndpointSubset[] {
  const ready = count(subsets, (subset) => subset.addresses);
  const others = count(subsets, (subset) => subset.notReadyAddresses);
  if (ready + others <= most) return subsets;
  const keepReady = shares(
    subsets.map(({ addresses = [] }) => addresses.length),
    Math.min(ready, most),
  );
  const left = Math.max(0, most - ready);
  const keepOthers = shares(
    subsets.map(({ notReadyAddresses = [] }) => notReadyAddresses.length),
    left,
  );
  return subsets
    .map(({ addresses = [], notReadyAddresses = [], ports }, i) => ({
      ...some('addresses', addresses.slice(0, keepReady[i])),
      ...some('notReadyAddresses', notReadyAddresses.slice(0, keepOthers[i])),
      ...(ports === undefined ? {} : { ports }),
    }))
    .filter((subset) => 'addresses' in subset || 'notReadyAddresses' in subset);
}

type List = 'addresses' | 'notReadyAddresses';

function some(name: List, addresses: readonly EndpointAddress[]): { [K in List]?: readonly EndpointAddress[] } {
  return addresses.length > 0 ? { [name]: addresses } : {};
}

function count(
  subsets: readonly EndpointSubset[],
  of: (subset: EndpointSubset) => readonly EndpointAddress[] | undefined,
): number {
  return subsets.reduce((sum, subset) => sum + (of(subset)?.length ?? 0), 0);
}

/** `total` divided in proportion to `sizes`, rounded so that nothing is lost. */
function shares(sizes: readonly number[], total: number): readonly number[] {
  const all = sizes.reduce((sum, size) => sum + size, 0);
  let seen = 0;
  let given = 0;
  return sizes.map((size) => {
    seen += size;
    const upTo = all === 0 ? 0 : Math.floor((seen * total) / all);
    const share = upTo - given;
    given = upTo;
    return share;
  });
}
