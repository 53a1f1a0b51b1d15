/** metallb.io/v1beta1 L2Advertisement: which pools' addresses are announced, from where. https://metallb.io/apis/ */
import { defineKind, type ObjectOf } from '../../kind.ts';
import { labelSelector } from '../../meta/v1.ts';
import { list, object, string } from '../../schema.ts';

export const L2Advertisement = defineKind({
  group: 'metallb.io',
  version: 'v1beta1',
  kind: 'L2Advertisement',
  plural: 'l2advertisements',
  namespaced: true,
  status: true,
  schema: object({
    spec: object({
      ipAddressPools: list(string(), 'Names of pools; with ipAddressPoolSelectors empty too, every pool.'),
      ipAddressPoolSelectors: list(labelSelector),
      nodeSelectors: list(labelSelector, 'Nodes that may announce; empty means every node.'),
      interfaces: list(string(), 'Interfaces to announce on; empty means every one.'),
    }),
    status: object({}),
  }),
  age: false,
});
export type L2Advertisement = ObjectOf<typeof L2Advertisement>;
