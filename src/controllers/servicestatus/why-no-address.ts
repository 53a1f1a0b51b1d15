/** Why a load balancer has no address, or nobody announces the one it has. Pure; in words for people. */
import type { Node } from '../../api/core/v1/node.ts';
import type { Service } from '../../api/core/v1/service.ts';
import { type EndpointSlice, serviceKeysOf } from '../../api/discovery/v1/endpointslice.ts';
import { findCondition } from '../../api/meta/conditions.ts';
import { keyOf, keyText } from '../../api/meta/v1.ts';
import { type AnnouncerLease, isRenewedLately } from '../../api/metallb/v1beta1/announcer-lease.ts';
import {
  type Advertisement,
  EXCLUDE_LABEL,
  type NodeObstacle,
  nodeObstacle,
  readAdvertisement,
  servedBy,
  servingEndpoints,
} from '../../api/metallb/v1beta1/announcers.ts';
import type { IPAddressPool } from '../../api/metallb/v1beta1/ipaddresspool.ts';
import type { L2Advertisement } from '../../api/metallb/v1beta1/l2advertisement.ts';
import { isOurLoadBalancer } from '../../api/metallb/v1beta1/load-balancer-class.ts';
import type { MetalLB } from '../../api/metallb/v1beta1/metallb.ts';
import { printTime } from '../../api/time.ts';
import { parseAddressRange, rangeContains } from '../../lib/address-range.ts';
import { type IPAddress, printIP } from '../../lib/ip.ts';
import { markOf } from '../cloud/balancers/marks.ts';
import { currentAddresses } from '../loadbalancer/request.ts';
import { ADDRESS_ALLOCATED } from '../loadbalancer/status.ts';
import type { Finding } from './finding.ts';
import { toldByProvider } from './why-provider.ts';

/** What decides who announces addresses. */
export interface AnnouncerInput {
  /** The Service's own, others among them or not. */
  readonly slices: readonly EndpointSlice[];
  readonly nodes: readonly Node[];
  readonly pools: readonly IPAddressPool[];
  readonly advertisements: readonly L2Advertisement[];
  readonly metallb: MetalLB | undefined;
  /** The announcers that have ever run. */
  readonly announcers: readonly AnnouncerLease[];
  /** Milliseconds since 1970. */
  readonly now: number;
}

/** Nodes that are named when none will do. */
const NEAR_MISSES = 5;

type Told = Pick<Finding, 'message' | 'remedy'>;

/** Why it has none; nothing is said of what is no load balancer. */
export function whyNoAddress(service: Service, metallb: MetalLB | undefined): Finding[] {
  if (service.spec?.type !== 'LoadBalancer' || (service.status?.loadBalancer?.ingress ?? []).length > 0) return [];
  const why = isOurs(service, metallb)
    ? (findCondition(service.status?.conditions, ADDRESS_ALLOCATED)?.message ??
      'the load balancer controller has not looked at it yet')
    : whyNotOurs(service, metallb);
  return [{ kind: 'no-load-balancer-address', message: `it has no load balancer address: ${why}` }];
}

/** Where a provider has put its mark, layer 2 leaves a Service to it, whatever its class. */
function isOurs(service: Service, metallb: MetalLB | undefined): boolean {
  return isOurLoadBalancer(service, metallb) && markOf(service) === undefined;
}

function whyNotOurs(service: Service, metallb: MetalLB | undefined): string {
  const provider = markOf(service);
  if (provider !== undefined) return toldByProvider(service, provider);
  const { spec } = service;
  if (spec?.loadBalancerClass !== undefined) {
    return `its loadBalancerClass "${spec.loadBalancerClass}" is another implementation's to serve`;
  }
  const wanted = metallb?.spec?.loadBalancerClass;
  return `it has no loadBalancerClass, and the MetalLB object has only those served that have "${wanted}"`;
}

/**
 * Why no node announces the load balancer addresses that a Service has. That it has no endpoint at all, and so is not
 * announced, is told elsewhere.
 */
export function whyNotAnnounced(service: Service, input: AnnouncerInput): readonly Finding[] {
  if (!isOurs(service, input.metallb)) return [];
  return currentAddresses(service).flatMap((ip): Finding[] => {
    const pool = input.pools.find(({ spec }) => spec.addresses.some((text) => contains(text, ip)));
    const why = pool && notAnnounced(service, ip, pool, input);
    return why === undefined
      ? []
      : [{ kind: 'no-announcer', ...why, message: `nobody announces ${printIP(ip)}: ${why.message}` }];
  });
}

function contains(text: string, ip: IPAddress): boolean {
  const range = parseAddressRange(text);
  return range !== undefined && rangeContains(range, ip);
}

