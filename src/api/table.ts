/**
 * What `kubectl get` shows: meta.k8s.io/v1 Table, printed by the server.
 * https://kubernetes.io/docs/reference/using-api/api-concepts/#receiving-resources-as-tables
 */
import { ageColumn } from './age.ts';
import type { Column } from './kind.ts';
import type { AnyKind } from './kinds.ts';
import type { KubeList, KubeObject, ObjectMeta } from './meta/v1.ts';

export interface TableColumn {
  readonly name: string;
  readonly type: string;
  /** `name` marks the column that holds the object's name. */
  readonly format: string;
  readonly description: string;
  readonly priority: number;
}

/** An object reduced to its metadata, as rows carry it by default and metadata-only clients ask for. */
export interface PartialObjectMetadata {
  readonly kind: 'PartialObjectMetadata';
  readonly apiVersion: 'meta.k8s.io/v1';
  readonly metadata: ObjectMeta;
}

export interface TableRow {
  readonly cells: readonly (string | number | boolean)[];
  /** What `includeObject` asked for; null for None. */
  readonly object: PartialObjectMetadata | KubeObject | null;
}

export interface Table {
  readonly kind: 'Table';
  readonly apiVersion: 'meta.k8s.io/v1';
  readonly metadata: Partial<KubeList<unknown>['metadata']>;
  readonly columnDefinitions: readonly TableColumn[];
  readonly rows: readonly TableRow[];
}

export type IncludeObject = 'None' | 'Metadata' | 'Object';

/** Prints objects of one kind. `now` is wall-clock milliseconds; `metadata` is the list's. */
export function printTable(
  kind: AnyKind,
  objects: readonly KubeObject[],
  now: number,
  includeObject: IncludeObject = 'Metadata',
  metadata: Table['metadata'] = {},
): Table {
  const columns = columnsOf(kind);
  return {
    kind: 'Table',
    apiVersion: 'meta.k8s.io/v1',
    metadata,
    columnDefinitions: columns.map(definition),
    rows: objects.map((object) => ({
      cells: columns.map((column) => column.value(object, now)),
      object: rowObject(object, includeObject),
    })),
  };
}

/** The metadata of an object, as `as=PartialObjectMetadata` answers it. */
export function partialMetadata(object: KubeObject): PartialObjectMetadata {
  return { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: object.metadata };
}

const NAME: Column<KubeObject> = {
  name: 'Name',
  type: 'string',
  description: 'Unique within a namespace.',
  value: ({ metadata }) => metadata.name ?? '',
};

/**
 * NAME, the kind's own columns, AGE, and last the columns of `-o wide`. Kinds with `age: false` say the whole order
 * themselves, and those that list a Name column of their own its place too.
 */
function columnsOf(kind: AnyKind): readonly Column<KubeObject>[] {
  const own: readonly Column<KubeObject>[] = kind.columns;
  if (!kind.age) return own.some(({ name }) => name === NAME.name) ? own : [NAME, ...own];
  const always = own.filter(({ priority = 0 }) => priority === 0);
  const wide = own.filter(({ priority = 0 }) => priority > 0);
  return [NAME, ...always, ageColumn, ...wide];
}

function definition(column: Column<KubeObject>): TableColumn {
  return {
    name: column.name,
    type: column.type,
    format: column.name === NAME.name ? 'name' : '',
    description: column.description ?? '',
    priority: column.priority ?? 0,
  };
}

function rowObject(object: KubeObject, include: IncludeObject): TableRow['object'] {
  if (include === 'None') return null;
  return include === 'Object' ? object : partialMetadata(object);
}
