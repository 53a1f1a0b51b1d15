/** policy/v1 Eviction: asks that a pod goes. https://kubernetes.io/docs/concepts/scheduling-eviction/api-eviction/ */
import { defineKind, type Resource } from '../../kind.ts';
import { deleteOptions } from '../../meta/delete-options.ts';
import { object, type TypeOf } from '../../schema.ts';

const fields = object({ deleteOptions }, 'Asks that a pod goes from its node.');
export type Eviction = Resource<TypeOf<typeof fields>>;

export const Eviction = defineKind({
  group: 'policy',
  version: 'v1',
  kind: 'Eviction',
  plural: 'evictions',
  namespaced: true,
  called: true,
  schema: fields,
});
