/** How a load balancer comes, changes and goes: each by work that is accepted at once and done later. */
import type { models } from 'oci-loadbalancer';
import type { Plain } from '../../calls.ts';
import {
  type Address,
  checkReserved,
  prefixOf,
  privateAddress,
  publicAddress,
  releaseAddresses,
} from '../addresses.ts';
import type { Cloud, LoadBalancer, Subnet } from '../cloud.ts';
import { conflict, incorrectState, invalid, notFound, relatedNotFound } from '../failure.ts';
import { checkCompartment } from '../lookup.ts';
import type { Answer, Asked } from '../operation.ts';
import { present } from '../present.ts';
import { checkRoom } from '../quota.ts';
import { checkContents, keptBackendSet, keptCertificate, keptListener } from './contents.ts';

type Details = Plain<models.CreateLoadBalancerDetails>;

export function createLoadBalancer(cloud: Cloud, { body }: Asked): Answer {
  const details = present(body as Details);
  checkCompartment(cloud, details.compartmentId);
  const subnets = checkSubnets(cloud, details);
  for (const { id } of details.reservedIps ?? []) {
    if (details.isPrivate) throw invalid('A private load balancer has no reserved public IP.');
    if (id !== undefined) checkReserved(cloud, id);
  }
  const made = keptLoadBalancer(cloud, details);
  checkContents(cloud, made);
  checkRoom(cloud, 'loadBalancers');
  cloud.loadBalancers.put(made);
  const reserved = details.reservedIps?.[0]?.id;
  const work = accept(cloud, made, 'CreateLoadBalancer', {
    succeed: () => {
      const ipAddresses = addressesOf(cloud, made, subnets, reserved);
      cloud.loadBalancers.patch(made.id, { lifecycleState: 'ACTIVE', ipAddresses });
    },
    fail: () => cloud.loadBalancers.patch(made.id, { lifecycleState: 'FAILED' }),
  });
  const isThere = () => !/^DELET/.test(cloud.loadBalancers.get(made.id)?.lifecycleState ?? 'DELETED');
  return { ...work, isThere };
}

function checkSubnets(cloud: Cloud, { subnetIds, isPrivate = false, ipMode }: Details): readonly Subnet[] {
  const subnets = subnetIds.map((id) => {
    const subnet = cloud.subnets.get(id);
    if (subnet === undefined) throw relatedNotFound(id);
    if (!isPrivate && subnet.prohibitPublicIpOnVnic) throw invalid(`Subnet ${id} lets nothing have a public IP.`);
    if (prefixOf(subnet, 'IPv4') === undefined) throw invalid(`Subnet ${id} has no IPv4 prefix.`);
    if (ipMode === 'IPV6' && prefixOf(subnet, 'IPv6') === undefined) throw invalid(`Subnet ${id} has no IPv6 prefix.`);
    return subnet;
  });
  checkDomains(subnets, isPrivate);
  return subnets;
}

/** https://docs.oracle.com/en-us/iaas/Content/Balance/Concepts/load_balancer_types.htm */
function checkDomains(subnets: readonly Subnet[], isPrivate: boolean): void {
  if (isPrivate) {
    if (subnets.length !== 1) throw invalid('A private load balancer is in one subnet.');
    return;
  }
  const domains = new Set(subnets.map(({ availabilityDomain }) => availabilityDomain));
  const isRegional = subnets.length === 1 && domains.has(undefined);
  const isSpread = subnets.length === 2 && domains.size === 2 && !domains.has(undefined);
  if (!isRegional && !isSpread) {
    throw invalid('A public load balancer is in one regional subnet, or in two of different availability domains.');
  }
}

