/**
 * Schemas of API objects: one declaration gives the TypeScript type, the structural check of what clients send, the
 * OpenAPI document, and the merge keys that patches need.
 *
 * The nodes are OpenAPI v3 schema objects with Kubernetes' `x-kubernetes-` extensions, so publishing them takes no
 * translation. https://kubernetes.io/docs/reference/using-api/api-concepts/ and
 * https://github.com/kubernetes/kube-openapi/tree/master/pkg/generators describe the extensions.
 */

/** One OpenAPI v3 schema object, as far as Kubernetes' API uses it. */
export interface SchemaNode {
  readonly type?: 'object' | 'array' | 'string' | 'integer' | 'number' | 'boolean';
  readonly format?: 'int32' | 'int64' | 'date-time' | 'int-or-string' | 'double' | 'byte';
  readonly description?: string;
  readonly enum?: readonly string[];
  readonly minLength?: number;
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: SchemaNode;
  readonly items?: SchemaNode;
  /**
   * What an absent value means. Needed where the field is a key of a list: an element without it has this key. A required
   * field that has one is never missing: it is for validation to judge, as with the zero values of Kubernetes' Go types.
   */
  readonly default?: string | number | boolean | readonly never[];
  readonly 'x-kubernetes-int-or-string'?: true;
  /** Anything may stand here and is kept as it came. */
  readonly 'x-kubernetes-preserve-unknown-fields'?: true;
  readonly 'x-kubernetes-patch-strategy'?: 'merge' | 'replace' | 'retainKeys';
  readonly 'x-kubernetes-patch-merge-key'?: string;
  readonly 'x-kubernetes-list-type'?: 'atomic' | 'set' | 'map';
  readonly 'x-kubernetes-list-map-keys'?: readonly string[];
}

/** A schema node that remembers, for the compiler only, the type of the values it describes. */
export interface Schema<T, R extends boolean = boolean> {
  readonly node: SchemaNode;
  /** Whether the field that has this schema must be there. */
  readonly required: R;
  /** Never set: carries T. */
  readonly type?: T;
}

/** The type of the values that a schema describes. */
export type TypeOf<S> = S extends Schema<infer T> ? T : never;

type Optional<T> = Schema<T, false>;
// biome-ignore lint/suspicious/noExplicitAny: only `any` accepts every schema here; the field types are inferred.
type Fields = Readonly<Record<string, Schema<any>>>;
type ObjectOf<F extends Fields> = {
  readonly [K in keyof F as F[K]['required'] extends true ? K : never]: TypeOf<F[K]>;
} & {
  readonly [K in keyof F as F[K]['required'] extends true ? never : K]?: TypeOf<F[K]>;
};
/** One flat object type, so that hovers and errors name the fields. */
type Flat<T> = T extends object ? { readonly [K in keyof T]: T[K] } : T;

function schema<T>(node: SchemaNode, description?: string): Optional<T> {
  return { node: description === undefined ? node : { ...node, description }, required: false };
}

export const string = (description?: string): Optional<string> => schema({ type: 'string' }, description);
export const boolean = (description?: string): Optional<boolean> => schema({ type: 'boolean' }, description);
export const int32 = (description?: string): Optional<number> =>
  schema({ type: 'integer', format: 'int32' }, description);
export const int64 = (description?: string): Optional<number> =>
  schema({ type: 'integer', format: 'int64' }, description);
/** RFC 3339 text, as `metav1.Time` and `MicroTime` are written. */
export const time = (description?: string): Optional<string> =>
  schema({ type: 'string', format: 'date-time' }, description);
/** Bytes as base64 (RFC 4648 section 4), as Go's `[]byte` is written. */
export const bytes = (description?: string): Optional<string> =>
  schema({ type: 'string', format: 'byte' }, description);
/** A number or a name: `targetPort: 80` or `targetPort: http`. */
export const intOrString = (description?: string): Optional<number | string> =>
  schema({ format: 'int-or-string', 'x-kubernetes-int-or-string': true }, description);
/** A resource.Quantity: written as text, accepted as a number too. */
export const quantity = (description?: string): Optional<string | number> =>
  schema({ format: 'int-or-string', 'x-kubernetes-int-or-string': true }, description);
/** A value of any shape, kept as it came. */
export const anything = (description?: string): Optional<unknown> =>
  schema({ 'x-kubernetes-preserve-unknown-fields': true }, description);
export const oneOf = <const T extends string>(values: readonly T[], description?: string): Optional<T> =>
  schema({ type: 'string', enum: values }, description);

export function object<F extends Fields>(fields: F, description?: string): Optional<Flat<ObjectOf<F>>> {
  const properties = Object.fromEntries(Object.entries(fields).map(([name, field]) => [name, field.node]));
  const required = Object.keys(fields).filter((name) => fields[name]?.required);
  return schema({ type: 'object', properties, ...(required.length > 0 ? { required } : {}) }, description);
}

/** An object with free keys: labels, annotations, matchLabels. */
export function map<T>(of: Schema<T>, description?: string): Optional<Readonly<Record<string, T>>> {
  return schema({ type: 'object', additionalProperties: of.node }, description);
}

/** A list that a patch replaces as a whole. */
export function list<T>(of: Schema<T>, description?: string): Optional<readonly T[]> {
  return schema({ type: 'array', items: of.node, 'x-kubernetes-list-type': 'atomic' }, description);
}

/** A list of scalars that a strategic merge patch merges as a set: `finalizers`. */
export function set<T>(of: Schema<T>, description?: string): Optional<readonly T[]> {
  return schema(
    { type: 'array', items: of.node, 'x-kubernetes-list-type': 'set', 'x-kubernetes-patch-strategy': 'merge' },
    description,
  );
}

/** A list of objects told apart by the first of `keys` in a strategic merge patch, by all of them in an apply. */
export function listMap<T>(
  of: Schema<T>,
  keys: readonly [string, ...string[]],
  description?: string,
): Optional<readonly T[]> {
  return schema(
    {
      type: 'array',
      items: of.node,
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': keys,
      'x-kubernetes-patch-strategy': 'merge',
      'x-kubernetes-patch-merge-key': keys[0],
    },
    description,
  );
}

/** Keeps fields that the schema does not name as they came: those that are not acted on, so that manifests apply. */
export function open<T, R extends boolean>(schema: Schema<T, R>): Schema<T, R> {
  return { node: { ...schema.node, 'x-kubernetes-preserve-unknown-fields': true }, required: schema.required };
}

/** Says what the field means when it is absent. */
export function withDefault<T extends string | number | boolean>(field: Schema<T, false>, value: T): Schema<T, false> {
  return { node: { ...field.node, default: value }, required: false };
}

/** Says that an absent list is an empty one. */
export function emptyByDefault<T>(field: Schema<readonly T[], false>): Schema<readonly T[], false> {
  return { node: { ...field.node, default: [] }, required: false };
}

/** Makes the empty text a value like any other: where Kubernetes tells it from a field that is absent. */
export function notEmpty<T extends string>(field: Schema<T, false>): Schema<T, false> {
  return { node: { ...field.node, minLength: 1 }, required: false };
}

/** Marks a field that must be there. */
export function required<T>(field: Schema<T>): Schema<T, true> {
  return { node: field.node, required: true };
}
