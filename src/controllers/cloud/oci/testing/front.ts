/** From a request of HTTP to its answer: which operation, whether its form is right, whether it was asked before. */
import { createHash } from 'node:crypto';
import { type Problem, problemsOf } from './checks.ts';
import type { Cloud } from './cloud.ts';
import { Failure, invalid } from './failure.ts';
import { parsedJson } from './json.ts';
import { type Answer, type Asked, type Operation, VERSIONS } from './operation.ts';
import { printed } from './shown.ts';

export interface WireRequest {
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface WireAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** The most that is read of a body. */
export const MAX_BODY = 1 << 20;

interface Route {
  readonly operation: Operation;
  readonly segments: readonly string[];
}

/** What a request asks for, before anything of it is checked. */
export interface Found {
  readonly operation: Operation;
  readonly path: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string>>;
}

/** How long a retry token is remembered, in milliseconds. */
const TOKEN_LIFETIME = 24 * 60 * 60 * 1000;

interface Remembered {
  /** Milliseconds since 1970. */
  readonly expires: number;
  readonly fingerprint: string;
  readonly answer: Answer;
  /** Whether what was made is still there. */
  readonly isValid: () => boolean;
}

export class Front {
  readonly #cloud: Cloud;
  readonly #pageSize: number;
  readonly #routes: readonly Route[];
  /** Answers by retry token. Tokens of one service mean nothing to another. */
  readonly #tokens = new Map<string, Remembered>();

  constructor(cloud: Cloud, operations: readonly Operation[], pageSize: number) {
    this.#cloud = cloud;
    this.#pageSize = pageSize;
    this.#routes = operations.map((operation) => ({
      operation,
      segments: `/${VERSIONS[operation.service]}${operation.path}`.split('/'),
    }));
  }

  /** The operation that a request is for; throws a {@link Failure} when there is none. */
  find({ method, target }: Pick<WireRequest, 'method' | 'target'>): Found {
    const url = new URL(target, 'https://oci.test');
    const matches = this.#routes.flatMap(({ operation, segments }) => {
      const path = matchPath(segments, url.pathname.split('/'));
      return path === undefined ? [] : [{ operation, path }];
    });
    if (matches.length === 0) throw new Failure(404, 'NotFound', `There is nothing at ${url.pathname}.`);
    const match = matches.find(({ operation }) => operation.method === method);
    if (match === undefined)
      throw new Failure(405, 'MethodNotAllowed', `${method} is not possible at ${url.pathname}.`);
    return { ...match, query: Object.fromEntries(url.searchParams) };
  }

  /** Does what is asked for; throws a {@link Failure}. */
  handle(found: Found, request: WireRequest): Answer {
    const { operation } = found;
    const asked: Asked = { path: found.path, query: found.query, body: parseBody(operation, request) };
    refuse([...queryProblems(found), ...bodyProblems(operation, asked.body)]);
    const token = operation.takesRetryToken ? request.headers['opc-retry-token'] : undefined;
    const remembered = token === undefined ? undefined : this.#recall(operation, token, request);
    if (remembered !== undefined) return remembered;
    this.#checkEtag(operation, asked, request.headers['if-match']);
    const answer = operation.handle(this.#cloud, asked, this.#pageSize);
    if (token !== undefined) this.#remember(operation, token, request, answer);
    return answer;
  }

  #checkEtag(operation: Operation, asked: Asked, wanted: string | undefined): void {
    if (!operation.takesIfMatch || wanted === undefined) return;
    const etag = operation.etag?.(this.#cloud, asked);
    if (etag !== undefined && etag !== wanted) {
      throw new Failure(412, 'NoEtagMatch', `The resource has been changed: its etag is not ${wanted}.`);
    }
  }

  /** https://docs.oracle.com/en-us/iaas/Content/API/Concepts/usingapi.htm#ten */
  #recall(operation: Operation, token: string, request: WireRequest): Answer | undefined {
    if (token.length > 64) throw new Failure(400, 'InvalidParameter', 'opc-retry-token may have 64 characters.');
    const remembered = this.#tokens.get(`${operation.service} ${token}`);
    if (remembered === undefined || remembered.expires <= this.#cloud.now().getTime()) return undefined;
    if (remembered.fingerprint !== fingerprintOf(request)) {
      throw new Failure(409, 'InvalidatedRetryToken', `Retry token ${token} came with another request before.`);
    }
    if (!remembered.isValid()) {
      throw new Failure(409, 'InvalidatedRetryToken', `What was made with retry token ${token} is no longer there.`);
    }
    return remembered.answer;
  }

  #remember(operation: Operation, token: string, request: WireRequest, answer: Answer): void {
    const expires = this.#cloud.now().getTime() + TOKEN_LIFETIME;
    const isValid = () => answer.isThere?.() ?? true;
    this.#tokens.set(`${operation.service} ${token}`, {
      expires,
      fingerprint: fingerprintOf(request),
      answer,
      isValid,
    });
  }
}

