/** The networking and compute services. https://docs.oracle.com/en-us/iaas/api/#/en/iaas/20160918/ */
import type { models } from 'oci-core';
import type { Plain } from '../../calls.ts';
import { notFound } from '../failure.ts';
import { getter, lister } from '../lookup.ts';
import type { Operation } from '../operation.ts';
import { getPublicIp } from './schemas.ts';
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
  ...securityListOperations,
  ...securityGroupOperations,
  getter({ service: 'compute', kind: 'instance', of: (cloud) => cloud.instances }),
  lister({
    service: 'compute',
    name: 'listVnicAttachments',
    path: '/vnicAttachments',
    filters: ['availabilityDomain', 'instanceId', 'vnicId'],
    of: (cloud) => cloud.vnicAttachments.all(),
  }),
];
