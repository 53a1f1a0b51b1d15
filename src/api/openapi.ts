/**
 * The OpenAPI documents of the served kinds: version 3, a document per group and version, and version 2, one for all.
 * kubectl reads them to explain fields, to learn merge keys, and to see whether the server validates fields itself.
 * https://kubernetes.io/docs/concepts/overview/kubernetes-api/#openapi-interface-definition
 */
import { Scale } from './autoscaling/v1/scale.ts';
import { podSpec, podTemplateSpec } from './core/v1/pod-spec.ts';
import type { AnyKind } from './kinds.ts';
import { labelSelector, objectMeta } from './meta/v1.ts';
import { definitionName, META } from './openapi-names.ts';
import { pathsOf } from './openapi-paths.ts';
import type { SchemaNode } from './schema.ts';

/** A JSON document. */
export type Document = Readonly<Record<string, unknown>>;

export interface GroupVersion {
  readonly group: string;
  readonly version: string;
}

/** How the two versions of OpenAPI differ, as far as we write them. */
interface Dialect {
  readonly version: 2 | 3;
  readonly reference: (definition: string) => string;
}

/** What is written into one document. */
interface Writing extends Dialect {
  /** The parts that something in it refers to. */
  readonly used: Set<SchemaNode>;
}

const V2: Dialect = { version: 2, reference: (name) => `#/definitions/${name}` };
const V3: Dialect = { version: 3, reference: (name) => `#/components/schemas/${name}` };

/** Schema nodes that many kinds share and that are published once, under Kubernetes' names. */
const SHARED: ReadonlyMap<SchemaNode, string> = new Map([
  [objectMeta.node, `${META}.ObjectMeta`],
  [labelSelector.node, `${META}.LabelSelector`],
]);

/** Large parts of several kinds, under Kubernetes' names; published where a document has a kind with them. */
const PARTS: ReadonlyMap<SchemaNode, string> = new Map(
  podParts().map(([name, node]) => [node, `io.k8s.api.core.v1.${name}`] as const),
);

function podParts(): readonly (readonly [name: string, node: SchemaNode])[] {
  const container = partOf(podSpec.node, 'containers');
  return [
    ['PodTemplateSpec', podTemplateSpec.node],
    ['PodSpec', podSpec.node],
    ['Container', container],
    ['Probe', partOf(container, 'livenessProbe')],
    ['EnvVar', partOf(container, 'env')],
    ['Volume', partOf(podSpec.node, 'volumes')],
    ['Affinity', partOf(podSpec.node, 'affinity')],
  ];
}

/** The schema of a field, or of its items. */
function partOf({ properties }: SchemaNode, name: string): SchemaNode {
  const field = properties?.[name];
  const found = field?.items ?? field;
  if (found === undefined) throw new Error(`the schema of pods has no ${name}`);
  return found;
}

/** `api/v1` or `apis/GROUP/VERSION`: the key of a document in the index and the end of its path. */
export function openApiPath({ group, version }: GroupVersion): string {
  return group === '' ? `api/${version}` : `apis/${group}/${version}`;
}

/** `/openapi/v3`: where the documents are. `hashOf` tells one content of a document from another, for caches. */
export function openApiIndex(kinds: readonly AnyKind[], hashOf: (groupVersion: GroupVersion) => string): Document {
  const entries = groupVersionsOf(kinds).map((groupVersion) => {
    const path = openApiPath(groupVersion);
    return [path, { serverRelativeURL: `/openapi/v3/${path}?hash=${hashOf(groupVersion)}` }] as const;
  });
  return { paths: Object.fromEntries(entries) };
}

/** The version 3 document of one group and version; undefined when no kind is in it. */
export function openApiV3(kinds: readonly AnyKind[], { group, version }: GroupVersion): Document | undefined {
  const own = kinds.filter((kind) => kind.group === group && kind.version === version);
  if (own.length === 0) return undefined;
  return {
    openapi: '3.0.0',
    info: { title: 'Kubernetes', version: 'v1.34.0' },
    paths: Object.assign({}, ...own.map((kind) => pathsOf(kind, 3, (name) => referenceTo(V3, name)))),
    components: { schemas: definitionsOf(own, V3) },
  };
}

/** The version 2 document of everything. */
export function openApiV2(kinds: readonly AnyKind[]): Document {
  return {
    swagger: '2.0',
    info: { title: 'Kubernetes', version: 'v1.34.0' },
    paths: Object.assign({}, ...kinds.map((kind) => pathsOf(kind, 2, (name) => referenceTo(V2, name)))),
    definitions: definitionsOf(kinds, V2),
  };
}

