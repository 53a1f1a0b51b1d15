/** How a network load balancer comes, changes and goes. */
import type { models } from 'oci-networkloadbalancer';
import type { Plain } from '../../calls.ts';
import { checkReserved, prefixOf, privateAddress, publicAddress, releaseAddresses } from '../addresses.ts';
import type { Cloud, NetworkLoadBalancer, Subnet } from '../cloud.ts';
import { conflict, incorrectState, invalid, notFound, relatedNotFound } from '../failure.ts';
import { checkCompartment } from '../lookup.ts';
import type { Answer, Asked } from '../operation.ts';
import { present } from '../present.ts';
import { checkRoom } from '../quota.ts';
import { checkContents, keptBackendSet, keptListener } from './contents.ts';

type Details = Plain<models.CreateNetworkLoadBalancerDetails>;

export function createNetworkLoadBalancer(cloud: Cloud, { body }: Asked): Answer {
  const details = present(body as Details);
  checkCompartment(cloud, details.compartmentId);
  const made = kept(cloud, details);
  const subnet = checkSubnet(cloud, made);
  for (const { id } of details.reservedIps ?? []) {
    if (made.isPrivate && id?.startsWith('ocid1.publicip.')) throw invalid('A private one has no reserved public IP.');
    if (id?.startsWith('ocid1.publicip.')) checkReserved(cloud, id);
  }
  checkContents(cloud, made);
  checkRoom(cloud, 'networkLoadBalancers');
  const reserved = details.reservedIps?.find(({ id }) => id?.startsWith('ocid1.publicip.'))?.id;
  const { value, etag } = cloud.networkLoadBalancers.put(made);
  const work = accept(cloud, made, 'CREATE_NETWORK_LOAD_BALANCER', {
    succeed: () => {
      const ipAddresses = addressesOf(cloud, made, subnet, reserved);
      cloud.networkLoadBalancers.patch(made.id, { lifecycleState: 'ACTIVE', ipAddresses });
    },
    fail: () => cloud.networkLoadBalancers.patch(made.id, { lifecycleState: 'FAILED' }),
  });
  const isThere = () => !/^DELET/.test(cloud.networkLoadBalancers.get(made.id)?.lifecycleState ?? 'DELETED');
  return { ...work, body: value, etag, isThere };
}

function kept(cloud: Cloud, details: Details): NetworkLoadBalancer {
  const { reservedIps: _, subnetIpv6Cidr: __, assignedPrivateIpv4: ___, assignedIpv6: ____, ...rest } = details;
  const { listeners = {}, backendSets = {} } = details;
  for (const [name, one] of Object.entries(listeners)) {
    if (one.name !== name) throw invalid(`Listener ${name} is named ${one.name}.`);
  }
  return {
    freeformTags: {},
    isPrivate: true,
    isPreserveSourceDestination: false,
    isSymmetricHashEnabled: false,
    nlbIpVersion: 'IPV4',
    networkSecurityGroupIds: [],
    ...rest,
    definedTags: cloud.definedTags(details.definedTags),
    id: cloud.newId('networkloadbalancer'),
    lifecycleState: 'CREATING',
    timeCreated: cloud.now(),
    ipAddresses: [],
    listeners: Object.fromEntries(Object.entries(listeners).map(([name, one]) => [name, keptListener(name, one)])),
    backendSets: Object.fromEntries(
      Object.entries(backendSets).map(([name, one]) => [name, keptBackendSet(name, one)]),
    ),
  };
}

function checkSubnet(cloud: Cloud, { subnetId, isPrivate, nlbIpVersion }: NetworkLoadBalancer): Subnet {
  const subnet = cloud.subnets.get(subnetId);
  if (subnet === undefined) throw relatedNotFound(subnetId);
  if (!isPrivate && subnet.prohibitPublicIpOnVnic) throw invalid(`Subnet ${subnetId} lets nothing have a public IP.`);
  if (nlbIpVersion !== 'IPV4' && prefixOf(subnet, 'IPv6') === undefined)
    throw invalid(`Subnet ${subnetId} has no IPv6 prefix.`);
  return subnet;
}

