/** Who may announce an address, best first. Pure: the same objects have the same answer on every node. */
import type { Service } from '../../api/core/v1/service.ts';
import type { EndpointSlice } from '../../api/discovery/v1/endpointslice.ts';
import { keyOf, keyText } from '../../api/meta/v1.ts';
import { type Serving, servedBy, servingEndpoints } from '../../api/metallb/v1beta1/announcers.ts';
import { type IPFamily, mustParseIP, parseIP, printIP } from '../../lib/ip.ts';
import type { AddressPlan } from '../lan/messages.ts';
import { rank } from './election.ts';
import { type AdvertisedPool, joined } from './eligible.ts';

/** A Service that has the address in question, with its slices. */
export interface Claim {
  readonly service: Service;
  readonly slices: readonly EndpointSlice[];
}

/** Load balancer addresses of a Service, in canonical text: the keys of everything here. */
export function announcedAddresses(service: Service): readonly string[] {
  if (service.spec?.type !== 'LoadBalancer') return [];
  return (service.status?.loadBalancer?.ingress ?? [])
    .filter(({ ipMode }) => ipMode !== 'Proxy')
    .map(({ ip }) => parseIP(ip ?? ''))
    .filter((ip) => ip !== undefined)
    .map(printIP);
}

/** The pool that decides about an address; undefined: it is nothing to us. */
export function poolOf(address: string, pools: readonly AdvertisedPool[]): AdvertisedPool | undefined {
  const ip = mustParseIP(address);
  return pools.find((pool) => pool.contains(ip));
}

/** The plan of an address of a pool that these Services have. */
export function desiredPlan(address: string, claims: readonly Claim[], pool: AdvertisedPool): AddressPlan {
  const { family } = mustParseIP(address);
  const sorted = claims.map((claim) => ({ ...claim, key: keyText(keyOf(claim.service)) })).sort(byKey);
  const served = sorted.map((claim) => servers(claim, family, pool)).filter(({ tiers }) => tiers.size > 0);
  const advertisements = pool.advertisements.filter((each) => served.some(({ own }) => own.includes(each)));
  const announcers = joined(advertisements);
  const standing = [...commonNodes(served.map(({ tiers }) => tiers))].flatMap(([node, tier]) => {
    const announcer = announcers.get(node);
    return announcer === undefined ? [] : [{ node, tier, seed: announcer.facts.seed, ...announcer }];
  });
  return {
    address,
    services: sorted.map(({ key }) => key),
    candidates: rank(address, standing).map(({ candidate }) => candidate),
  };
}

/** Nodes that can serve one Service of an address, and how well: the lower the tier, the better. */
type Tiers = ReadonlyMap<string, number>;

/** A node whose endpoints are all ending comes after one that has better; so does one that is being drained itself. */
const SERVING_TIER: Readonly<Record<Exclude<Serving, 'none'>, number>> = { ready: 0, ending: 2 };
const DRAINED_TIER = 1;

function servers({ service, slices }: Claim, family: IPFamily, pool: AdvertisedPool) {
  const own = pool.advertisements.filter((each) => each.isForService(service.metadata.labels));
  const endpoints = servingEndpoints(slices, family);
  const tiers = new Map<string, number>();
  if (endpoints.anywhere === 'none') return { own, tiers };
  for (const { announcers } of own) {
    for (const [name, { facts }] of announcers) {
      const serving = servedBy(service, endpoints, name);
      if (serving !== 'none') tiers.set(name, SERVING_TIER[serving] + (facts.drained ? DRAINED_TIER : 0));
    }
  }
  return { own, tiers };
}

/**
 * Services that share an address must be announced by one node: one that serves all of them that can be served. Where
 * no node does, the first Service decides, so that at least it works.
 */
function commonNodes([first, ...others]: readonly Tiers[]): Tiers {
  if (first === undefined || others.length === 0) return first ?? new Map();
  const common = new Map<string, number>();
  for (const [name, tier] of first) {
    const tiers = others.map((other) => other.get(name));
    if (tiers.every((each) => each !== undefined)) common.set(name, Math.max(tier, ...tiers));
  }
  return common.size > 0 ? common : first;
}

/** Whether two plans say the same: nobody has to be told then. */
export function samePlan(a: AddressPlan | undefined, b: AddressPlan | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return (
    a.services.length === b.services.length &&
    a.candidates.length === b.candidates.length &&
    a.services.every((key, i) => key === b.services[i]) &&
    a.candidates.every(({ node, interfaces }, i) => {
      const other = b.candidates[i];
      return node === other?.node && interfaces?.join() === other.interfaces?.join();
    })
  );
}

function byKey(a: { readonly key: string }, b: { readonly key: string }): number {
  return a.key < b.key ? -1 : a.key > b.key ? 1 : 0;
}
