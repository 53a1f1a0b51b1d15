/** metallb.io/v1beta1 L2Advertisement: which pools' addresses are announced, from where. https://metallb.io/apis/ */
import { type Column, defineKind, type Resource } from '../../kind.ts';
import { labelSelector } from '../../meta/v1.ts';
import { withoutStatusOnCreate } from '../../prepare.ts';
import { int32, list, object, required, string, type TypeOf } from '../../schema.ts';
import { validateL2Advertisement } from './l2advertisement.validation.ts';

const preferredNodeSelector = object({
  weight: required(int32('1 to 100; the weights of all that match a node are added up.')),
  preference: required(labelSelector),
});

const fields = object(
  {
    spec: object({
      ipAddressPools: list(string(), 'Names of pools; with ipAddressPoolSelectors empty too, every pool.'),
      ipAddressPoolSelectors: list(labelSelector),
      nodeSelectors: list(labelSelector, 'Nodes that may announce; empty means every node.'),
      preferredNodeSelectors: list(
        preferredNodeSelector,
        'Of the nodes that may announce, those that do so before others while they can.',
      ),
      interfaces: list(string(), 'Interfaces to announce on; empty means every one.'),
      serviceSelectors: list(labelSelector, 'Services whose addresses are announced; empty means every one.'),
    }),
    status: object({}),
  },
  'Which pools’ addresses are announced by ARP and NDP, from which nodes and interfaces.',
);
export type L2Advertisement = Resource<TypeOf<typeof fields>>;
/** A preference for nodes. Follows core/v1 PreferredSchedulingTerm, with a label selector. */
export type PreferredNodeSelector = TypeOf<typeof preferredNodeSelector>;

/** As MetalLB's own resource definition prints them. */
const advertisementColumns: readonly Column<L2Advertisement>[] = [
  {
    name: 'IPAddressPools',
    type: 'string',
    value: ({ spec }) => printList(spec?.ipAddressPools),
    path: '.spec.ipAddressPools',
  },
  {
    name: 'IPAddressPool Selectors',
    type: 'string',
    value: ({ spec }) => printList(spec?.ipAddressPoolSelectors),
    path: '.spec.ipAddressPoolSelectors',
  },
  { name: 'Interfaces', type: 'string', value: ({ spec }) => printList(spec?.interfaces), path: '.spec.interfaces' },
  {
    name: 'Node Selectors',
    type: 'string',
    priority: 10,
    value: ({ spec }) => printList(spec?.nodeSelectors),
    path: '.spec.nodeSelectors',
  },
];

function printList(items: readonly unknown[] | undefined): string {
  return items === undefined ? '' : JSON.stringify(items);
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