function matchPath(template: readonly string[], segments: readonly string[]): Record<string, string> | undefined {
  if (template.length !== segments.length) return undefined;
  const path: Record<string, string> = {};
  for (const [index, part] of template.entries()) {
    const segment = decoded(segments[index] ?? '');
    if (part.startsWith('{')) {
      if (segment === '') return undefined;
      path[part.slice(1, -1)] = segment;
    } else if (part !== segment) return undefined;
  }
  return path;
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    throw invalid(`${segment} in the path is not percent-encoded text.`);
  }
}

function parseBody(operation: Operation, { body, headers }: WireRequest): unknown {
  if (operation.body === undefined) {
    if (body !== '') throw new Failure(400, 'CannotParseRequest', `${operation.name} takes no body.`);
    return undefined;
  }
  if (!/^application\/json\b/.test(headers['content-type'] ?? '')) {
    throw new Failure(415, 'CannotParseRequest', `Content-Type is ${headers['content-type']}, not application/json.`);
  }
  const parsed = parsedJson(body);
  if (parsed === undefined) throw new Failure(400, 'CannotParseRequest', 'The body is not JSON.');
  return parsed;
}

function queryProblems({ operation, query }: Found): readonly Problem[] {
  const known = operation.query ?? {};
  const unknown = Object.keys(query).filter((name) => known[name] === undefined);
  return [
    ...unknown.map(
      (name): Problem => ({ code: 'InvalidParameter', message: `${name} is not a parameter of ${operation.name}` }),
    ),
    ...Object.entries(known).flatMap(([name, { required, check }]): readonly Problem[] => {
      if (query[name] !== undefined) return problemsOf(check, query[name], name);
      return required ? [{ code: 'MissingParameter', message: `${name} is missing` }] : [];
    }),
  ];
}

const bodyProblems = ({ body, name }: Operation, found: unknown) =>
  body === undefined ? [] : problemsOf(body, found, `${name}Details`);

function refuse(problems: readonly Problem[]): void {
  const [first] = problems;
  if (first !== undefined) throw new Failure(400, first.code, `${problems.map(({ message }) => message).join('; ')}.`);
}

const fingerprintOf = ({ method, target, body }: WireRequest) =>
  createHash('sha256').update(`${method} ${target}\n${body}`).digest('base64');

export function wireAnswer({ service, status }: Operation, answer: Answer): WireAnswer {
  return {
    status,
    headers: {
      ...(answer.etag === undefined ? {} : { etag: answer.etag }),
      ...(answer.workRequestId === undefined ? {} : { 'opc-work-request-id': answer.workRequestId }),
      ...(answer.nextPage === undefined ? {} : { 'opc-next-page': answer.nextPage }),
      ...(answer.retryAfter === undefined ? {} : { 'retry-after': String(answer.retryAfter) }),
    },
    body: answer.body === undefined ? '' : printed(service, answer.body),
  };
}

export function wireFailure({ status, code, message, headers }: Failure): WireAnswer {
  return { status, headers, body: JSON.stringify({ code, message }) };
}
