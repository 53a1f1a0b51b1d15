/** Division of a cluster's CIDR into the nodes' prefixes. Pure. */
import { addIP, bits, type CIDR, cidrContains, cidrsOverlap } from '../../lib/ip.ts';

/**
 * The lowest prefix of length `prefix` inside `cluster` that shares no address with those taken; undefined when there is
 * none. Looks at no more prefixes than are taken, plus one.
 */
export function freePrefix(cluster: CIDR, prefix: number, taken: readonly CIDR[]): CIDR | undefined {
  if (prefix < cluster.prefix) return undefined;
  const step = 1n << BigInt(bits(cluster.base.family) - prefix);
  const used = takenIndexes(cluster, step, taken);
  const count = 1n << BigInt(prefix - cluster.prefix);
  for (let index = 0n; index < count; index++) {
    const skip = used.find(({ first, last }) => index >= first && index <= last);
    if (skip === undefined) return { base: addIP(cluster.base, index * step), prefix };
    index = skip.last;
  }
  return undefined;
}

/** Which of the cluster's prefixes the taken ones touch, in order. They may be of other sizes, as after a change of size. */
function takenIndexes(cluster: CIDR, step: bigint, taken: readonly CIDR[]): { first: bigint; last: bigint }[] {
  return taken
    .filter((each) => cidrsOverlap(cluster, each))
    .map((each) => {
      // A taken prefix that contains the whole cluster leaves nothing.
      const base = cidrContains(cluster, each.base) ? each.base.value : cluster.base.value;
      const first = (base - cluster.base.value) / step;
      const size = 1n << BigInt(bits(each.base.family) - each.prefix);
      return { first, last: first + (size <= step ? 1n : size / step) - 1n };
    });
}
