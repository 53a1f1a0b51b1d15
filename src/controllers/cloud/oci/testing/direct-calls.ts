/** What the SDK does, without HTTPS, signatures and the SDK: for tests of what stands above it. */
import { type OciCalls, OciError } from '../calls.ts';
import { callsThrough } from '../sdk/operations.ts';
import { sdkAnswer } from '../sdk/worker/answer.ts';
import { isRecord } from './checks.ts';
import type { Door, Outcome } from './door.ts';
import type { WireAnswer } from './front.ts';
import { type Operation, VERSIONS } from './operation.ts';

type Request = Readonly<Record<string, unknown>>;

export function directCalls(door: Door, operations: readonly Operation[]): OciCalls {
  const table = new Map(operations.map((operation) => [`${operation.service}.${operation.name}`, operation]));
  return callsThrough(async ({ service, name }, request) => {
    const operation = table.get(`${service}.${name}`);
    if (operation === undefined) throw new TypeError(`the test cloud has no ${service}.${name}`);
    return call(door, operation, request as Request);
  });
}

async function call(door: Door, operation: Operation, request: Request): Promise<unknown> {
  // The answer comes later, as any answer from a network.
  await new Promise((resolve) => setImmediate(resolve));
  const outcome = door.enter({
    method: operation.method,
    target: `/${VERSIONS[operation.service]}${pathOf(operation, request)}${queryOf(operation, request)}`,
    headers: headersOf(request),
    body: operation.body === undefined ? '' : JSON.stringify(request[`${operation.name}Details`] ?? {}),
  });
  return answerOf(operation, outcome);
}

function pathOf(operation: Operation, request: Request): string {
  return operation.path.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = request[name];
    if (typeof value !== 'string' || value === '') throw new TypeError(`${operation.name} needs ${name}`);
    return encodeURIComponent(value);
  });
}

function queryOf(operation: Operation, request: Request): string {
  const given = Object.keys(operation.query ?? {}).flatMap((name) => {
    const value = request[name];
    return value === undefined || value === null ? [] : [[name, String(value)] as [string, string]];
  });
  return given.length === 0 ? '' : `?${new URLSearchParams(given)}`;
}

const HEADERS = { ifMatch: 'if-match', opcRetryToken: 'opc-retry-token', opcRequestId: 'opc-request-id' };

function headersOf(request: Request): Record<string, string> {
  const given = Object.entries(HEADERS).flatMap(([field, name]) => {
    const value = request[field];
    return typeof value === 'string' ? [[name, value]] : [];
  });
  return { 'content-type': 'application/json', ...Object.fromEntries(given) };
}

function answerOf(operation: Operation, { answer, how }: Outcome): unknown {
  if (answer === undefined || how === 'half') {
    const code = how === 'timeout' || how === 'timeout-after-doing' ? 'Timeout' : 'Unreachable';
    throw new OciError(`${operation.name}: no answer`, { code });
  }
  if (answer.status >= 400) throw failureOf(operation, answer);
  return {
    ...(operation.answers === undefined ? {} : { [operation.answers]: sdkAnswer(JSON.parse(answer.body)) }),
    ...Object.fromEntries(
      Object.entries(answer.headers).flatMap(([name, value]) => {
        const field = fieldOf(operation, name);
        return field === undefined ? [] : [[field, field === 'retryAfter' ? Number(value) : value]];
      }),
    ),
  };
}

/** Where the SDK puts a header. The load balancer service writes one of them in its own way. */
function fieldOf({ service }: Operation, header: string): string | undefined {
  switch (header) {
    case 'etag':
      return service === 'loadBalancer' ? 'eTag' : 'etag';
    case 'opc-work-request-id':
      return 'opcWorkRequestId';
    case 'opc-next-page':
      return 'opcNextPage';
    case 'opc-request-id':
      return 'opcRequestId';
    case 'retry-after':
      return 'retryAfter';
    default:
      return undefined;
  }
}

function failureOf(operation: Operation, { status, headers, body }: WireAnswer): OciError {
  const parsed: unknown = JSON.parse(body);
  const said = isRecord(parsed) ? parsed : {};
  const wait = headers['retry-after'];
  return new OciError(`${operation.name}: ${said['message']}`, {
    status,
    code: String(said['code']),
    ...(headers['opc-request-id'] === undefined ? {} : { requestId: headers['opc-request-id'] }),
    ...(wait === undefined ? {} : { retryAfter: Number(wait) * 1000 }),
  });
}
