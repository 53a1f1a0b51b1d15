/** Which nodes may announce the addresses of a pool, and on which interfaces. Pure. */
import type { Node } from '../../api/core/v1/node.ts';
import {
  type Advertisement,
  isBeingDrained,
  nodeObstacle,
  readAdvertisement,
} from '../../api/metallb/v1beta1/announcers.ts';
import type { IPAddressPool } from '../../api/metallb/v1beta1/ipaddresspool.ts';
import type { L2Advertisement } from '../../api/metallb/v1beta1/l2advertisement.ts';
import { parseAddressRange, rangeContains } from '../../lib/address-range.ts';
import type { IPAddress } from '../../lib/ip.ts';
import type { Candidate } from '../lan/messages.ts';
import { type Seed, seedOf } from './election.ts';

/** What of a node decides who announces; a heartbeat leaves it as it is. */
export interface NodeFacts {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Whether it is being emptied: it announces what nobody else can. */
  readonly drained: boolean;
  readonly seed: Seed;
}

/** The facts of a node that may announce; undefined when the API says that it may not. */
export function nodeFacts(
  node: Node,
  speakerNodes: Readonly<Record<string, string>> | undefined,
): NodeFacts | undefined {
  if (nodeObstacle(node, speakerNodes) !== undefined) return undefined;
  const { name = '', labels = {} } = node.metadata;
  return { name, labels, drained: isBeingDrained(node), seed: seedOf(name) };
}

/** A node that a set of advertisements lets announce. */
export interface Announcer {
  readonly facts: NodeFacts;
  /** As plans have it; one object for all addresses. */
  readonly candidate: Candidate;
  readonly preference: number;
}

/** An advertisement of a pool with its nodes worked out. */
export interface PoolAdvertisement {
  readonly key: string;
  isForService(labels: Readonly<Record<string, string>> | undefined): boolean;
  readonly announcers: ReadonlyMap<string, Announcer>;
}

/** A pool that advertisements are about. */
export interface AdvertisedPool {
  /** `namespace/name`. */
  readonly key: string;
  contains(ip: IPAddress): boolean;
  readonly advertisements: readonly PoolAdvertisement[];
  /** What nodes and advertisements make of it, as text: addresses have to be looked at again only when it changes. */
  readonly fingerprint: string;
  /** Its addresses, as text; who else has them may change when it does. */
  readonly ranges: string;
}

/** What {@link advertisedPools} works out from. */
export interface PoolInput {
  readonly pools: readonly IPAddressPool[];
  readonly advertisements: readonly L2Advertisement[];
  /** Those that may announce. */
  readonly nodes: readonly NodeFacts[];
}

/** An advertisement that counts for nothing, because of what is wrong with it. */
export interface SetAside {
  readonly advertisement: L2Advertisement;
  readonly why: string;
}

/**
 * Joins pools, advertisements and nodes once, so that each address costs only a look-up. Where pools overlap, which the API
 * refuses, the older one counts: it comes first.
 */
export function advertisedPools({ pools, advertisements, nodes }: PoolInput): {
  readonly pools: readonly AdvertisedPool[];
  readonly setAside: readonly SetAside[];
} {
  const good: { readonly object: L2Advertisement; readonly read: Advertisement }[] = [];
  const setAside: SetAside[] = [];
  for (const object of advertisements) {
    const read = readAdvertisement(object);
    if (typeof read === 'string') setAside.push({ advertisement: object, why: read });
    else good.push({ object, read });
  }
  const joined = good
    .sort((a, b) => (a.read.key < b.read.key ? -1 : 1))
    .map(({ object, read }) => ({ object, read, announcers: announcersOf(read, nodes) }));
  const advertised = pools.toSorted(byAge).map((pool): AdvertisedPool => {
    const own = joined.filter(({ read }) => read.isAbout(pool));
    return {
      key: keyOf(pool),
      contains: poolMatcher(pool),
      advertisements: own.map(({ read, announcers }) => ({
        key: read.key,
        isForService: (labels) => read.isForService(labels),
        announcers,
      })),
      fingerprint: JSON.stringify(
        own.map(({ object, announcers }) => [object.spec?.serviceSelectors, [...announcers.values()].map(essence)]),
      ),
      ranges: pool.spec.addresses.join(),
    };
  });
  return { pools: advertised, setAside };
}

function announcersOf(advertisement: Advertisement, nodes: readonly NodeFacts[]): ReadonlyMap<string, Announcer> {
  const { interfaces } = advertisement;
  return new Map(
    nodes
      .filter(({ labels }) => advertisement.isForNode(labels))
      .map((facts) => {
        const candidate = { node: facts.name, interfaces };
        return [facts.name, { facts, candidate, preference: advertisement.preference(facts.labels) }];
      }),
  );
}

/** What of an announcer plans rest on. */
function essence({ facts, candidate, preference }: Announcer): readonly unknown[] {
  return [facts.name, facts.drained, candidate.interfaces, preference];
}

/** Advertisements of one pool add up: a node announces wherever one of them says, and is preferred by all of them. */
export function joined(advertisements: readonly PoolAdvertisement[]): ReadonlyMap<string, Announcer> {
  const [first, ...others] = advertisements;
  if (others.length === 0) return first?.announcers ?? new Map();
  const all = new Map(first?.announcers);
  for (const { announcers } of others) {
    for (const [name, announcer] of announcers) {
      const before = all.get(name);
      all.set(name, before === undefined ? announcer : added(before, announcer));
    }
  }
  return all;
}

function added(a: Announcer, b: Announcer): Announcer {
  const [here, there] = [a.candidate.interfaces, b.candidate.interfaces];
  const interfaces = here === undefined || there === undefined ? undefined : [...new Set([...here, ...there])].sort();
  return { facts: a.facts, candidate: { node: a.facts.name, interfaces }, preference: a.preference + b.preference };
}

function poolMatcher({ spec }: IPAddressPool): (ip: IPAddress) => boolean {
  const ranges = spec.addresses.map(parseAddressRange).filter((range) => range !== undefined);
  return (ip) => ranges.some((range) => rangeContains(range, ip));
}

function keyOf({ metadata }: IPAddressPool): string {
  return `${metadata.namespace}/${metadata.name}`;
}

function byAge(a: IPAddressPool, b: IPAddressPool): number {
  const [first, second] = [a.metadata.creationTimestamp ?? '', b.metadata.creationTimestamp ?? ''];
  if (first !== second) return first < second ? -1 : 1;
  return keyOf(a) < keyOf(b) ? -1 : 1;
}
