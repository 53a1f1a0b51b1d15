/** networking.k8s.io/v1 IPAddress: the claim on one cluster IP, named by the address. */
import { defineKind, type ObjectOf } from '../../kind.ts';
import { object, required, string } from '../../schema.ts';

export const IPAddress = defineKind({
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'IPAddress',
  plural: 'ipaddresses',
  shortNames: ['ip'],
  namespaced: false,
  nameFormat: 'path-segment',
  schema: object({
    spec: object({
      parentRef: object({
        group: string(),
        resource: required(string()),
        namespace: string(),
        name: required(string()),
      }),
    }),
  }),
  columns: [
    {
      name: 'ParentRef',
      type: 'string',
      value: ({ spec }) =>
        spec?.parentRef ? `${spec.parentRef.resource}/${spec.parentRef.namespace ?? ''}/${spec.parentRef.name}` : '',
    },
  ],
});
export type IPAddress = ObjectOf<typeof IPAddress>;
