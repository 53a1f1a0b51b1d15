/** One try of a probe at one address. */
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { connect } from 'node:net';
import type { Probe } from '../../api/kubevirt/v1/instance-spec.ts';

export type ProbeTarget =
  | {
      readonly kind: 'http';
      readonly port: number;
      readonly path: string;
      readonly secure: boolean;
      readonly headers: Readonly<Record<string, string>>;
    }
  | { readonly kind: 'tcp'; readonly port: number };

export type AttemptResult = { readonly ok: true } | { readonly ok: false; readonly why: string };

/** Tries once. `timeout` in milliseconds. Never rejects: a guest that does not answer is an expected outcome. */
export type Attempt = (target: ProbeTarget, address: string, timeout: number) => Promise<AttemptResult>;

/** What a probe tries; undefined when it is of a kind that is not tried from outside, such as `exec`. */
export function probeTarget(probe: Probe): ProbeTarget | undefined {
  if (probe.httpGet !== undefined) {
    const { path = '/', scheme = 'HTTP', httpHeaders = [] } = probe.httpGet;
    const headers = Object.fromEntries(httpHeaders.map(({ name, value }) => [name, value]));
    const secure = scheme.toUpperCase() === 'HTTPS';
    return { kind: 'http', port: Number(probe.httpGet.port), path, secure, headers };
  }
  if (probe.tcpSocket !== undefined) return { kind: 'tcp', port: Number(probe.tcpSocket.port) };
  return undefined;
}

export const attempt: Attempt = (target, address, timeout) =>
  target.kind === 'http' ? attemptHttp(target, address, timeout) : attemptTcp(target, address, timeout);

/** Any answer from 200 to 399 is success; certificates are not looked at. Both as a kubelet does. */
function attemptHttp(
  { port, path, secure, headers }: ProbeTarget & { kind: 'http' },
  host: string,
  timeout: number,
): Promise<AttemptResult> {
  return new Promise((resolve) => {
    const send = secure ? httpsRequest : httpRequest;
    const common = { host, port, path, headers: { 'user-agent': 'postern-probe', ...headers }, agent: false };
    const request = send(secure ? { ...common, rejectUnauthorized: false } : common, (response) => {
      const { statusCode = 0 } = response;
      // The body is of no interest and may be endless.
      response.destroy();
      finish(statusCode >= 200 && statusCode < 400 ? { ok: true } : { ok: false, why: `answered HTTP ${statusCode}` });
    });
    const timer = setTimeout(() => finish({ ok: false, why: `no answer within ${timeout} ms` }), timeout);
    const finish = (result: AttemptResult) => {
      clearTimeout(timer);
      request.destroy();
      resolve(result);
    };
    request.on('error', (error) => finish({ ok: false, why: error.message }));
    request.end();
  });
}

function attemptTcp({ port }: ProbeTarget & { kind: 'tcp' }, host: string, timeout: number): Promise<AttemptResult> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const timer = setTimeout(() => finish({ ok: false, why: `no connection within ${timeout} ms` }), timeout);
    const finish = (result: AttemptResult) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(result);
    };
    socket.once('connect', () => finish({ ok: true }));
    socket.once('error', (error) => finish({ ok: false, why: error.message }));
  });
}