function keptLoadBalancer(cloud: Cloud, details: Details): LoadBalancer {
  const { reservedIps: _, ipv6SubnetCidr: __, listeners, backendSets, certificates, ...rest } = details;
  const kept = {
    freeformTags: {},
    isPrivate: false,
    ipMode: 'IPV4',
    ...rest,
    definedTags: cloud.definedTags(details.definedTags),
    id: cloud.newId('loadbalancer'),
    lifecycleState: 'CREATING',
    timeCreated: cloud.now(),
    networkSecurityGroupIds: details.networkSecurityGroupIds ?? [],
    listeners: mapped(listeners, (name, one) => keptListener(name, one)),
    backendSets: mapped(backendSets, (name, one) => keptBackendSet(name, one)),
    certificates: mapped(certificates, (_name, one) => keptCertificate(one)),
    hostnames: {},
    pathRouteSets: {},
    ruleSets: {},
    sslCipherSuites: {},
    routingPolicies: {},
  };
  return kept as LoadBalancer;
}

const mapped = <T, U>(from: { readonly [name: string]: T } | undefined, of: (name: string, one: T) => U) =>
  Object.fromEntries(Object.entries(from ?? {}).map(([name, one]) => [name, of(name, one)]));

/** With IPv6 a load balancer has an address of each family. */
function addressesOf(
  cloud: Cloud,
  { id, isPrivate, ipMode }: LoadBalancer,
  [subnet]: readonly Subnet[],
  reserved?: string,
): LoadBalancer['ipAddresses'] & object {
  if (subnet === undefined) throw new Error(`${id} has no subnet`);
  const families = ipMode === 'IPV6' ? (['IPv4', 'IPv6'] as const) : (['IPv4'] as const);
  const addresses = families.map((family) =>
    isPrivate ? privateAddress(cloud, subnet, family) : publicAddress(cloud, subnet, family, id, reserved),
  );
  return addresses.map(({ ipVersion: _, ...address }: Address) => address);
}

/** One that can be changed: it works, and nothing else is being done to it. */
export function changeable(cloud: Cloud, { path }: Asked): LoadBalancer {
  const id = path['loadBalancerId'] ?? '';
  const found = cloud.loadBalancers.get(id);
  if (found === undefined || found.lifecycleState === 'DELETED') throw notFound(id);
  if (found.lifecycleState !== 'ACTIVE') throw incorrectState(`Load balancer ${id} is ${found.lifecycleState}.`);
  const running = cloud.work.running(id);
  if (running !== undefined) throw conflict(`Load balancer ${id} has work request ${running.id} in progress.`);
  return found;
}

/** Accepts a change of fields; `change` has been checked. */
export function acceptChange(cloud: Cloud, found: LoadBalancer, type: string, change: Partial<LoadBalancer>): Answer {
  return accept(cloud, found, type, {
    succeed: () => cloud.loadBalancers.patch(found.id, change),
    fail: () => undefined,
  });
}

export function deleteLoadBalancer(cloud: Cloud, { path }: Asked): Answer {
  const id = path['loadBalancerId'] ?? '';
  const found = cloud.loadBalancers.get(id);
  if (found === undefined || found.lifecycleState === 'DELETED') throw notFound(id);
  const running = cloud.work.running(id);
  if (running !== undefined) throw incorrectState(`Load balancer ${id} has work request ${running.id} in progress.`);
  if (found.isDeleteProtectionEnabled) throw conflict(`Load balancer ${id} is protected against deletion.`);
  const before = found.lifecycleState;
  cloud.loadBalancers.patch(id, { lifecycleState: 'DELETING' });
  return accept(cloud, found, 'DeleteLoadBalancer', {
    succeed: () => {
      releaseAddresses(cloud, id);
      if (cloud.showsDeleted.loadBalancers) cloud.loadBalancers.patch(id, { lifecycleState: 'DELETED' });
      else cloud.loadBalancers.delete(id);
    },
    fail: () => cloud.loadBalancers.patch(id, { lifecycleState: before }),
  });
}

function accept(
  cloud: Cloud,
  { id: target, compartmentId }: LoadBalancer,
  type: string,
  effects: { readonly succeed: () => unknown; readonly fail: () => unknown },
): Answer {
  const id = cloud.newId('loadbalancerworkrequest');
  return { workRequestId: cloud.work.accept({ id, service: 'loadBalancer', type, target, compartmentId }, effects).id };
}
