/**
 * A kind as a CustomResourceDefinition, for clusters of others that lack it: the schema that clients know here, as a structural one.
 * https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#specifying-a-structural-schema
 */
import { ageColumn } from './age.ts';
import type { AnyKind } from './kinds.ts';
import { objectMeta } from './meta/v1.ts';
import type { SchemaNode } from './schema.ts';

export function resourceDefinition(kind: AnyKind): object {
  const { group, plural, singular, shortNames, categories, version } = kind;
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${group}` },
    spec: {
      group,
      scope: kind.namespaced ? 'Namespaced' : 'Cluster',
      names: {
        ...{ plural, singular, kind: kind.kind, listKind: kind.listKind },
        ...(shortNames.length > 0 ? { shortNames } : {}),
        ...(categories.length > 0 ? { categories } : {}),
      },
      versions: [
        {
          name: version,
          served: true,
          storage: true,
          schema: { openAPIV3Schema: structural(kind.schema.node) },
          ...(kind.columns.length > 0 ? { additionalPrinterColumns: columnsOf(kind) } : {}),
          ...(kind.status || kind.scale ? { subresources: subresourcesOf(kind) } : {}),
        },
      ],
    },
  };
}

/** As `kubectl get` shows them with a server that knows nothing else of the kind: after the name, which is always there. */
function columnsOf({ columns, age }: AnyKind): readonly object[] {
  const all: AnyKind['columns'] = [...columns, ...(age ? [ageColumn] : [])];
  return all.flatMap(({ name, type, description, priority, path }) => {
    if (path === undefined) return [];
    // The server itself turns a time into an age.
    const shown = path === ageColumn.path ? 'date' : type;
    const more = { ...(description === undefined ? {} : { description }), ...(priority ? { priority } : {}) };
    return [{ name, type: shown, jsonPath: path, ...more }];
  });
}

/** Where every kind of ours that can be scaled has its numbers: as in KubeVirt. */
const SCALE = {
  specReplicasPath: '.spec.replicas',
  statusReplicasPath: '.status.replicas',
  labelSelectorPath: '.status.labelSelector',
};

const subresourcesOf = ({ status, scale }: AnyKind) => ({
  ...(status ? { status: {} } : {}),
  ...(scale ? { scale: SCALE } : {}),
});

/** Extensions that a definition may have; merge keys are for the API server's own kinds. */
function structural(node: SchemaNode): object {
  if (node === objectMeta.node) return { type: 'object' }; // The server's own, and it allows no more to be said of it.
  const { properties, additionalProperties, items, format, ...rest } = node;
  const { 'x-kubernetes-patch-strategy': _strategy, 'x-kubernetes-patch-merge-key': _key, ...kept } = rest;
  return {
    ...kept,
    ...(format !== undefined && format !== 'int-or-string' ? { format } : {}),
    ...(properties && {
      properties: Object.fromEntries(Object.entries(properties).map(([name, field]) => [name, structural(field)])),
    }),
    ...(additionalProperties && { additionalProperties: structural(additionalProperties) }),
    ...(items && { items: structural(items) }),
  };
}