/** A public one has its private IPv4 address besides the public one. */
function addressesOf(
  cloud: Cloud,
  { id, isPrivate, nlbIpVersion }: NetworkLoadBalancer,
  subnet: Subnet,
  reserved: string | undefined,
): NetworkLoadBalancer['ipAddresses'] {
  const v4 = nlbIpVersion === 'IPV6' ? [] : [privateAddress(cloud, subnet, 'IPv4')];
  const publicV4 = isPrivate || nlbIpVersion === 'IPV6' ? [] : [publicAddress(cloud, subnet, 'IPv4', id, reserved)];
  const make = isPrivate ? privateAddress : publicAddress;
  return [...publicV4, ...v4, ...(nlbIpVersion === 'IPV4' ? [] : [make(cloud, subnet, 'IPv6', id)])];
}

/** One that can be changed: it works, and nothing else is being done to it. */
export function changeable(cloud: Cloud, { path }: Asked): NetworkLoadBalancer {
  const id = path['networkLoadBalancerId'] ?? '';
  const found = cloud.networkLoadBalancers.get(id);
  if (found === undefined || found.lifecycleState === 'DELETED') throw notFound(id);
  if (found.lifecycleState === 'UPDATING' || found.lifecycleState === 'CREATING') {
    throw conflict(`Invalid State Transition of NLB lifeCycle state from ${found.lifecycleState} to UPDATING`);
  }
  if (found.lifecycleState !== 'ACTIVE')
    throw incorrectState(`Network load balancer ${id} is ${found.lifecycleState}.`);
  return found;
}

/** Accepts a change of fields; `change` has been checked. */
export function acceptChange(
  cloud: Cloud,
  { id, compartmentId }: NetworkLoadBalancer,
  type: string,
  change: Partial<NetworkLoadBalancer>,
): Answer {
  cloud.networkLoadBalancers.patch(id, { lifecycleState: 'UPDATING' });
  const timeUpdated = cloud.now();
  return accept(cloud, { id, compartmentId }, type, {
    succeed: () => cloud.networkLoadBalancers.patch(id, { ...change, timeUpdated, lifecycleState: 'ACTIVE' }),
    fail: () => cloud.networkLoadBalancers.patch(id, { lifecycleState: 'ACTIVE' }),
  });
}

export function deleteNetworkLoadBalancer(cloud: Cloud, { path }: Asked): Answer {
  const id = path['networkLoadBalancerId'] ?? '';
  const found = cloud.networkLoadBalancers.get(id);
  if (found === undefined || found.lifecycleState === 'DELETED') throw notFound(id);
  if (cloud.work.running(id) !== undefined) {
    throw conflict(`Invalid State Transition of NLB lifeCycle state from ${found.lifecycleState} to DELETING`);
  }
  const before = found.lifecycleState;
  cloud.networkLoadBalancers.patch(id, { lifecycleState: 'DELETING' });
  return accept(cloud, found, 'DELETE_NETWORK_LOAD_BALANCER', {
    succeed: () => {
      releaseAddresses(cloud, id);
      if (cloud.showsDeleted.networkLoadBalancers) cloud.networkLoadBalancers.patch(id, { lifecycleState: 'DELETED' });
      else cloud.networkLoadBalancers.delete(id);
    },
    fail: () => cloud.networkLoadBalancers.patch(id, { lifecycleState: before }),
  });
}

function accept(
  cloud: Cloud,
  { id: target, compartmentId }: Pick<NetworkLoadBalancer, 'id' | 'compartmentId'>,
  type: string,
  effects: { readonly succeed: () => unknown; readonly fail: () => unknown },
): Answer {
  const id = cloud.newId('networkloadbalancerworkrequest');
  return {
    workRequestId: cloud.work.accept({ id, service: 'networkLoadBalancer', type, target, compartmentId }, effects).id,
  };
}
