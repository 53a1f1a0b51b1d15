/**
 * Requests over HTTP to containers: for probes, and for handlers of their life cycle. As a kubelet makes them: certificates are not
 * looked at, redirects are followed while they stay with the host, and only the beginning of an answer is read.
 */
import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { HTTPGetAction } from '../../api/core/v1/pod-spec.ts';
import { messageOf } from '../../lib/errors.ts';
import { afterLimit } from './limit.ts';
import { dialError, hostPort } from './network-error.ts';
import { failure, OUTPUT_LIMIT, type Result, SUCCESS } from './result.ts';

/** Redirects followed in one try. */
const REDIRECTS = 10;
const FOLLOWED: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
const USER_AGENT = 'kube-probe/1.34';

export type Answer =
  | { readonly kind: 'answer'; readonly status: number; readonly location: string | undefined; readonly body: string }
  | { readonly kind: 'failed'; readonly message: string };

/** Where and how a request goes. */
export interface Target {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string | string[]>>;
}

/** The target of an action. `host` is used where the action names none, `port` is the number that its port stands for. */
export function targetOf(action: HTTPGetAction, host: string, port: number): Target {
  const scheme = (action.scheme ?? 'HTTP').toLowerCase();
  const url = new URL(`${scheme === 'https' ? 'https' : 'http'}://${hostPort(action.host || host, port)}`);
  // By its parts: a path that begins with // must not name another host.
  const [path = '', ...query] = (action.path ?? '/').split('?');
  url.pathname = path;
  url.search = query.join('?');
  return { url, headers: headersOf(action.httpHeaders ?? []) };
}

/** A header that is given with an empty value is not sent; several of one name all are. */
function headersOf(given: NonNullable<HTTPGetAction['httpHeaders']>): Target['headers'] {
  const headers = new Map<string, string[]>([
    ['user-agent', [USER_AGENT]],
    ['accept', ['*/*']],
  ]);
  const names = new Set(given.map(({ name }) => name.toLowerCase()));
  for (const name of names) {
    const values = given.filter((header) => header.name.toLowerCase() === name).map(({ value }) => value);
    headers.set(name, values);
  }
  const sent = [...headers].filter(([, values]) => values.some((value) => value !== ''));
  // There may be one Host only.
  return Object.fromEntries(sent.map(([name, values]) => [name, name === 'host' ? (values[0] ?? '') : values]));
}

/** Tries a probe once. `timeout` in milliseconds, for all redirects together. Never rejects. */
export async function tryHttp(target: Target, timeout: number, signal: AbortSignal): Promise<Result> {
  let url: URL = target.url;
  const deadline = performance.now() + timeout;
  const { host: _, ...headers } = target.headers;
  for (let redirects = 0; redirects <= REDIRECTS; redirects++) {
    const answer = await get(
      redirects === 0 ? target : { url, headers },
      Math.max(1, deadline - performance.now()),
      signal,
    );
    if (answer.kind === 'failed') return failure(answer.message);
    const { status, location, body } = answer;
    if (status < 200 || status >= 400) return failure(`HTTP probe failed with statuscode: ${status}`);
    if (status < 300) return SUCCESS;
    const next = location === undefined || !FOLLOWED.has(status) ? undefined : resolve(location, url.href);
    if (next === undefined || next.hostname !== target.url.hostname) {
      return { kind: 'warning', message: `Probe terminated redirects, Response body: ${body}` };
    }
    url = next;
  }
  return failure(`Get "${printURL(url)}": stopped after ${REDIRECTS} redirects`);
}

/** As a kubelet tells it: with the port, also where the scheme says it already. */
function printURL(url: URL): string {
  return `${url.protocol}//${withPort(url)}${url.pathname}${url.search}`;
}

function withPort({ protocol, hostname, port }: URL): string {
  return `${hostname}:${port || (protocol === 'https:' ? 443 : 80)}`;
}

function resolve(location: string, base: string): URL | undefined {
  const url = URL.parse(location, base);
  return url !== null && (url.protocol === 'http:' || url.protocol === 'https:') ? url : undefined;
}

/** Asks once. `timeout` in milliseconds, for all of it. Never rejects. */
export function get({ url, headers }: Target, timeout: number, signal: AbortSignal): Promise<Answer> {
  return new Promise((done) => {
    let request: ClientRequest | undefined;
    const finish = (answer: Answer) => {
      withdraw();
      signal.removeEventListener('abort', cancel);
      request?.destroy();
      done(answer);
    };
    const fail = (why: string) => finish({ kind: 'failed', message: `Get "${printURL(url)}": ${why}` });
    const cancel = () => fail('context canceled');
    const withdraw = afterLimit(timeout, () => {
      fail('context deadline exceeded (Client.Timeout exceeded while awaiting headers)');
    });
    signal.addEventListener('abort', cancel, { once: true });
    if (signal.aborted) return cancel();
    try {
      request = send(url, headers, (response) => readAnswer(response, finish, fail));
      request.on('error', (error) => fail(dialError(error, withPort(url))));
      request.end();
    } catch (error) {
      fail(messageOf(error)); // Such as a header that cannot be sent.
    }
  });
}

function send(url: URL, headers: Target['headers'], onAnswer: (response: IncomingMessage) => void): ClientRequest {
  // A connection of its own each time: whether one can be made is what is asked.
  const options = { headers, agent: false as const };
  if (url.protocol === 'http:') return httpRequest(url, options, onAnswer);
  return httpsRequest(url, { ...options, rejectUnauthorized: false }, onAnswer);
}

/** Reads as much as is told of an answer; the rest may be endless. */
function readAnswer(response: IncomingMessage, finish: (answer: Answer) => void, fail: (why: string) => void): void {
  const { statusCode: status = 0, headers } = response;
  const chunks: Buffer[] = [];
  let length = 0;
  const end = () => {
    const body = Buffer.concat(chunks).subarray(0, OUTPUT_LIMIT).toString();
    finish({ kind: 'answer', status, location: headers.location, body });
  };
  response.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    length += chunk.length;
    if (length >= OUTPUT_LIMIT) end();
  });
  response.on('end', end);
  response.on('error', (error) => fail(error.message));
}
