/** metallb.io/v1beta1 L2Advertisement: which pools' addresses are announced, from where. https://metallb.io/apis/ */
import { type Column, defineKind, type Resource } from '../../kind.ts';
import { labelSelector } from '../../meta/v1.ts';
import { mistakeIn, validateSelector } from '../../meta/validation.ts';
import { dnsSubdomainMistake } from '../../names.ts';
import { withoutStatusOnCreate } from '../../prepare.ts';
import { list, object, string, type TypeOf } from '../../schema.ts';
import type { Cause } from '../../status.ts';

const fields = object(
  {
    spec: object({
      ipAddressPools: list(string(), 'Names of pools; with ipAddressPoolSelectors empty too, every pool.'),
      ipAddressPoolSelectors: list(labelSelector),
      nodeSelectors: list(labelSelector, 'Nodes that may announce; empty means every node.'),
      interfaces: list(string(), 'Interfaces to announce on; empty means every one.'),
    }),
    status: object({}),
  },
  'Which pools’ addresses are announced by ARP and NDP, from which nodes and interfaces.',
);
export type L2Advertisement = Resource<TypeOf<typeof fields>>;

/** As MetalLB's own resource definition prints them. */
const advertisementColumns: readonly Column<L2Advertisement>[] = [
  { name: 'IPAddressPools', type: 'string', value: ({ spec }) => printList(spec?.ipAddressPools) },
  { name: 'IPAddressPool Selectors', type: 'string', value: ({ spec }) => printList(spec?.ipAddressPoolSelectors) },
  { name: 'Interfaces', type: 'string', value: ({ spec }) => printList(spec?.interfaces) },
  { name: 'Node Selectors', type: 'string', priority: 10, value: ({ spec }) => printList(spec?.nodeSelectors) },
];

function printList(items: readonly unknown[] | undefined): string {
  return items === undefined ? '' : JSON.stringify(items);
}

function validateL2Advertisement({ spec = {} }: L2Advertisement): readonly Cause[] {
  return [
    ...(spec.ipAddressPools ?? []).flatMap((name, i) =>
      mistakeIn(`spec.ipAddressPools[${i}]`, name, dnsSubdomainMistake(name)),
    ),
    ...(['ipAddressPoolSelectors', 'nodeSelectors'] as const).flatMap((field) =>
      (spec[field] ?? []).flatMap((selector, i) => validateSelector(selector, `spec.${field}[${i}]`)),
    ),
    ...(spec.interfaces ?? []).flatMap((name, i) => mistakeIn(`spec.interfaces[${i}]`, name, interfaceMistake(name))),
  ];
}

/** Linux's rules for names of network interfaces: dev_valid_name of net/core/dev.c. */
function interfaceMistake(name: string): string | undefined {
  if (/^[^\s/:]{1,15}$/.test(name) && name !== '.' && name !== '..') return undefined;
  return "must be the name of a network interface: 1 to 15 characters without spaces, '/' and ':'";
}

export const L2Advertisement = defineKind({
  group: 'metallb.io',
  version: 'v1beta1',
  kind: 'L2Advertisement',
  plural: 'l2advertisements',
  namespaced: true,
  status: true,
  schema: fields,
  columns: advertisementColumns,
  prepare: withoutStatusOnCreate,
  validate: validateL2Advertisement,
  age: false,
});