/** The first thing that leaves no node. */
function notAnnounced(service: Service, ip: IPAddress, pool: IPAddressPool, input: AnnouncerInput): Told | undefined {
  const about = advertisementsOf(pool, input);
  if ('message' in about) return about;
  const own = about.filter((each) => each.isForService(service.metadata.labels));
  if (own.length === 0) {
    return {
      message: `serviceSelectors of ${names(about)} do not select this Service`,
      remedy: 'give it a label that they ask for, or add an L2Advertisement for it',
    };
  }
  const asked = input.nodes.filter(({ metadata }) => own.some((each) => each.isForNode(metadata.labels)));
  if (asked.length === 0) {
    const message = `no node has the labels that nodeSelectors of ${names(own)} ask for`;
    return { message, remedy: 'kubectl get nodes --show-labels' };
  }
  const able = asked.filter((node) => obstacleOf(node, input) === undefined);
  if (able.length === 0) return noneIsAble(asked, input);
  return noneServes(service, ip, able, input) ?? noneLives(able, input);
}

function advertisementsOf(pool: IPAddressPool, { advertisements }: AnnouncerInput): readonly Advertisement[] | Told {
  const read = advertisements.map((object) => ({ object, read: readAdvertisement(object) }));
  const about = read.flatMap((each) => (typeof each.read === 'object' && each.read.isAbout(pool) ? [each.read] : []));
  if (about.length > 0) return about;
  const { name = '', namespace = '' } = pool.metadata;
  const bad = read.find((each) => typeof each.read === 'string' && each.object.metadata.namespace === namespace);
  const besides = bad && `; L2Advertisement ${bad.object.metadata.name} counts for nothing: ${bad.read}`;
  return {
    message: `no L2Advertisement is about its pool "${name}"${besides ?? ''}`,
    remedy: `create an L2Advertisement (metallb.io/v1beta1) in namespace ${namespace} with ${name} in spec.ipAddressPools`,
  };
}

const OBSTACLES: Readonly<Record<NodeObstacle, string>> = {
  deleted: 'is being deleted',
  excluded: `has the label ${EXCLUDE_LABEL}`,
  'network-unavailable': 'has no network (NetworkUnavailable)',
  'not-selected': 'lacks the labels that spec.nodeSelector of the MetalLB object asks for',
};

function obstacleOf(node: Node, { metallb }: AnnouncerInput): NodeObstacle | undefined {
  return nodeObstacle(node, metallb?.spec?.nodeSelector);
}

function noneIsAble(asked: readonly Node[], input: AnnouncerInput): Told {
  const list = few(asked, (node) => `${node.metadata.name} ${OBSTACLES[obstacleOf(node, input) ?? 'deleted']}`);
  return { message: `none of the nodes that may can: ${list}`, remedy: 'kubectl get nodes --show-labels' };
}

/** With an endpoint somewhere, and none that serves this address from one of the nodes. */
function noneServes(
  service: Service,
  ip: IPAddress,
  able: readonly Node[],
  { slices }: AnnouncerInput,
): Told | undefined {
  const own = slices.filter((slice) => serviceKeysOf(slice).includes(keyText(keyOf(service))));
  const endpoints = servingEndpoints(own, ip.family);
  const other = ip.family === 'IPv4' ? 'IPv6' : 'IPv4';
  if (endpoints.anywhere === 'none') {
    if (servingEndpoints(own, other).anywhere === 'none') return undefined;
    return { message: `its endpoints have ${other} addresses and no ${ip.family} ones` };
  }
  if (able.some(({ metadata: { name = '' } }) => servedBy(service, endpoints, name) !== 'none')) return undefined;
  const places = [...endpoints.onNode.keys()].sort();
  const where = places.length === 0 ? 'on no node' : `on ${few(places, (name) => name)}`;
  return {
    message: `externalTrafficPolicy is Local, and its endpoints are ${where}, none of them on a node that may announce it`,
    remedy: 'set externalTrafficPolicy: Cluster, or let nodeSelectors select the nodes of its endpoints',
  };
}

/** By the leases of the announcers: that of a node that has died ends within seconds. */
function noneLives(able: readonly Node[], { announcers, now }: AnnouncerInput): Told | undefined {
  const byNode = new Map(announcers.map((lease) => [lease.node, lease]));
  const leaseOf = ({ metadata: { name = '' } }: Node) => byNode.get(name);
  const lives = (lease: AnnouncerLease | undefined) => lease !== undefined && isRenewedLately(lease, now);
  if (able.some((node) => lives(leaseOf(node)))) return undefined;
  const list = few(able, (node) => {
    // A point in time rather than an age: the same text as long as nothing changes.
    const renewed = leaseOf(node)?.renewed;
    const seen = renewed === undefined ? 'none has run there' : `last seen ${printTime(renewed)}`;
    return `${node.metadata.name} (${seen})`;
  });
  return {
    message: `no announcer runs on the nodes that may: ${list}`,
    remedy: 'start postern agent or postern l2 there, and look into its log',
  };
}

function names(advertisements: readonly Advertisement[]): string {
  return advertisements.map(({ key }) => key.slice(key.indexOf('/') + 1)).join(', ');
}

function few<T>(all: readonly T[], print: (each: T) => string): string {
  const more = all.length > NEAR_MISSES ? `, and ${all.length - NEAR_MISSES} more` : '';
  return all.slice(0, NEAR_MISSES).map(print).join(', ') + more;
}
