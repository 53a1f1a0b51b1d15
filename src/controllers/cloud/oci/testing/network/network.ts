/** The networking and compute services. https://docs.oracle.com/en-us/iaas/api/#/en/iaas/20160918/ */
import type { models } from 'oci-core';
import type { Plain } from '../../calls.ts';
import { invalid, notFound, relatedNotFound } from '../failure.ts';
import { getter, lister, named } from '../lookup.ts';
import type { Operation } from '../operation.ts';
import { getPublicIp, updateVnic } from './schemas.ts';
import { securityGroupOperations } from './security-groups.ts';
import { securityListOperations } from './security-lists.ts';

const publicIpByAddress: Operation = {
  service: 'network',
  name: 'getPublicIpByIpAddress',
  method: 'POST',
  path: '/publicIps/actions/getByIpAddress',
  body: getPublicIp,
  status: 200,
  answers: 'publicIp',
  handle: (cloud, asked) => {
    const { ipAddress } = asked.body as Plain<models.GetPublicIpByIpAddressDetails>;
    const found = cloud.publicIps.find((one) => one.ipAddress === ipAddress);
    if (found === undefined) throw notFound(ipAddress);
    return { body: found };
  },
};

const vnicUpdate: Operation = {
  service: 'network',
  name: 'updateVnic',
  method: 'PUT',
  path: '/vnics/{vnicId}',
  body: updateVnic,
  takesIfMatch: true,
  etag: (cloud, { path }) => cloud.vnics.stored(path['vnicId'] ?? '')?.etag,
  status: 200,
  answers: 'vnic',
  handle: (cloud, asked) => {
    const { value } = named(cloud.vnics, asked, 'vnicId');
    const { routeTableId: _, ...details } = asked.body as Plain<models.UpdateVnicDetails>;
    for (const id of details.nsgIds ?? []) {
      if (cloud.networkSecurityGroups.get(id) === undefined) throw relatedNotFound(id);
    }
    const most = cloud.limits.networkSecurityGroups;
    if ((details.nsgIds?.length ?? 0) > most) throw invalid(`A VNIC can be in ${most} network security groups.`);
    const stored = cloud.vnics.put({ ...value, ...details });
    return { body: stored.value, etag: stored.etag };
  },
};

export const networkOperations: readonly Operation[] = [
  getter({ service: 'network', kind: 'vcn', of: (cloud) => cloud.vcns }),
  getter({ service: 'network', kind: 'subnet', of: (cloud) => cloud.subnets }),
  getter({ service: 'network', kind: 'vnic', of: (cloud) => cloud.vnics }),
  lister({
    service: 'network',
    name: 'listSubnets',
    path: '/subnets',
    filters: ['vcnId', 'displayName', 'lifecycleState'],
    of: (cloud) => cloud.subnets.all(),
  }),
  publicIpByAddress,
  vnicUpdate,
  ...securityListOperations,
  ...securityGroupOperations,
  getter({ service: 'compute', kind: 'instance', of: (cloud) => cloud.instances }),
  lister({
    service: 'compute',
    name: 'listInstances',
    path: '/instances',
    filters: ['availabilityDomain', 'displayName', 'lifecycleState'],
    of: (cloud) => cloud.instances.all(),
  }),
  lister({
    service: 'compute',
    name: 'listVnicAttachments',
    path: '/vnicAttachments',
    filters: ['availabilityDomain', 'instanceId', 'vnicId'],
    of: (cloud) => cloud.vnicAttachments.all(),
  }),
];
