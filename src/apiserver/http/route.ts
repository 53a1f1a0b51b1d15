/** From a method and a path to what is asked for. Pure; every path of the API is read here and nowhere else. */
import { type AnyKind, KINDS } from '../../api/kinds.ts';
import { SERVER_JOIN_PATH } from '../../api/server-join.ts';
import { badRequest } from '../../api/status.ts';
import type { Target, Verb } from '../context.ts';

export type Route =
  | { readonly kind: 'resource'; readonly target: Target; readonly verb: Verb }
  /** A method that the resource, which exists, does not have. */
  | { readonly kind: 'bad-method'; readonly target: Target }
  | { readonly kind: 'action'; readonly action: ActionPath }
  | { readonly kind: 'stream'; readonly stream: StreamPath }
  | { readonly kind: 'tunnel'; readonly tunnel: TunnelPath }
  | { readonly kind: 'server-join' }
  /** Anything else: discovery, health, OpenAPI, or nothing. */
  | { readonly kind: 'other' };

/** A call on a subresource that is no object: `restart` of a virtual machine. */
export interface ActionPath {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly namespace: string;
  readonly name: string;
  readonly action: string;
}

/** Subresources of a pod that are streams from and to the node that runs it. */
export const STREAMS = ['attach', 'exec', 'log', 'portforward'] as const;
export type StreamName = (typeof STREAMS)[number];

export interface StreamPath {
  readonly namespace: string;
  /** Of the pod. */
  readonly name: string;
  readonly stream: StreamName;
}

/** Where a node's agent is told that it is to open a connection, or with `id` opens it. */
export interface TunnelPath {
  readonly node: string;
  readonly id: string | undefined;
}

/** Groups that have actions and no objects. */
const ACTION_GROUPS = new Set(['subresources.kubevirt.io']);

const KIND_AT: ReadonlyMap<string, AnyKind> = new Map(KINDS.map((kind) => [`${kind.apiVersion}/${kind.plural}`, kind]));

/** Subresources that hold a part of the object, or show one. */
export function subresourcesOf(kind: AnyKind): readonly string[] {
  const finalize = kind.group === '' && kind.kind === 'Namespace';
  const approval = kind.group === 'certificates.k8s.io' && kind.kind === 'CertificateSigningRequest';
  return [
    ...(kind.status ? ['status'] : []),
    ...(kind.scale === undefined ? [] : ['scale']),
    ...(finalize ? ['finalize'] : []),
    ...(approval ? ['approval'] : []),
  ];
}

/** Reads a request line. Throws an ApiError, 400, for a path that cannot be decoded. */
export function route(method: string, path: string, query: URLSearchParams): Route {
  if (path === SERVER_JOIN_PATH) return { kind: 'server-join' };
  const parts = splitPath(path);
  const [root] = parts;
  const stream = streamRoute(parts) ?? tunnelRoute(parts);
  if (stream !== undefined) return stream;
  if (root === 'api' && parts.length > 2) return resourceRoute(method, parts[1] ?? '', parts.slice(2), query);
  if (root === 'apis' && parts.length > 3) {
    const [, group = '', version = '', ...rest] = parts;
    if (ACTION_GROUPS.has(group)) return actionRoute(group, version, rest);
    return resourceRoute(method, `${group}/${version}`, rest, query);
  }
  return { kind: 'other' };
}

function resourceRoute(method: string, apiVersion: string, rest: readonly string[], query: URLSearchParams): Route {
  const target = readTarget(apiVersion, rest);
  if (target === undefined) return { kind: 'other' };
  const verb = verbOf(method, target, query);
  return verb === undefined ? { kind: 'bad-method', target } : { kind: 'resource', target, verb };
}

