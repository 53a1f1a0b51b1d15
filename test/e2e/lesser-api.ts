/** A server's API as a cluster has it that lacks some kinds, which notes what it is asked for. Plain HTTP, on the loopback interface. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { request } from 'node:https';
import type { Endpoint } from '../../src/client/client.ts';
import { loadKubeconfig } from '../../src/client/kubeconfig.ts';
import { type Listening, listenOnLoopback } from '../support/loopback.ts';

export interface LesserApi extends Listening {
  /** What was asked for: `update services/status`, as rights are written. */
  readonly asked: ReadonlySet<string>;
}

export interface LesserApiOptions {
  /** The kubeconfig of the server. */
  readonly kubeconfig: string;
  /** API groups, and resources of groups as `metallbs.metallb.io`, that it lacks. */
  readonly lacks: readonly string[];
}

export async function startLesserApi({ kubeconfig, lacks }: LesserApiOptions): Promise<LesserApi> {
  const endpoint = await loadKubeconfig(kubeconfig);
  const asked = new Set<string>();
  const server = createServer((incoming, answer) => {
    const { group, resource, right } = askedFor(incoming);
    asked.add(right);
    if (lacks.includes(group)) notThere(answer, 'text/plain; charset=utf-8', '404 page not found\n');
    else if (lacks.includes(`${resource}.${group}`)) notThere(answer, 'application/json', NO_RESOURCE);
    else passOn(endpoint, incoming, answer);
  });
  return { ...(await listenOnLoopback(server)), asked };
}

/** What Kubernetes answers about a resource that a group does not have. */
const NO_RESOURCE = JSON.stringify({
  ...{ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', details: {}, code: 404 },
  ...{ reason: 'NotFound', message: 'the server could not find the requested resource' },
});

const VERBS: Readonly<Record<string, string>> = { POST: 'create', PUT: 'update', PATCH: 'patch', DELETE: 'delete' };

function askedFor({ method = 'GET', url = '' }: IncomingMessage): { group: string; resource: string; right: string } {
  const { pathname, searchParams } = new URL(url, 'http://localhost');
  const match = /^\/(?:api|apis\/([^/]+))\/[^/]+\/(?:namespaces\/[^/]+\/)?([^/]+)(?:\/([^/]+))?(?:\/([^/]+))?$/.exec(
    pathname,
  );
  const [, group = '', resource = '', name, subresource] = match ?? [];
  const read = searchParams.get('watch') === 'true' ? 'watch' : name === undefined ? 'list' : 'get';
  const what = `${resource}${subresource === undefined ? '' : `/${subresource}`}`;
  return { group, resource, right: `${VERBS[method] ?? read} ${what}` };
}

function notThere(answer: ServerResponse, type: string, body: string): void {
  answer.writeHead(404, { 'content-type': type }).end(body);
}

function passOn(endpoint: Endpoint, incoming: IncomingMessage, answer: ServerResponse): void {
  const { server, caData, clientCertificate, clientKey } = endpoint;
  const asked = request(new URL(incoming.url ?? '/', server), {
    method: incoming.method,
    headers: { ...incoming.headers, host: new URL(server).host },
    ...{ ca: caData, cert: clientCertificate, key: clientKey },
  });
  asked.on('response', (response) => {
    answer.writeHead(response.statusCode ?? 502, response.headers);
    answer.flushHeaders();
    response.pipe(answer);
  });
  asked.on('error', () => answer.destroy());
  answer.on('close', () => asked.destroy());
  incoming.pipe(asked);
}
