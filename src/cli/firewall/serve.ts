/** Where a node is asked what it found out by trying others: for those who look after it, and those who gather metrics. */
import type { RunningVerifier } from '../../firewall/verify/verifier.ts';
import type { Clock } from '../../host/clock.ts';
import type { Logger } from '../../host/log.ts';
import { METRICS_TYPE, printMetrics } from '../../lib/metrics.ts';
import { type Answer, JSON_HEADERS, type Listen, type ListenAddress } from '../../proxy/health/listen.ts';
import { Listeners } from '../../proxy/health/listeners.ts';

export interface ServeOptions {
  readonly verifier: Pick<RunningVerifier, 'summary' | 'metrics'>;
  readonly at: readonly ListenAddress[];
  readonly listen: Listen;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Answers `/tries` and `/metrics`; keeps trying places that somebody else has. The caller closes them. */
export function serveTries(options: ServeOptions): Listeners {
  const { at, listen, clock, log } = options;
  const listeners = new Listeners({
    ...{ listen, clock },
    onFailure: ({ address, port }, err, retryInMs) => {
      log.warn({ err, address, port, retryInMs }, 'cannot listen for questions about what was tried');
    },
  });
  for (const place of at) listeners.want(place, (path) => answer(path, options.verifier));
  return listeners;
}

function answer(path: string, verifier: ServeOptions['verifier']): Answer | undefined {
  switch (path) {
    case '/metrics':
      return {
        ...{ code: 200, body: printMetrics(verifier.metrics()) },
        headers: { 'Content-Type': METRICS_TYPE, 'X-Content-Type-Options': 'nosniff' },
      };
    case '/tries':
      return {
        ...{ code: 200, headers: JSON_HEADERS },
        body: `${JSON.stringify(Object.fromEntries(verifier.summary()), null, 2)}\n`,
      };
    default:
      return undefined;
  }
}
