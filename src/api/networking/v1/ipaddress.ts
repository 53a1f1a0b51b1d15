/** networking.k8s.io/v1 IPAddress: the claim on one cluster IP, named by the address. */
import { parseIP, printIP } from '../../../lib/ip.ts';
import { ipMistake } from '../../addresses.ts';
import { immutable, invalidValue, requiredValue } from '../../field-errors.ts';
import { defineKind, type Resource } from '../../kind.ts';
import { mistakeIn } from '../../meta/validation.ts';
import { object, required, string, type TypeOf } from '../../schema.ts';
import type { Cause } from '../../status.ts';
import { sameValue } from '../../value.ts';

const fields = object(
  {
    spec: object({
      parentRef: object({
        group: string(),
        resource: required(string()),
        namespace: string(),
        name: required(string()),
      }),
    }),
  },
  'A claim on one cluster IP, named by the address.',
);
export type IPAddress = Resource<TypeOf<typeof fields>>;

function validateIPAddress({ metadata, spec }: IPAddress, old: IPAddress | undefined): readonly Cause[] {
  const { name = '' } = metadata;
  const ip = parseIP(name);
  const canonical = ip === undefined ? '' : printIP(ip);
  return [
    ...(ip === undefined ? mistakeIn('metadata.name', name, ipMistake(name)) : []),
    ...(ip !== undefined && canonical !== name
      ? [invalidValue('metadata.name', name, `must be in canonical form ("${canonical}")`)]
      : []),
    ...(spec?.parentRef === undefined ? [requiredValue('spec.parentRef')] : []),
    ...(old === undefined || sameValue(spec, old.spec) ? [] : [immutable('spec', spec)]),
  ];
}

export const IPAddress = defineKind({
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'IPAddress',
  plural: 'ipaddresses',
  shortNames: ['ip'],
  namespaced: false,
  generation: false,
  nameFormat: 'path-segment',
  schema: fields,
  validate: validateIPAddress,
  columns: [
    {
      name: 'ParentRef',
      type: 'string',
      value: ({ spec }) =>
        spec?.parentRef ? `${spec.parentRef.resource}/${spec.parentRef.namespace ?? ''}/${spec.parentRef.name}` : '',
    },
  ],
});
