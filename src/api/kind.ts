/**
 * A kind, declared: all that the API server, the client and the command line need to know to serve it. Adding a kind is
 * writing one file that calls {@link defineKind} and listing it in `kinds.ts`.
 */
import { forbidden } from './field-errors.ts';
import { type KubeObject, type ObjectMeta, objectMeta } from './meta/v1.ts';
import { object, required, type Schema, string } from './schema.ts';
import type { Cause } from './status.ts';

/** A column of `kubectl get`. Follows meta/v1 TableColumnDefinition. */
export interface Column<T> {
  readonly name: string;
  readonly type: 'string' | 'integer' | 'boolean' | 'date';
  readonly description?: string;
  /** 0 is always shown; 1 only with `-o wide`. */
  readonly priority?: number;
  /** `now` is wall-clock milliseconds, for ages. */
  readonly value: (object: T, now: number) => string | number | boolean;
  /**
   * Where servers find it that know the kind by its definition alone; undefined: they do not show it.
   * https://kubernetes.io/docs/reference/kubectl/jsonpath/
   */
  readonly path?: string;
}

/** A subresource that is no part of its object: something of another kind is sent to it. */
export interface Call {
  /** What is sent. The server alone knows its type. */
  // biome-ignore lint/suspicious/noExplicitAny: kinds of different object types have no other common type.
  readonly kind: Kind<any>;
  readonly verbs: readonly ('create' | 'get' | 'patch' | 'update')[];
}

/** How many of something an object asks for, and has: what its `scale` subresource shows. Follows autoscaling/v1 Scale. */
export interface ScaleSpec<T> {
  readonly wanted: (object: T) => number;
  readonly withWanted: (object: T, replicas: number) => T;
  readonly current: (object: T) => number;
  /** Selects what is counted, as text; empty while that is not known. */
  readonly selector: (object: T) => string;
}

/** A subresource that is a stream: what it is called with is in the query, and what it answers is no object. */
export interface StreamCall {
  readonly name: string;
  /** What its options are called in Kubernetes. */
  readonly kind: string;
  readonly verbs: readonly ('create' | 'get')[];
  readonly parameters: readonly {
    readonly name: string;
    readonly type: 'string' | 'boolean' | 'integer';
    readonly description: string;
  }[];
}

export interface KindSpec<T> {
  /** '' for the core group. */
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
  readonly singular?: string;
  readonly shortNames?: readonly string[];
  readonly categories?: readonly string[];
  readonly namespaced: boolean;
  /** `spec`, `status` and other top-level fields; apiVersion, kind and metadata are added. */
  readonly schema: Schema<T>;
  /** Whether `status` is a subresource: ignored in ordinary writes, the only thing written at `/status`. */
  readonly status?: boolean;
  /** The `scale` subresource; undefined: there is none. */
  readonly scale?: ScaleSpec<Resource<NoInfer<T>>>;
  /** Whether `metadata.generation` counts changes of what is wanted. Default: true; some kinds of Kubernetes have none. */
  readonly generation?: boolean;
  /** Whether a PUT of an object that is not there makes it. Default: false. */
  readonly createOnUpdate?: boolean;
  /** What every answer about the kind is to warn of, when it is deprecated. */
  readonly deprecated?: string;
  /** Why no object of the kind can be made, and what to make instead: it is served so that this can be said. */
  readonly refused?: string;
  /** Whether its objects are only sent and answered, and never kept. Default: false. */
  readonly called?: boolean;
  /** Subresources that are called, by name: what is sent to each, and answered. */
  readonly calls?: Readonly<Record<string, Call>>;
  /** Subresources that are streams. */
  readonly streams?: readonly StreamCall[];
  /** Columns between NAME and AGE; AGE is left out when `age` is false. */
  readonly columns?: readonly Column<Resource<NoInfer<T>>>[];
  readonly age?: boolean;
  /** Fields that `--field-selector` may name besides metadata.name and metadata.namespace. */
  readonly selectableFields?: Readonly<Record<string, (object: Resource<NoInfer<T>>) => string>>;
  /** Fills in what was left out. Pure; runs on every create and update before validation. */
  readonly defaults?: (object: Resource<NoInfer<T>>) => Resource<NoInfer<T>>;
  /** Carries over or clears what clients may not set. Pure; `old` is undefined on create. Runs before `validate`. */
  readonly prepare?: (object: Resource<NoInfer<T>>, old: Resource<NoInfer<T>> | undefined) => Resource<NoInfer<T>>;
  /** Every mistake, found in one pass. `old` is undefined on create. */
  readonly validate?: (object: Resource<NoInfer<T>>, old: Resource<NoInfer<T>> | undefined) => readonly Cause[];
  /** What a write is to warn of: accepted, and without effect. Pure. */
  readonly warnings?: (object: Resource<NoInfer<T>>) => readonly string[];
  /** How metadata.name is checked. Default: a DNS subdomain (RFC 1123). */
  readonly nameFormat?: 'dns-label' | 'dns-1035-label' | 'dns-subdomain' | 'path-segment';
  /** Seconds that a delete waits for whoever runs the object to end it; undefined: it goes at once. */
  readonly gracePeriod?: (object: Resource<NoInfer<T>>) => number | undefined;
}