function readTarget(apiVersion: string, rest: readonly string[]): Target | undefined {
  // `namespaces/NAME` is an object, and `namespaces/NAME/status` a part of it; anything else after the name is inside it.
  const inside = rest[0] === 'namespaces' && rest.length > 2 && KIND_AT.has(`${apiVersion}/${rest[2]}`);
  const [plural = '', name, subresource, ...more] = inside ? rest.slice(2) : rest;
  const kind = KIND_AT.get(`${apiVersion}/${plural}`);
  if (kind === undefined || more.length > 0) return undefined;
  const namespace = inside ? rest[1] : undefined;
  if (namespace !== undefined && !kind.namespaced) return undefined;
  if (name !== undefined && kind.namespaced && namespace === undefined) return undefined;
  const isPart = subresource === undefined || subresourcesOf(kind).includes(subresource);
  if (!isPart && !Object.hasOwn(kind.calls, subresource)) return undefined;
  return { kind, namespace, name, subresource };
}

const CALL_METHODS = { create: 'POST', get: 'GET', patch: 'PATCH', update: 'PUT' } as const;

function verbOf(
  method: string,
  { kind, name, namespace, subresource }: Target,
  query: URLSearchParams,
): Verb | undefined {
  const called = subresource === undefined ? undefined : kind.calls[subresource];
  if (called !== undefined) return called.verbs.find((verb) => CALL_METHODS[verb] === method);
  if (kind.called) return method === 'POST' && name === undefined ? 'create' : undefined;
  if (name !== undefined) {
    const allowed: Readonly<Record<string, Verb>> =
      subresource === undefined
        ? { GET: 'get', PUT: 'update', PATCH: 'patch', DELETE: 'delete' }
        : subresource === 'finalize'
          ? { PUT: 'update' }
          : { GET: 'get', PUT: 'update', PATCH: 'patch' };
    return allowed[method];
  }
  if (method === 'GET') return isTrue(query.get('watch')) ? 'watch' : 'list';
  // Objects of a namespaced kind are made and deleted in a namespace; only reading spans them all.
  if (kind.namespaced && namespace === undefined) return undefined;
  if (method === 'POST') return 'create';
  return method === 'DELETE' ? 'deletecollection' : undefined;
}

function actionRoute(group: string, version: string, rest: readonly string[]): Route {
  const [namespaces, namespace, plural, name, action, ...more] = rest;
  if (namespaces !== 'namespaces' || action === undefined || more.length > 0) return { kind: 'other' };
  return {
    kind: 'action',
    action: { group, version, plural: plural ?? '', namespace: namespace ?? '', name: name ?? '', action },
  };
}

/** `/api/v1/namespaces/NAMESPACE/pods/NAME/log`. */
function streamRoute(parts: readonly string[]): Route | undefined {
  const [root, version, namespaces, namespace = '', plural, name = '', last, ...more] = parts;
  if (root !== 'api' || version !== 'v1' || namespaces !== 'namespaces' || plural !== 'pods') return undefined;
  const stream = STREAMS.find((one) => one === last);
  if (stream === undefined || more.length > 0) return undefined;
  return { kind: 'stream', stream: { namespace, name, stream } };
}

/** `/apis/postern.dev/v1/nodes/NAME/streams`, and `…/streams/ID`. */
function tunnelRoute(parts: readonly string[]): Route | undefined {
  const [root, group, version, nodes, node = '', streams, id, ...more] = parts;
  if (root !== 'apis' || group !== 'postern.dev' || version !== 'v1' || nodes !== 'nodes') return undefined;
  if (streams !== 'streams' || more.length > 0) return undefined;
  return { kind: 'tunnel', tunnel: { node, id } };
}

/** A query parameter as Kubernetes reads booleans. */
export function isTrue(value: string | null): boolean {
  return value === 'true' || value === '1' || value === '';
}

const MAX_PART = 512;

function splitPath(path: string): readonly string[] {
  const parts = path.split('/').slice(1);
  if (parts.at(-1) === '') parts.pop();
  return parts.map((part) => {
    const text = decodePart(part);
    // A name that holds a slash or a control character would reach into other keys of the store.
    if (text.length > MAX_PART || text === '.' || text === '..' || /[/\p{Cc}]/u.test(text)) {
      throw badRequest(`the path has a part that cannot be a name: ${JSON.stringify(text.slice(0, 64))}`);
    }
    return text;
  });
}

function decodePart(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch (cause) {
    throw badRequest(`the path is not well encoded: ${(cause as Error).message}`);
  }
}
