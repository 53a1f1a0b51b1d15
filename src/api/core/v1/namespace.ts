/** core/v1 Namespace. */
import { defineKind, type ObjectOf } from '../../kind.ts';
import { conditions } from '../../meta/v1.ts';
import { list, object, string } from '../../schema.ts';

export const Namespace = defineKind({
  group: '',
  version: 'v1',
  kind: 'Namespace',
  plural: 'namespaces',
  shortNames: ['ns'],
  namespaced: false,
  nameFormat: 'dns-label',
  status: true,
  schema: object({
    spec: object({ finalizers: list(string()) }),
    status: object({ phase: string('Active or Terminating.'), conditions }),
  }),
  columns: [{ name: 'Status', type: 'string', value: (ns) => ns.status?.phase ?? '' }],
});
export type Namespace = ObjectOf<typeof Namespace>;
