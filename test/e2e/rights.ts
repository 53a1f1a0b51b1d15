/** What an account asks of an API server, noted on the way, against what its roles let it do. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { request } from 'node:https';
import type { Endpoint } from '../../src/client/client.ts';
import { type Listening, listenOnLoopback } from '../support/loopback.ts';

/** One question, as rights are written. */
export interface Ask {
  readonly verb: string;
  readonly group: string;
  /** `services`, or `services/status`. */
  readonly resource: string;
  readonly namespace: string;
  readonly name: string;
  /** The status of the answer. */
  readonly code: number;
}

export interface Recorder extends Listening {
  readonly asked: readonly Ask[];
}

/**
 * Passes everything on as it is, with the asker's own token, but for what Kubernetes does not have. Plain HTTP, on the loopback
 * interface. `meanwhile` is what others do before a request arrives.
 */
export async function startRecorder(
  { server: target, caData }: Endpoint,
  meanwhile: (method: string, path: string) => Promise<void> = async () => {},
): Promise<Recorder> {
  const asked: Ask[] = [];
  const server = createServer((incoming, answer) => {
    const unknown = notOfKubernetes(incoming);
    if (unknown !== undefined) {
      asked.push({ verb: 'ask', group: '', resource: unknown, namespace: '', name: '', code: 400 });
      answer.writeHead(400, { 'content-type': 'text/plain' }).end(unknown);
      return;
    }
    const passed = request(new URL(incoming.url ?? '/', target), {
      method: incoming.method,
      headers: { ...incoming.headers, host: new URL(target).host },
      ca: caData,
      agent: false,
    });
    passed.on('response', (response) => {
      const code = response.statusCode ?? 502;
      const ask = askOf(incoming, code);
      if (ask !== undefined) asked.push(ask);
      answer.writeHead(code, response.headers);
      answer.flushHeaders();
      response.pipe(answer);
    });
    passed.on('error', () => answer.destroy());
    answer.on('close', () => passed.destroy());
    meanwhile(incoming.method ?? '', incoming.url ?? '').then(
      () => copy(incoming, answer, passed),
      (error: Error) => passed.destroy(error),
    );
  });
  return { ...(await listenOnLoopback(server)), asked };
}

/** Groups of Kubernetes itself, and those that there are definitions of in `deploy/crds/`. */
const GROUPS = ['', 'discovery.k8s.io', 'coordination.k8s.io', 'metallb.io', 'kubevirt.io'];
/** https://kubernetes.io/docs/reference/generated/kubernetes-api/v1.34/ */
const PARAMETERS: ReadonlySet<string> = new Set([
  ...['allowWatchBookmarks', 'continue', 'fieldManager', 'fieldSelector', 'labelSelector', 'limit', 'resourceVersion'],
  ...['resourceVersionMatch', 'sendInitialEvents', 'timeoutSeconds', 'watch'],
]);
/** Besides a name and a namespace. https://kubernetes.io/docs/concepts/overview/working-with-objects/field-selectors/ */
const FIELDS: Readonly<Record<string, readonly string[]>> = { pods: ['spec.nodeName', 'status.phase'] };

/** What of a request a kube-apiserver does not know; undefined: nothing. */
function notOfKubernetes({ url = '' }: IncomingMessage): string | undefined {
  const { pathname, searchParams } = new URL(url, 'http://localhost');
  const [, group = '', , plural = ''] = PATH.exec(pathname) ?? [];
  if (!GROUPS.includes(group)) return `the group ${group}`;
  const parameter = [...searchParams.keys()].find((key) => !PARAMETERS.has(key));
  if (parameter !== undefined) return `the parameter ${parameter}`;
  const fields = (searchParams.get('fieldSelector') ?? '').split(',').filter((term) => term !== '');
  const known = ['metadata.name', 'metadata.namespace', ...(FIELDS[plural] ?? [])];
  const field = fields.map((term) => term.replace(/!?=.*/, '')).find((name) => !known.includes(name));
  return field === undefined ? undefined : `the field ${field} of ${plural}`;
}

/** A create has its object's name in the body alone, which is of no interest here: rules with names cannot be about it. */
function copy(incoming: IncomingMessage, answer: ServerResponse, passed: NodeJS.WritableStream): void {
  incoming.on('error', () => answer.destroy());
  incoming.pipe(passed);
}

const VERBS: Readonly<Record<string, string>> = { POST: 'create', PUT: 'update', PATCH: 'patch', DELETE: 'delete' };
const PATH =
  /^\/(?:api|apis\/([^/]+))\/[^/]+\/(?:namespaces\/([^/]+)\/(?!status$|finalize$))?([^/]+)(?:\/([^/]+))?(?:\/([^/]+))?$/;

/** Undefined for what is no resource, such as discovery. */
function askOf({ method = 'GET', url = '' }: IncomingMessage, code: number): Ask | undefined {
  const { pathname, searchParams } = new URL(url, 'http://localhost');
  const match = PATH.exec(pathname);
  if (match === null) return undefined;
  const [, group = '', namespace = '', plural = '', own = '', subresource] = match;
  const read = searchParams.get('watch') === 'true' ? 'watch' : own === '' ? 'list' : 'get';
  // As an API server has it: who lists by a name asks about that object.
  const name = own || (/^metadata\.name=([^,]+)$/.exec(searchParams.get('fieldSelector') ?? '')?.[1] ?? '');
  const resource = subresource === undefined ? plural : `${plural}/${subresource}`;
  return { verb: VERBS[method] ?? read, group, resource, namespace, name, code };
}

/** A rule of a Role or ClusterRole, one verb and one resource of it. */
export interface Right {
  readonly verb: string;
  readonly group: string;
  readonly resource: string;
  /** Of the Role; empty for a ClusterRole. */
  readonly namespace: string;
  /** Empty: any object. */
  readonly names: readonly string[];
}

interface RoleManifest {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly rules?: readonly {
    readonly apiGroups?: readonly string[];
    readonly resources?: readonly string[];
    readonly resourceNames?: readonly string[];
    readonly verbs: readonly string[];
  }[];
}

/** Every right that a role's rules spell out. */
export function rightsOf({ metadata, rules = [] }: RoleManifest): readonly Right[] {
  return rules.flatMap(({ apiGroups = [], resources = [], resourceNames: names = [], verbs }) =>
    apiGroups.flatMap((group) =>
      resources.flatMap((resource) =>
        verbs.map((verb) => ({ verb, group, resource, namespace: metadata.namespace ?? '', names })),
      ),
    ),
  );
}

const covers = (right: Right, ask: Ask): boolean =>
  right.verb === ask.verb &&
  right.group === ask.group &&
  right.resource === ask.resource &&
  (right.namespace === '' || right.namespace === ask.namespace) &&
  (right.names.length === 0 || right.names.includes(ask.name));

const print = ({ verb, group, resource, namespace }: Right | Ask) =>
  `${verb} ${resource}${group && `.${group}`}${namespace && ` in ${namespace}`}`;

/** What was asked for without a right to it, or refused; and which rights were of no use. That there is nothing is an answer too. */
export function compare(asked: readonly Ask[], rights: readonly Right[]): { refused: string[]; unused: string[] } {
  const refused = asked.filter(
    (ask) => ask.code === 403 || ask.code === 400 || !rights.some((right) => covers(right, ask)),
  );
  const unused = rights.filter((right) => !asked.some((ask) => ask.code !== 403 && covers(right, ask)));
  const sorted = (texts: readonly string[]) => [...new Set(texts)].sort();
  return { refused: sorted(refused.map(print)), unused: sorted(unused.map(print)) };
}
