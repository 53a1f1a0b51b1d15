import type { models } from 'oci-core';
import type { Plain } from '../../calls.ts';
import type { SecurityList } from '../cloud.ts';
import { limitExceeded } from '../failure.ts';
import { getter, named } from '../lookup.ts';
import type { Operation } from '../operation.ts';
import { present } from '../present.ts';
import { updateSecurityList } from './schemas.ts';

type Ingress = SecurityList['ingressSecurityRules'][number];
type Egress = SecurityList['egressSecurityRules'][number];

/** Rules are kept with the defaults of what was not said. */
const keptIngress = (rule: Ingress): Ingress => ({
  ...present(rule),
  isStateless: rule.isStateless ?? false,
  sourceType: rule.sourceType ?? 'CIDR_BLOCK',
});

const keptEgress = (rule: Egress): Egress => ({
  ...present(rule),
  isStateless: rule.isStateless ?? false,
  destinationType: rule.destinationType ?? 'CIDR_BLOCK',
});

export const securityListOperations: readonly Operation[] = [
  getter({ service: 'network', kind: 'securityList', of: (cloud) => cloud.securityLists }),
  {
    service: 'network',
    name: 'updateSecurityList',
    method: 'PUT',
    path: '/securityLists/{securityListId}',
    body: updateSecurityList,
    takesIfMatch: true,
    etag: (cloud, { path }) => cloud.securityLists.stored(path['securityListId'] ?? '')?.etag,
    status: 200,
    answers: 'securityList',
    handle: (cloud, asked) => {
      const { value } = named(cloud.securityLists, asked, 'securityListId');
      const details = present(asked.body as Plain<models.UpdateSecurityListDetails>);
      // Rules that are given take the place of all rules of their direction; others stay.
      const ingress = details.ingressSecurityRules?.map(keptIngress) ?? value.ingressSecurityRules;
      const egress = details.egressSecurityRules?.map(keptEgress) ?? value.egressSecurityRules;
      const most = cloud.limits.rulesPerSecurityList;
      if (ingress.length > most || egress.length > most) {
        const found = `${ingress.length} ingress and ${egress.length} egress rules`;
        throw limitExceeded(`Security list ${value.id} would have ${found}; it may have ${most} of each.`);
      }
      const stored = cloud.securityLists.put({
        ...value,
        ...details,
        ingressSecurityRules: ingress,
        egressSecurityRules: egress,
      });
      return { body: stored.value, etag: stored.etag };
    },
  },
];
