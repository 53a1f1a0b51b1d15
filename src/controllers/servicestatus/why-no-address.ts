/** Why a load balancer has no address, or nobody announces the one it has. */
import { poolContains } from '../../alloc/address-pool.ts';
import type { Node } from '../../api/core/v1/node.ts';
import type { Service } from '../../api/core/v1/service.ts';
import { findCondition } from '../../api/meta/conditions.ts';
import { advertises, isForNode, isNodeEligible } from '../../api/metallb/v1beta1/announcers.ts';
import type { IPAddressPool } from '../../api/metallb/v1beta1/ipaddresspool.ts';
import type { L2Advertisement } from '../../api/metallb/v1beta1/l2advertisement.ts';
import { printIP } from '../../lib/ip.ts';
import { poolOf } from '../loadbalancer/assign.ts';
import { currentAddresses } from '../loadbalancer/request.ts';
import { ADDRESS_ALLOCATED } from '../loadbalancer/status.ts';
import type { Finding } from './finding.ts';

/** What decides who announces addresses. */
export interface AnnouncerInput {
  readonly nodes: readonly Node[];
  readonly pools: readonly IPAddressPool[];
  readonly advertisements: readonly L2Advertisement[];
}

/** Nodes that are named when none will do. */
const NEAR_MISSES = 5;

/** Why it has none; nothing is said of what is no load balancer. */
export function whyNoAddress(service: Service): Finding[] {
  if (service.spec?.type !== 'LoadBalancer' || (service.status?.loadBalancer?.ingress ?? []).length > 0) return [];
  const { loadBalancerClass } = service.spec;
  const why =
    findCondition(service.status?.conditions, ADDRESS_ALLOCATED)?.message ??
    (loadBalancerClass === undefined
      ? 'the load balancer controller has not looked at it yet'
      : `its loadBalancerClass "${loadBalancerClass}" is another implementation's to serve`);
  return [{ kind: 'no-load-balancer-address', message: `it has no load balancer address: ${why}` }];
}

/** Why no node announces the load balancer addresses that a Service has. */
export function whyNotAnnounced(service: Service, input: AnnouncerInput): readonly Finding[] {
  if (service.spec?.type !== 'LoadBalancer') return [];
  return currentAddresses(service).flatMap((ip): Finding[] => {
    const pool = input.pools.find((each) => poolContains(poolOf(each).alloc, ip));
    const why = pool && notAnnounced(pool, input);
    return why === undefined
      ? []
      : [{ kind: 'no-announcer', ...why, message: `nobody announces ${printIP(ip)}: ${why.message}` }];
  });
}

function notAnnounced(
  pool: IPAddressPool,
  { advertisements, nodes }: AnnouncerInput,
): Pick<Finding, 'message' | 'remedy'> | undefined {
  const own = advertisements.filter((advertisement) => advertises(advertisement, pool));
  const { name = '', namespace = '' } = pool.metadata;
  if (own.length === 0) {
    const remedy = `create an L2Advertisement (metallb.io/v1beta1) in namespace ${namespace} with ${name} in spec.ipAddressPools`;
    return { message: `no L2Advertisement is about its pool "${name}"`, remedy };
  }
  const asked = nodes.filter((node) => own.some((advertisement) => isForNode(advertisement, node)));
  if (asked.some(isNodeEligible)) return undefined;
  const names = own.map(({ metadata }) => metadata.name).join(', ');
  if (asked.length === 0) {
    return {
      message: `no node has the labels that nodeSelectors of ${names} ask for`,
      remedy: 'kubectl get nodes --show-labels',
    };
  }
  const list = asked.slice(0, NEAR_MISSES).map(({ metadata }) => metadata.name);
  return { message: `none of the nodes that may is ready: ${list.join(', ')}`, remedy: 'kubectl get nodes' };
}
