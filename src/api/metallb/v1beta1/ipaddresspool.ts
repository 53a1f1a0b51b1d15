/** metallb.io/v1beta1 IPAddressPool: addresses that LoadBalancer Services may get. https://metallb.io/apis/ */
import { type Column, defineKind, type Resource } from '../../kind.ts';
import { labelSelector } from '../../meta/v1.ts';
import { withoutStatusOnCreate } from '../../prepare.ts';
import { boolean, int64, list, object, required, string, type TypeOf, withDefault } from '../../schema.ts';
import { defaultIPAddressPool, validateIPAddressPool } from './ipaddresspool.validation.ts';

const fields = object(
  {
    spec: required(
      object({
        addresses: required(list(string(), 'CIDRs, or ranges as FIRST-LAST, of either family.')),
        autoAssign: withDefault(boolean('Whether a Service gets an address from here without asking.'), true),
        avoidBuggyIPs: withDefault(boolean('Leave out addresses that end in .0 and .255.'), false),
        serviceAllocation: object(
          {
            priority: int64('Pools are asked in the order of it, 1 first; those of 0, or without one, last.'),
            namespaces: list(string(), 'Namespaces whose Services may have addresses from here.'),
            namespaceSelectors: list(labelSelector, 'Namespaces by label, besides those that are named.'),
            serviceSelectors: list(labelSelector, 'Services that may have addresses from here; empty means every one.'),
          },
          'For whom the pool is; absent: for every Service.',
        ),
      }),
    ),
    status: object(
      { assignedIPv4: int64(), assignedIPv6: int64(), availableIPv4: int64(), availableIPv6: int64() },
      'How many addresses Services have, and how many are left.',
    ),
  },
  'Addresses that Services of type LoadBalancer may get.',
);
export type IPAddressPool = Resource<TypeOf<typeof fields>>;

/** As MetalLB's own resource definition prints them. */
const poolColumns: readonly Column<IPAddressPool>[] = [
  { name: 'Auto Assign', type: 'boolean', value: ({ spec }) => spec.autoAssign ?? true, path: '.spec.autoAssign' },
  {
    name: 'Avoid Buggy IPs',
    type: 'boolean',
    value: ({ spec }) => spec.avoidBuggyIPs ?? false,
    path: '.spec.avoidBuggyIPs',
  },
  { name: 'Addresses', type: 'string', value: ({ spec }) => JSON.stringify(spec.addresses), path: '.spec.addresses' },
];

export const IPAddressPool = defineKind({
  group: 'metallb.io',
  version: 'v1beta1',
  kind: 'IPAddressPool',
  plural: 'ipaddresspools',
  namespaced: true,
  status: true,
  schema: fields,
  columns: poolColumns,
  defaults: defaultIPAddressPool,
  prepare: withoutStatusOnCreate,
  validate: validateIPAddressPool,
  age: false,
});
