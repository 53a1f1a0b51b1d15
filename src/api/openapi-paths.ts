/** The paths of a kind, as OpenAPI operations: which verbs there are, and the query parameters of each. */
import { Scale } from './autoscaling/v1/scale.ts';
import type { StreamCall } from './kind.ts';
import type { AnyKind } from './kinds.ts';
import { definitionName, META } from './openapi-names.ts';

type Document = Readonly<Record<string, unknown>>;
type Reference = (definition: string) => Document;

interface Parameter {
  readonly name: string;
  readonly in: 'query' | 'path';
  readonly type: 'string' | 'boolean' | 'integer';
  readonly description: string;
}

interface Operation {
  readonly method: 'get' | 'post' | 'put' | 'patch' | 'delete';
  /** Kubernetes' name of the verb, for x-kubernetes-action. */
  readonly action: string;
  readonly parameters: readonly Parameter[];
  readonly body?: 'object' | 'Patch' | 'DeleteOptions';
  readonly answer: 'object' | 'list' | 'Status';
}

const JSON_TYPES = ['application/json', 'application/yaml'];
const PATCH_TYPES = [
  'application/json-patch+json',
  'application/merge-patch+json',
  'application/strategic-merge-patch+json',
  'application/apply-patch+yaml',
];

const query = (name: string, type: Parameter['type'], description: string): Parameter => ({
  name,
  in: 'query',
  type,
  description,
});
const path = (name: string): Parameter => ({ name, in: 'path', type: 'string', description: `The ${name}.` });

const DRY_RUN = query('dryRun', 'string', 'All: answer as if it were done, and store nothing.');
const WRITE = [
  DRY_RUN,
  query('fieldManager', 'string', 'Who makes the change.'),
  query('fieldValidation', 'string', 'Unknown and duplicate fields: Strict refuses, Warn warns, Ignore drops them.'),
];
const FORCE = query('force', 'boolean', 'Take fields over from other managers. For apply patches.');
const SELECT = [
  query('labelSelector', 'string', 'Only objects with these labels.'),
  query('fieldSelector', 'string', 'Only objects with these field values.'),
];
const LIST = [
  ...SELECT,
  query('limit', 'integer', 'At most this many objects.'),
  query('continue', 'string', 'Where the list before this one ended.'),
  query('resourceVersion', 'string', 'The version to read, or to watch from.'),
  query('watch', 'boolean', 'Stream the changes.'),
  query('timeoutSeconds', 'integer', 'End of the stream.'),
  query('allowWatchBookmarks', 'boolean', 'Send bookmarks.'),
];
const DELETE = [
  DRY_RUN,
  query('gracePeriodSeconds', 'integer', 'Seconds until the object is ended by force.'),
  query('propagationPolicy', 'string', 'Background, Foreground or Orphan.'),
];

const COLLECTION: readonly Operation[] = [
  { method: 'get', action: 'list', parameters: LIST, answer: 'list' },
  { method: 'post', action: 'post', parameters: WRITE, body: 'object', answer: 'object' },
  {
    method: 'delete',
    action: 'deletecollection',
    parameters: [...SELECT, ...DELETE],
    body: 'DeleteOptions',
    answer: 'Status',
  },
];
/** What is only sent and answered. */
const CALLED = COLLECTION.filter(({ action }) => action === 'post');
const ITEM: readonly Operation[] = [
  { method: 'get', action: 'get', parameters: [], answer: 'object' },
  { method: 'put', action: 'put', parameters: WRITE, body: 'object', answer: 'object' },
  { method: 'patch', action: 'patch', parameters: [...WRITE, FORCE], body: 'Patch', answer: 'object' },
  { method: 'delete', action: 'delete', parameters: DELETE, body: 'DeleteOptions', answer: 'Status' },
];
const STATUS = ITEM.filter(({ method }) => method !== 'delete');

