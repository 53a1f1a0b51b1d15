/** networking.k8s.io/v1 IPAddress: the claim on one cluster IP, named by the address. */
import { parseIP, printIP } from '../../../lib/ip.ts';
import { ipMistake } from '../../addresses.ts';
import { immutable, requiredValue } from '../../field-errors.ts';
import { defineKind, type Resource } from '../../kind.ts';
import { mistakeIn } from '../../meta/validation.ts';
import { dnsSubdomainMistake, pathSegmentMistake } from '../../names.ts';
import { object, required, string, type TypeOf, withDefault } from '../../schema.ts';
import type { Cause } from '../../status.ts';
import { sameValue } from '../../value.ts';

const fields = object(
  {
    spec: object({
      parentRef: object({
        group: string('Of what holds the address; empty for the core group, that of Services.'),
        resource: required(withDefault(string('In plural: services.'), '')),
        namespace: string(),
        name: required(withDefault(string(), '')),
      }),
    }),
  },
  'A claim on one cluster IP, named by the address.',
);
export type IPAddress = Resource<TypeOf<typeof fields>>;

type ParentReference = NonNullable<NonNullable<IPAddress['spec']>['parentRef']>;

function validateIPAddress({ metadata, spec }: IPAddress, old: IPAddress | undefined): readonly Cause[] {
  const { name = '' } = metadata;
  const parent = spec?.parentRef;
  const moved = old !== undefined && !sameValue(parent, old.spec?.parentRef);
  return [
    ...mistakeIn('metadata.name', name, nameMistake(name)),
    ...(parent === undefined ? [requiredValue('spec.parentRef')] : validateParent(parent)),
    ...(moved ? [immutable('spec.parentRef', parent)] : []),
  ];
}

function nameMistake(name: string): string | undefined {
  const ip = parseIP(name);
  const mistake = ipMistake(name);
  if (ip === undefined || mistake !== undefined) return mistake;
  return printIP(ip) === name ? undefined : `must be in canonical form ("${printIP(ip)}")`;
}

/** Whose address it is. The reference is only looked at, never followed. */
function validateParent({ group, resource, namespace, name }: ParentReference): readonly Cause[] {
  const at = 'spec.parentRef';
  return [
    ...(group ? mistakeIn(`${at}.group`, group, dnsSubdomainMistake(group)) : []),
    ...(resource
      ? mistakeIn(`${at}.resource`, resource, pathSegmentMistake(resource))
      : [requiredValue(`${at}.resource`)]),
    ...(name ? mistakeIn(`${at}.name`, name, pathSegmentMistake(name)) : [requiredValue(`${at}.name`)]),
    ...(namespace ? mistakeIn(`${at}.namespace`, namespace, pathSegmentMistake(namespace)) : []),
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
