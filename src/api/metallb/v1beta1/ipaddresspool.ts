/** metallb.io/v1beta1 IPAddressPool: addresses that LoadBalancer Services may get. https://metallb.io/apis/ */
import { defineKind, type ObjectOf } from '../../kind.ts';
import { labelSelector } from '../../meta/v1.ts';
import { boolean, int64, list, object, required, string } from '../../schema.ts';

export const IPAddressPool = defineKind({
  group: 'metallb.io',
  version: 'v1beta1',
  kind: 'IPAddressPool',
  plural: 'ipaddresspools',
  namespaced: true,
  status: true,
  schema: object({
    spec: required(
      object({
        addresses: required(list(string(), 'CIDRs, or ranges as FIRST-LAST, of either family.')),
        autoAssign: boolean('Whether a Service gets an address from here without asking. Default: true.'),
        avoidBuggyIPs: boolean('Leave out addresses that end in .0 and .255.'),
        serviceAllocation: object({
          priority: int64(),
          namespaces: list(string()),
          namespaceSelectors: list(labelSelector),
          serviceSelectors: list(labelSelector),
        }),
      }),
    ),
    status: object({ assignedIPv4: int64(), assignedIPv6: int64(), availableIPv4: int64(), availableIPv6: int64() }),
  }),
  age: false,
});
export type IPAddressPool = ObjectOf<typeof IPAddressPool>;
