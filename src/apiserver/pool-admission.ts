/**
 * No two IPAddressPools share an address, and none holds an address of a node, of the pods on it, or of the Services' own
 * range: refused at once, with whose it is. MetalLB's webhooks look at pools and nodes, one write at a time.
 */
import { setImmediate } from 'node:timers/promises';
import { Node } from '../api/core/v1/node.ts';
import { invalidValue } from '../api/field-errors.ts';
import type { AnyKind } from '../api/kinds.ts';
import { type KubeObject, keyOf, keyText } from '../api/meta/v1.ts';
import { IPAddressPool } from '../api/metallb/v1beta1/ipaddresspool.ts';
import { ServiceCIDR } from '../api/networking/v1/servicecidr.ts';
import { type Cause, invalid } from '../api/status.ts';
import { sameValue } from '../api/value.ts';
import { type AddressRange, overlapsOf, parseAddressRange } from '../lib/address-range.ts';
import { parseIP } from '../lib/ip.ts';
import type { Store } from '../store/store.ts';
import type { Admission, Admitted, Write } from './admission.ts';
import { kindPrefix, POOL_RANGES } from './storage/keys.ts';

/** Objects that are read at a time. */
const PAGE = 200;

/** Addresses, and whose they are. */
type Held = AddressRange & { readonly owner: string };
/** A range of the pool that is written. */
type Wanted = AddressRange & { readonly i: number; readonly text: string };

/**
 * Checks the ranges of a pool against everybody else's. All writes of ranges also write one key, each on the condition that
 * it is as it was before the others were read: so of two pools that come at the same time, one sees the other.
 */
export function poolAdmission(store: Store): Admission {
  return {
    async admit({ kind, old, next }: Write): Promise<Admitted> {
      if (kind !== IPAddressPool || next === undefined || !hasNewRanges(next, old))
        return { next, compares: [], operations: [] };
      const pool = next as IPAddressPool;
      const modified = (await store.get(POOL_RANGES))?.modified ?? 0;
      const others: (readonly Held[])[] = [];
      for await (const pools of pagesOf<IPAddressPool>(store, IPAddressPool)) others.push(heldByPools(pools, pool));
      for await (const nodes of pagesOf<Node>(store, Node)) others.push(nodes.flatMap(heldByNode));
      for await (const cidrs of pagesOf<ServiceCIDR>(store, ServiceCIDR)) others.push(cidrs.flatMap(heldByServices));
      const causes = overlaps(pool, others.flat());
      if (causes.length > 0) throw invalid(IPAddressPool, pool.metadata.name ?? '', causes);
      const written = Buffer.from(JSON.stringify({ lastWrittenFor: keyText(keyOf(pool)) }));
      return {
        next,
        compares: [{ key: POOL_RANGES, modified }],
        operations: [{ kind: 'put', key: POOL_RANGES, value: written }],
      };
    },
  };
}

/** All objects of a kind, some at a time, so that others are served meanwhile. What is added or changed then may be missed. */
async function* pagesOf<T extends KubeObject>(store: Store, kind: AnyKind): AsyncGenerator<readonly T[]> {
  const prefix = kindPrefix(kind);
  let after: string | undefined;
  for (;;) {
    const page = await store.list(prefix, { limit: PAGE, ...(after === undefined ? {} : { after }) });
    // Not by way of the codec: what is looked at once must not displace what is in use.
    yield page.entries.map(({ value }) => JSON.parse(Buffer.from(value).toString('utf8')) as T);
    after = page.entries.at(-1)?.key;
    if (page.remaining === 0) return;
    await setImmediate();
  }
}

/** A pool whose ranges stay may be written whatever they are: what came to overlap by other ways must not be stuck. */
function hasNewRanges(next: KubeObject, old: KubeObject | undefined): boolean {
  return !sameValue((next as IPAddressPool).spec.addresses, (old as IPAddressPool | undefined)?.spec.addresses);
}

function heldByPools(pools: readonly IPAddressPool[], own: IPAddressPool): readonly Held[] {
  const ownKey = keyText(keyOf(own));
  return pools
    .filter((pool) => keyText(keyOf(pool)) !== ownKey)
    .flatMap((pool) =>
      pool.spec.addresses.map((text) => held(text, `${text} of IPAddressPool ${keyText(keyOf(pool))}`)),
    )
    .filter((range) => range !== undefined);
}

function held(text: string, owner: string): Held | undefined {
  const range = parseAddressRange(text);
  return range && { ...range, owner };
}

function heldByNode({ metadata: { name }, spec, status }: Node): readonly Held[] {
  const addresses = (status?.addresses ?? []).map(({ type, address }) => {
    const ip = type === 'InternalIP' || type === 'ExternalIP' ? parseIP(address) : undefined;
    return ip && { first: ip, last: ip, owner: `${address}, the ${type} of Node ${name}` };
  });
  const pods = (spec?.podCIDRs ?? []).map((text) => held(text, `${text}, the pods of Node ${name}`));
  return [...addresses, ...pods].filter((range) => range !== undefined);
}

function heldByServices({ metadata, spec }: ServiceCIDR): readonly Held[] {
  return (spec?.cidrs ?? [])
    .map((text) => held(text, `${text}, the cluster IPs of ServiceCIDR ${metadata.name}`))
    .filter((range) => range !== undefined);
}

/** One cause for each range of the pool that shares an address with somebody else's. */
function overlaps({ spec }: IPAddressPool, others: readonly Held[]): readonly Cause[] {
  const wanted = spec.addresses.flatMap((text, i): Wanted[] => {
    const range = parseAddressRange(text);
    return range === undefined ? [] : [{ ...range, i, text }];
  });
  const causes = new Map<number, Cause>();
  for (const pair of overlapsOf<Held | Wanted>([...wanted, ...others])) {
    const mine = pair.find((range) => 'i' in range);
    const theirs = pair.find((range) => 'owner' in range);
    if (mine === undefined || theirs === undefined || causes.has(mine.i)) continue;
    causes.set(mine.i, invalidValue(`spec.addresses[${mine.i}]`, mine.text, `overlaps with ${theirs.owner}`));
  }
  return [...causes].sort(([a], [b]) => a - b).map(([, cause]) => cause);
}