/** The type of a kind's objects, from the type of its own fields. */
export type Resource<T> = { readonly apiVersion: string; readonly kind: string; readonly metadata: ObjectMeta } & T;

/** A declared kind. `T` is the type of its objects. */
export interface Kind<T extends KubeObject = KubeObject> {
  readonly group: string;
  readonly version: string;
  /** `v1` or `group/version`. */
  readonly apiVersion: string;
  readonly kind: string;
  readonly listKind: string;
  readonly plural: string;
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly namespaced: boolean;
  readonly schema: Schema<T>;
  readonly status: boolean;
  readonly createOnUpdate: boolean;
  readonly generation: boolean;
  readonly scale: ScaleSpec<T> | undefined;
  /** What every answer about the kind warns of, when it is deprecated. */
  readonly deprecated: string | undefined;
  /** Why there is never an object of the kind; undefined for kinds that there are objects of. */
  readonly refused: string | undefined;
  /** Whether its objects are only sent and answered, and never kept. */
  readonly called: boolean;
  readonly calls: Readonly<Record<string, Call>>;
  readonly streams: readonly StreamCall[];
  readonly columns: readonly Column<T>[];
  readonly age: boolean;
  readonly selectableFields: Readonly<Record<string, (object: T) => string>>;
  readonly nameFormat: NonNullable<KindSpec<unknown>['nameFormat']>;
  defaults(object: T): T;
  prepare(object: T, old: T | undefined): T;
  validate(object: T, old: T | undefined): readonly Cause[];
  warnings(object: T): readonly string[];
  gracePeriod(object: T): number | undefined;
}

/** The object type of a kind: `ObjectOf<typeof Service>`. */
export type ObjectOf<K> = K extends Kind<infer T> ? T : never;

export function defineKind<T>(spec: KindSpec<T>): Kind<Resource<T>> {
  const base = object({
    apiVersion: required(string('Group and version of the kind: v1, or GROUP/VERSION.')),
    kind: required(string('What the object is.')),
    metadata: required(objectMeta),
  });
  const own = spec.schema.node;
  return {
    group: spec.group,
    version: spec.version,
    apiVersion: spec.group === '' ? spec.version : `${spec.group}/${spec.version}`,
    kind: spec.kind,
    listKind: `${spec.kind}List`,
    plural: spec.plural,
    singular: spec.singular ?? spec.kind.toLowerCase(),
    shortNames: spec.shortNames ?? [],
    categories: spec.categories ?? [],
    namespaced: spec.namespaced,
    schema: {
      required: true,
      node: {
        ...own,
        properties: { ...base.node.properties, ...own.properties },
        ...(own.required ? { required: own.required } : {}),
      },
    },
    status: spec.status ?? false,
    createOnUpdate: spec.createOnUpdate ?? false,
    generation: spec.generation ?? true,
    scale: spec.scale,
    deprecated: spec.deprecated,
    refused: spec.refused,
    called: spec.called ?? false,
    calls: spec.calls ?? {},
    streams: spec.streams ?? [],
    columns: spec.columns ?? [],
    age: spec.age ?? true,
    selectableFields: spec.selectableFields ?? {},
    nameFormat: spec.nameFormat ?? 'dns-subdomain',
    defaults: spec.defaults ?? ((target) => target),
    prepare: spec.prepare ?? ((target) => target),
    validate: spec.refused === undefined ? (spec.validate ?? (() => [])) : refuse(spec.kind, spec.refused),
    warnings: spec.warnings ?? (() => []),
    gracePeriod: spec.gracePeriod ?? (() => undefined),
  };
}

/** A `validate` that lets no object pass. */
function refuse(kind: string, why: string): () => readonly Cause[] {
  return () => [forbidden('kind', `no ${kind} can be made: ${why}`)];
}
