/** core/v1 Binding: gives a pod its node. https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/binding-v1/ */
import { notSupported, requiredValue } from '../../field-errors.ts';
import { defineKind, type Resource } from '../../kind.ts';
import { object, required, string, type TypeOf } from '../../schema.ts';
import type { Cause } from '../../status.ts';

const fields = object(
  {
    target: required(
      object({
        apiVersion: string(),
        kind: string('Node, which is the default.'),
        namespace: string(),
        name: string(),
        uid: string(),
        resourceVersion: string(),
        fieldPath: string(),
      }),
    ),
  },
  'Gives a pod its node.',
);
export type Binding = Resource<TypeOf<typeof fields>>;

function validateBinding({ target: { kind = '', name = '' } }: Binding): readonly Cause[] {
  return [
    ...(kind === '' || kind === 'Node' ? [] : [notSupported('target.kind', kind, ['Node', '<empty>'])]),
    ...(name === '' ? [requiredValue('target.name')] : []),
  ];
}

export const Binding = defineKind({
  group: '',
  version: 'v1',
  kind: 'Binding',
  plural: 'bindings',
  namespaced: true,
  called: true,
  schema: fields,
  validate: validateBinding,
});
