/** Health checks, which both services have alike. Pure. */
import type { RequestedHealth } from '../request.ts';

const OK = 200;

/** As it is on the wire. Times in milliseconds. */
export interface HealthChecker {
  readonly protocol: string;
  readonly urlPath?: string | undefined;
  readonly port?: number | undefined;
  readonly returnCode?: number | undefined;
  readonly retries?: number | undefined;
  readonly timeoutInMillis?: number | undefined;
  readonly intervalInMillis?: number | undefined;
}

/** Undefined: it asks for something else than 200 over HTTP. */
export function healthOf(checker: HealthChecker): RequestedHealth | undefined {
  const { protocol, urlPath, port, returnCode, retries, timeoutInMillis, intervalInMillis } = checker;
  if (protocol !== 'HTTP' || returnCode !== OK || urlPath === undefined || port === undefined) return undefined;
  return {
    path: urlPath,
    port,
    retries: retries ?? 3,
    timeout: timeoutInMillis ?? 3000,
    interval: intervalInMillis ?? 10_000,
  };
}

export function checkerOf({ path, port, retries, timeout, interval }: RequestedHealth) {
  return {
    protocol: 'HTTP',
    urlPath: path,
    port,
    returnCode: OK,
    retries,
    timeoutInMillis: timeout,
    intervalInMillis: interval,
  } as const;
}
