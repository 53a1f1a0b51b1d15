/** From a request to its answer: who, what, may they, do it, print it. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { stringify } from 'yaml';
import { badRequest, failure } from '../../api/status.ts';
import type { IncludeObject } from '../../api/table.ts';
import type { Answer } from '../answer.ts';
import { attemptOf } from '../auth/attempt.ts';
import type { Authenticate, User } from '../auth/authenticate.ts';
import { authorize } from '../auth/authorize.ts';
import type { Attempt } from '../auth/authorizer.ts';
import { actingUser } from '../auth/impersonate.ts';
import type { Api, ResourceRequest, Target, Verb } from '../context.ts';
import { type Documents, notServed } from '../discovery/documents.ts';
import type { Metrics, RequestLabels } from '../metrics.ts';
import { isOutage, type Outages } from '../outages.ts';
import type { ClusterKeys } from '../pki/cluster-keys.ts';
import { serveServerJoin } from '../server-join.ts';
import type { NodeLinks } from '../streams/node-links.ts';
import { serveStream } from '../streams/streams.ts';
import { serveTunnel } from '../streams/tunnel.ts';
import { findAction } from '../subresources/actions.ts';
import type { Terms } from '../terms.ts';
import { serve } from '../verbs/verbs.ts';
import { readBody } from './body.ts';
import { statusOf } from './errors.ts';
import { isHTTP2 } from './http2.ts';
import { authenticated, leaveOnceBegun, leavePlace, seated } from './limits/admit.ts';
import { classify } from './limits/classify.ts';
import type { Place } from './limits/flow-control.ts';
import type { Limits } from './limits/limits.ts';
import { type Accepted, negotiate } from './negotiate.ts';
import { type PrintOptions, printAnswer } from './print.ts';
import { type Reply, send } from './respond.ts';
import { type ActionPath, type Route, route } from './route.ts';
import type { Upgrade } from './upgrade.ts';
import { WatchStream } from './watch-stream.ts';
import type { YAMLReader } from './yaml-reader.ts';

export interface HandlerParts {
  readonly api: Api;
  readonly authenticate: Authenticate;
  readonly documents: Documents;
  readonly metrics: Metrics;
  readonly yaml: YAMLReader;
  readonly links: NodeLinks;
  readonly limits: Limits;
  readonly clusterKeys: ClusterKeys;
  readonly terms: Terms;
  readonly outages: Outages;
}

/** A request on its way. */
interface Exchange extends HandlerParts {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** When the client asks to speak another protocol. */
  readonly upgrade: Upgrade | undefined;
  readonly path: string;
  readonly query: URLSearchParams;
  /** Whom the request acts as. */
  readonly user: User;
  /** Aborted when the server ends. */
  readonly ending: AbortSignal;
  readonly warnings: Set<string>;
  label(verb: string, resource: string): void;
}

/** What goes on after a request has been served: a watch, until its response is closed or it is asked to end. */
export type Ongoing = WatchStream;

/**
 * Serves one request to its end, but for what goes on for long. Never rejects: what goes wrong is an answer, or nobody is there to hear
 * it.
 */
export async function handle(
  parts: HandlerParts,
  request: IncomingMessage,
  response: ServerResponse,
  ending: AbortSignal,
  upgrade?: Upgrade,
): Promise<Ongoing | undefined> {
  const began = performance.now();
  const labels = { verb: (request.method ?? '').toLowerCase(), resource: '' };
  let ongoing: Ongoing | undefined;
  try {
    const { path, query } = parseURL(request.url ?? '');
    ongoing = await dispatch({
      ...parts,
      api: parts.terms.within(parts.api, request.headers),
      request,
      response,
      upgrade,
      path,
      query,
      user: actingUser(request, await authenticated(parts, request), parts.api.access),
      ending,
      warnings: new Set(),
      label: (verb, resource) => Object.assign(labels, { verb, resource }),
    });
  } catch (error) {
    // What has left HTTP can be told no more.
    if (upgrade?.accepted) upgrade.destroy();
    else answerError(parts, request, response, error);
  }
  const observe = () => observeAs(parts.metrics, labels, began, response);
  if (ongoing === undefined || response.destroyed) observe();
  else response.once('close', observe);
  return ongoing;
}

function observeAs(
  metrics: Metrics,
  labels: Omit<RequestLabels, 'code'>,
  began: number,
  { statusCode }: ServerResponse,
): void {
  metrics.observe(bounded(labels, statusCode), (performance.now() - began) / 1000);
}

