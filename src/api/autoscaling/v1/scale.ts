/**
 * autoscaling/v1 Scale: what the `scale` subresource of a kind reads and writes. It is not stored, so it is no kind that
 * is served of its own. https://kubernetes.io/docs/reference/kubernetes-api/autoscaling-resources/scale-v1/
 */
import { invalidValue } from '../../field-errors.ts';
import { defineKind, type Resource } from '../../kind.ts';
import { int32, object, string, type TypeOf } from '../../schema.ts';

const fields = object(
  {
    spec: object({ replicas: int32('How many are wanted.') }),
    status: object({
      replicas: int32('How many there are.'),
      selector: string('Selects those that are counted, as text.'),
    }),
  },
  'How many of something are wanted, and are there.',
);
export type Scale = Resource<TypeOf<typeof fields>>;

export const Scale = defineKind({
  group: 'autoscaling',
  version: 'v1',
  kind: 'Scale',
  plural: 'scales',
  namespaced: true,
  status: true,
  schema: fields,
  columns: [
    { name: 'Desired', type: 'integer', value: ({ spec }) => spec?.replicas ?? 0 },
    { name: 'Available', type: 'integer', value: ({ status }) => status?.replicas ?? 0 },
  ],
  validate: ({ spec }) => {
    const { replicas = 0 } = spec ?? {};
    return replicas >= 0 ? [] : [invalidValue('spec.replicas', replicas, 'must be greater than or equal to 0')];
  },
});