/** Paths of a kind's objects, in the form of OpenAPI version `dialect`. */
export function pathsOf(kind: AnyKind, dialect: 2 | 3, reference: Reference): Document {
  const root = kind.group === '' ? `/api/${kind.version}` : `/apis/${kind.group}/${kind.version}`;
  const scope = kind.namespaced ? `${root}/namespaces/{namespace}` : root;
  const inScope = kind.namespaced ? [path('namespace')] : [];
  const collection = `${scope}/${kind.plural}`;
  const item = `${collection}/{name}`;
  const print = (operations: readonly Operation[], parameters: readonly Parameter[], of = kind) => ({
    ...Object.fromEntries(
      operations.map((operation) => [operation.method, printOperation(operation, of, dialect, reference)]),
    ),
    parameters: parameters.map((parameter) => printParameter(parameter, dialect)),
  });
  const calls = Object.entries(kind.calls).map(([name, { kind: sent }]) => [
    `${item}/${name}`,
    print(CALLED, [path('name'), ...inScope], sent),
  ]);
  const streams = kind.streams.map((stream) => [
    `${item}/${stream.name}`,
    printStream(stream, [path('name'), ...inScope], dialect),
  ]);
  if (kind.called) return { [collection]: print(CALLED, inScope) };
  return {
    ...(kind.namespaced ? { [`${root}/${kind.plural}`]: print(COLLECTION.slice(0, 1), []) } : {}),
    [collection]: print(COLLECTION, inScope),
    [item]: print(ITEM, [path('name'), ...inScope]),
    ...(kind.status ? { [`${item}/status`]: print(STATUS, [path('name'), ...inScope]) } : {}),
    ...(kind.scale ? { [`${item}/scale`]: print(STATUS, [path('name'), ...inScope], Scale) } : {}),
    ...Object.fromEntries([...calls, ...streams]),
  };
}

/** A log is text; the others leave HTTP, and what they answer is not described. */
function printStream(stream: StreamCall, inPath: readonly Parameter[], dialect: 2 | 3): Document {
  const isText = stream.name === 'log';
  const schema = { type: 'string' };
  const content = dialect === 2 ? { schema } : { content: { 'text/plain': { schema } } };
  const operation = {
    'x-kubernetes-action': isText ? 'get' : 'connect',
    'x-kubernetes-group-version-kind': { group: '', version: 'v1', kind: stream.kind },
    ...(dialect === 2 ? { produces: [isText ? 'text/plain' : '*/*'] } : {}),
    responses: { '200': { description: 'OK', ...content } },
  };
  const methods = stream.verbs.map((verb) => [verb === 'create' ? 'post' : 'get', operation]);
  const parameters = [...inPath, ...stream.parameters.map((one) => ({ ...one, in: 'query' as const }))];
  return {
    ...Object.fromEntries(methods),
    parameters: parameters.map((parameter) => printParameter(parameter, dialect)),
  };
}

function printOperation(operation: Operation, kind: AnyKind, dialect: 2 | 3, reference: Reference): Document {
  const { action, method, parameters, body, answer } = operation;
  const { group, version } = kind;
  const answers = {
    object: definitionName(kind),
    list: `${definitionName(kind)}List`,
    Status: `${META}.Status`,
  };
  const sent = body === undefined ? undefined : reference(body === 'object' ? answers.object : `${META}.${body}`);
  const types = method === 'patch' ? PATCH_TYPES : JSON_TYPES;
  const printed = parameters.map((parameter) => printParameter(parameter, dialect));
  const common = {
    'x-kubernetes-action': action,
    'x-kubernetes-group-version-kind': { group, version, kind: kind.kind },
  };
  const answered = reference(answers[answer]);
  if (dialect === 2) {
    const bodyParameter = sent === undefined ? [] : [{ name: 'body', in: 'body', required: true, schema: sent }];
    return {
      ...common,
      ...(sent === undefined ? {} : { consumes: types }),
      produces: JSON_TYPES,
      parameters: [...bodyParameter, ...printed],
      responses: { '200': { description: 'OK', schema: answered } },
    };
  }
  return {
    ...common,
    parameters: printed,
    ...(sent === undefined ? {} : { requestBody: { content: contentOf(types, sent) } }),
    responses: { '200': { description: 'OK', content: contentOf(JSON_TYPES, answered) } },
  };
}

function contentOf(types: readonly string[], schema: Document): Document {
  return Object.fromEntries(types.map((type) => [type, { schema }]));
}

function printParameter(parameter: Parameter, dialect: 2 | 3): Document {
  const { name, in: place, type, description } = parameter;
  const base = { name, in: place, description, ...(place === 'path' ? { required: true } : {}) };
  return dialect === 2 ? { ...base, type, uniqueItems: true } : { ...base, schema: { type, uniqueItems: true } };
}