/** Methods are the client's text; only those that mean something become labels. */
function bounded(labels: Omit<RequestLabels, 'code'>, code: number): RequestLabels {
  return { ...labels, verb: /^[a-z]{3,16}$/.test(labels.verb) ? labels.verb : 'other', code };
}

function parseURL(text: string): { readonly path: string; readonly query: URLSearchParams } {
  const mark = text.indexOf('?');
  const path = mark < 0 ? text : text.slice(0, mark);
  if (!path.startsWith('/')) throw badRequest('the request is not for a path');
  return { path, query: new URLSearchParams(mark < 0 ? '' : text.slice(mark + 1)) };
}

async function dispatch(exchange: Exchange): Promise<Ongoing | undefined> {
  const { path, query, request, response, user, limits } = exchange;
  const found = route(request.method ?? '', path, query);
  const place = limits.flows.place(classify({ route: found, path, query }, user));
  let ongoing: Ongoing | undefined;
  try {
    ongoing = await serveRoute(exchange, found, place);
  } finally {
    if (ongoing === undefined || response.destroyed) leavePlace(place, response);
    else response.once('close', () => place.end());
  }
  return ongoing;
}

async function serveRoute(exchange: Exchange, found: Route, place: Place): Promise<Ongoing | undefined> {
  const { path } = exchange;
  switch (found.kind) {
    case 'resource':
      return serveResource(exchange, found.verb, found.target, place);
    case 'bad-method':
      allow(exchange, { kind: 'path', verb: 'get', path });
      throw failure(405, 'MethodNotAllowed', 'the server does not allow this method on the requested resource', {});
    case 'action':
      await serveAction(exchange, found.action, place);
      return undefined;
    case 'stream': {
      const { stream } = found.stream;
      exchange.label('connect', `pods/${stream}`);
      await exchange.metrics.during({ verb: 'CONNECT', resource: 'pods', subresource: stream }, () =>
        serveStream(exchange, found.stream),
      );
      return undefined;
    }
    case 'tunnel':
      exchange.label('connect', 'nodes/streams');
      await serveTunnel(exchange, found.tunnel);
      return undefined;
    case 'server-join':
      serveKeys(exchange);
      return undefined;
    case 'other':
      await serveDocument(exchange, place);
      return undefined;
  }
}

function serveKeys({ clusterKeys, request, response, user, api, label }: Exchange): void {
  label('create', 'serverjoin');
  const { method, socket } = request;
  const text = serveServerJoin(clusterKeys, { method, user, remote: socket.remoteAddress, log: api.log });
  send(response, { code: 201, type: 'application/json', text });
}

async function serveDocument(exchange: Exchange, place: Place): Promise<void> {
  const { request, response, path, query, documents } = exchange;
  allow(exchange, { kind: 'path', verb: 'get', path });
  if (request.method !== 'GET' && request.method !== 'HEAD') throw notServed();
  exchange.label('get', 'document');
  await seated(place, response);
  send(response, await documents.answer(path, query, request.headers.accept));
}

function allow({ api, user }: Exchange, attempt: Attempt): void {
  const refused = authorize(api.access, user, attempt);
  if (refused !== undefined) throw refused;
}

/** Verbs whose answer is the object that was written. */
const WRITES: ReadonlySet<Verb> = new Set(['create', 'update', 'patch']);

async function serveResource(
  exchange: Exchange,
  verb: Verb,
  target: Target,
  place: Place,
): Promise<Ongoing | undefined> {
  const { api, yaml, request, response, query, user, ending, warnings } = exchange;
  exchange.label(verb, target.kind.plural);
  allow(exchange, attemptOf(verb, target, query));
  const accepted = negotiate(request.headers.accept, ['Table', 'PartialObjectMetadata']);
  const asked: ResourceRequest = {
    ...target,
    verb,
    query,
    user,
    signal: ending,
    body: await readBody(request, yaml),
    agent: request.headers['user-agent'] ?? '',
    warn: (message) => warnings.add(message),
  };
  if (target.kind.deprecated !== undefined) warnings.add(target.kind.deprecated);
  // Not before the body is here: who sends it slowly keeps nobody waiting.
  await seated(place, response);
  const answer = await serve(api, asked);
  if (answer.kind === 'object' && WRITES.has(verb) && target.subresource === undefined) {
    for (const warning of target.kind.warnings(answer.stored.object)) warnings.add(warning);
  }
  const options = { form: accepted.form, includeObject: includeObject(query), now: api.clock.now() };
  if (answer.kind === 'watch') {
    return new WatchStream(response, answer, options, {
      begun: leaveOnceBegun(place),
      failed: watchFailed(exchange, request, response),
    });
  }
  send(response, { ...replyOf(answer, options, accepted), headers: warningHeaders(warnings) });
  return undefined;
}