function groupVersionsOf(kinds: readonly AnyKind[]): readonly GroupVersion[] {
  const byPath = new Map(kinds.map(({ group, version }) => [openApiPath({ group, version }), { group, version }]));
  return [...byPath.values()];
}

function definitionsOf(kinds: readonly AnyKind[], { version, reference }: Dialect): Document {
  const dialect: Writing = { version, reference, used: new Set() };
  const entries: [string, unknown][] = [...sharedDefinitions(kinds, dialect)];
  const define = (kind: AnyKind) =>
    entries.push([definitionName(kind), { ...publish(kind.schema.node, dialect, true), ...identity(kind, kind.kind) }]);
  for (const kind of kinds) {
    define(kind);
    if (!kind.called) entries.push([`${definitionName(kind)}List`, listDefinition(kind, dialect)]);
    for (const call of Object.values(kind.calls)) if (!kinds.includes(call.kind)) define(call.kind);
  }
  if (kinds.some(({ scale }) => scale !== undefined)) define(Scale);
  // A set goes on to what is added to it meanwhile: parts have parts.
  for (const node of dialect.used) entries.push([PARTS.get(node) ?? '', publish(node, dialect, true)]);
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}

function identity({ group, version }: AnyKind, kind: string): Document {
  return { 'x-kubernetes-group-version-kind': [{ group, version, kind }] };
}

function listDefinition(kind: AnyKind, dialect: Dialect): Document {
  return {
    type: 'object',
    required: ['items'],
    properties: {
      apiVersion: { type: 'string' },
      kind: { type: 'string' },
      metadata: referenceTo(dialect, `${META}.ListMeta`),
      items: { type: 'array', items: referenceTo(dialect, definitionName(kind)) },
    },
    ...identity(kind, kind.listKind),
  };
}

function sharedDefinitions(kinds: readonly AnyKind[], dialect: Writing): readonly [string, unknown][] {
  const groupVersions = groupVersionsOf(kinds);
  const identities = groupVersions.map((groupVersion) => ({ ...groupVersion, kind: 'DeleteOptions' }));
  const text = { type: 'string' };
  return [
    ...[...SHARED].map(([node, name]) => [name, publish(node, dialect, true)] as [string, unknown]),
    [
      `${META}.ListMeta`,
      {
        type: 'object',
        properties: { resourceVersion: text, continue: text, remainingItemCount: { type: 'integer', format: 'int64' } },
      },
    ],
    [`${META}.Patch`, { description: 'A patch, in the form that Content-Type says.', type: 'object' }],
    [
      `${META}.Status`,
      { type: 'object', 'x-kubernetes-group-version-kind': [{ group: '', version: 'v1', kind: 'Status' }] },
    ],
    [
      `${META}.DeleteOptions`,
      {
        type: 'object',
        properties: {
          apiVersion: text,
          kind: text,
          gracePeriodSeconds: { type: 'integer', format: 'int64' },
          propagationPolicy: text,
          dryRun: { type: 'array', items: text },
          preconditions: { type: 'object', properties: { uid: text, resourceVersion: text } },
        },
        'x-kubernetes-group-version-kind': identities,
      },
    ],
  ];
}

/** A reference. Version 3 has no place for a description beside `$ref`, so Kubernetes wraps it; readers accept both. */
function referenceTo({ reference }: Dialect, name: string): Document {
  return { $ref: reference(name) };
}

/** A schema node as it is published. `root` publishes a shared node itself instead of a reference to it. */
function publish(node: SchemaNode, dialect: Writing, root = false): Document {
  const shared = SHARED.get(node) ?? PARTS.get(node);
  if (shared !== undefined && !root) {
    if (PARTS.has(node)) dialect.used.add(node);
    return referenceTo(dialect, shared);
  }
  const { properties, items, additionalProperties, 'x-kubernetes-int-or-string': intOrString, ...rest } = node;
  const fields = Object.entries(properties ?? {}).map(([name, field]) => [name, publish(field, dialect)] as const);
  return {
    ...rest,
    ...(intOrString ? intOrStringType(dialect) : {}),
    ...(properties === undefined ? {} : { properties: Object.fromEntries(fields) }),
    ...(items === undefined ? {} : { items: publish(items, dialect) }),
    ...(additionalProperties === undefined ? {} : { additionalProperties: publish(additionalProperties, dialect) }),
  };
}

function intOrStringType({ version }: Dialect): Document {
  return version === 2 ? { type: 'string' } : { oneOf: [{ type: 'integer' }, { type: 'string' }] };
}
