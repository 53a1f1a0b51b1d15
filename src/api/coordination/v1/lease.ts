/** coordination.k8s.io/v1 Lease. */
import { invalidValue } from '../../field-errors.ts';
import { defineKind, type Resource } from '../../kind.ts';
import { int32, object, string, type TypeOf, time } from '../../schema.ts';
import type { Cause } from '../../status.ts';

const fields = object(
  {
    spec: object({
      holderIdentity: string(),
      leaseDurationSeconds: int32(),
      acquireTime: time(),
      renewTime: time(),
      leaseTransitions: int32(),
      strategy: string(),
      preferredHolder: string(),
    }),
  },
  'A claim that its holder renews: a node’s sign of life, or the leadership of a component.',
);
export type Lease = Resource<TypeOf<typeof fields>>;

function validateLease({ spec }: Lease): readonly Cause[] {
  const { leaseDurationSeconds: duration, leaseTransitions: transitions, holderIdentity: holder } = spec ?? {};
  return [
    ...(duration !== undefined && duration <= 0
      ? [invalidValue('spec.leaseDurationSeconds', duration, 'must be greater than 0')]
      : []),
    ...(transitions !== undefined && transitions < 0
      ? [invalidValue('spec.leaseTransitions', transitions, 'must be greater than or equal to 0')]
      : []),
    ...(holder === '' ? [invalidValue('spec.holderIdentity', holder, 'must not be empty')] : []),
  ];
}

export const Lease = defineKind({
  group: 'coordination.k8s.io',
  version: 'v1',
  kind: 'Lease',
  plural: 'leases',
  namespaced: true,
  generation: false,
  schema: fields,
  validate: validateLease,
  columns: [{ name: 'Holder', type: 'string', value: (lease) => lease.spec?.holderIdentity ?? '' }],
});