async function serveAction(exchange: Exchange, path: ActionPath, place: Place): Promise<void> {
  const { api, yaml, request, response } = exchange;
  const action = findAction(path);
  if (action === undefined) return serveDocument(exchange, place);
  const { namespace, name } = path;
  exchange.label('update', `${action.kind.plural}/${action.action}`);
  const target = { kind: action.kind, namespace, name, subresource: action.action };
  // KubeVirt's actions are resources of a group of their own: who may change a machine may not always stop it.
  allow(exchange, { ...attemptOf('update', target), group: action.group });
  if (request.method !== action.method) {
    throw failure(405, 'MethodNotAllowed', `use ${action.method} to ${action.action} a ${action.kind.kind}`, {});
  }
  const body = await readBody(request, yaml);
  await seated(place, response);
  await action.run(api, { namespace, name, body });
  send(response, { code: 202, type: 'application/json', text: '' });
}

function replyOf(answer: Exclude<Answer, { kind: 'watch' }>, options: PrintOptions, { media }: Accepted): Reply {
  const code = answer.kind === 'object' ? answer.code : answer.kind === 'status' ? answer.status.code : 200;
  const text = printAnswer(answer, options);
  if (media === 'json') return { code, type: 'application/json', text };
  return { code, type: 'application/yaml', text: stringify(JSON.parse(text), { aliasDuplicateObjects: false }) };
}

function includeObject(query: URLSearchParams): IncludeObject {
  const text = query.get('includeObject') ?? '';
  if (text === '') return 'Metadata';
  if (text === 'None' || text === 'Metadata' || text === 'Object') return text;
  throw badRequest(
    `includeObject: Unsupported value: ${JSON.stringify(text)}: supported values: None, Metadata, Object`,
  );
}

const WARNINGS_MAX = 20;

/** Code 299 and no agent, as Kubernetes writes them: RFC 7234 section 5.5. */
function warningHeaders(warnings: ReadonlySet<string>): Record<string, string> {
  if (warnings.size === 0) return {};
  const texts = [...warnings]
    .slice(0, WARNINGS_MAX)
    .map((text) => text.replace(/[^\x20-\x7e]/g, '?').replace(/["\\]/g, '\\$&'));
  return { warning: texts.map((text) => `299 - "${text}"`).join(', ') };
}

/** Nothing of the request but its first line is kept for as long as the watch lasts. */
function watchFailed(
  { api, outages }: HandlerParts,
  { method, url: path }: IncomingMessage,
  response: ServerResponse,
): (error: unknown) => void {
  return (error) => {
    if (response.destroyed) return;
    tellFailure({ api, outages }, { method, path }, error);
    // In the middle of a stream there is no telling but ending it.
    response.destroy();
  };
}

function tellFailure(
  { api, outages }: Pick<HandlerParts, 'api' | 'outages'>,
  { method, path }: { readonly method: string | undefined; readonly path: string | undefined },
  error: unknown,
): void {
  if (isOutage(error)) outages.tell(error, { method, path });
  else if (statusOf(error).unexpected) api.log.error({ err: error, method, path }, 'request failed');
}

function answerError(
  { api, outages }: HandlerParts,
  request: IncomingMessage,
  response: ServerResponse,
  error: unknown,
): void {
  const { status } = statusOf(error);
  if (response.destroyed) return;
  tellFailure({ api, outages }, { method: request.method, path: request.url }, error);
  if (response.headersSent) {
    // In the middle of a stream there is no telling but ending it.
    response.destroy();
    return;
  }
  // What is left of a body that was not read must not be taken for the next request.
  const headers: Record<string, string> = request.complete || isHTTP2(request) ? {} : { connection: 'close' };
  const { retryAfterSeconds } = status.details ?? {};
  if (retryAfterSeconds !== undefined) headers['retry-after'] = String(retryAfterSeconds);
  send(response, { code: status.code, type: 'application/json', text: JSON.stringify(status), headers });
}
