/** core/v1 Namespace. */
import { defineKind, type Resource } from '../../kind.ts';
import { conditions } from '../../meta/v1.ts';
import { mistakeIn } from '../../meta/validation.ts';
import { labelKeyMistake } from '../../names.ts';
import { list, object, string, type TypeOf } from '../../schema.ts';
import type { Cause } from '../../status.ts';

const fields = object(
  {
    spec: object({ finalizers: list(string(), 'Who must be done with the content before the namespace goes.') }),
    status: object({ phase: string('Active or Terminating.'), conditions }),
  },
  'A scope for names.',
);
export type Namespace = Resource<TypeOf<typeof fields>>;

/** Finalizer that keeps a namespace until its content is gone. */
const NAMESPACE_FINALIZER = 'kubernetes';
/** Label that every namespace carries, so that label selectors can name one. */
const NAMESPACE_NAME_LABEL = 'kubernetes.io/metadata.name';

function defaultNamespace(namespace: Namespace): Namespace {
  const { metadata } = namespace;
  if (metadata.name === undefined) return namespace;
  return {
    ...namespace,
    metadata: { ...metadata, labels: { ...metadata.labels, [NAMESPACE_NAME_LABEL]: metadata.name } },
  };
}

/** Finalizers that an update does not mention stay: else a replace from a manifest would drop the content's guard. */
function prepareNamespace(namespace: Namespace, old: Namespace | undefined): Namespace {
  const before = old?.spec?.finalizers ?? [];
  if (old !== undefined)
    return { ...namespace, spec: { ...namespace.spec, finalizers: namespace.spec?.finalizers ?? before } };
  const finalizers = new Set([...(namespace.spec?.finalizers ?? []), NAMESPACE_FINALIZER]);
  return { ...namespace, spec: { ...namespace.spec, finalizers: [...finalizers] }, status: { phase: 'Active' } };
}

function validateNamespace({ spec }: Namespace): readonly Cause[] {
  return (spec?.finalizers ?? []).flatMap((finalizer, i) =>
    mistakeIn(`spec.finalizers[${i}]`, finalizer, labelKeyMistake(finalizer)),
  );
}

export const Namespace = defineKind({
  group: '',
  version: 'v1',
  kind: 'Namespace',
  plural: 'namespaces',
  shortNames: ['ns'],
  namespaced: false,
  generation: false,
  nameFormat: 'dns-label',
  status: true,
  schema: fields,
  selectableFields: { 'status.phase': ({ status }) => status?.phase ?? '' },
  defaults: defaultNamespace,
  prepare: prepareNamespace,
  validate: validateNamespace,
  columns: [{ name: 'Status', type: 'string', value: (ns) => ns.status?.phase ?? '' }],
});
