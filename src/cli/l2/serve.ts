/** Where an announcer is asked how it is: for `postern l2 status`, and for those who gather metrics. */
import type { Clock } from '../../host/clock.ts';
import type { Logger } from '../../host/log.ts';
import type { LanStatus } from '../../l2/lan/messages.ts';
import { METRICS_TYPE, type Metric, printMetrics } from '../../lib/metrics.ts';
import { type Answer, JSON_HEADERS, type Listen, type ListenAddress } from '../../proxy/health/listen.ts';
import { Listeners } from '../../proxy/health/listeners.ts';
import { type Reporter, reportOf } from './report.ts';

/** As much of an announcer as answers need. */
export interface Asked {
  /** Rejects when its thread does not answer. */
  status(): Promise<LanStatus>;
  metrics(): readonly Metric[];
}

export interface ServeOptions extends Reporter {
  readonly l2: Asked;
  readonly at: readonly ListenAddress[];
  readonly listen: Listen;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Answers `/status`, `/metrics` and `/livez`; keeps trying places that somebody else has. The caller closes them. */
export function serveL2(options: ServeOptions): Listeners {
  const { at, listen, clock, log } = options;
  const listeners = new Listeners({
    ...{ listen, clock },
    onFailure: ({ address, port }, err, retryInMs) => {
      log.warn({ err, address, port, retryInMs }, 'cannot listen for questions about announcements');
    },
  });
  for (const place of at) listeners.want(place, (path) => answer(path, options));
  return listeners;
}

function answer(path: string, options: ServeOptions): Answer | Promise<Answer> | undefined {
  switch (path) {
    case '/metrics':
      return text(METRICS_TYPE, printMetrics(options.l2.metrics()));
    case '/status':
      return statusAnswer(options);
    case '/livez':
      return options.l2.status().then(() => text('text/plain; charset=utf-8', 'ok\n'));
    default:
      return undefined;
  }
}

async function statusAnswer(options: ServeOptions): Promise<Answer> {
  const { l2, clock } = options;
  const report = reportOf(options, clock.now(), await l2.status());
  return { code: 200, headers: JSON_HEADERS, body: `${JSON.stringify(report, null, 2)}\n` };
}

const text = (type: string, body: string): Answer => ({
  ...{ code: 200, body },
  headers: { 'Content-Type': type, 'X-Content-Type-Options': 'nosniff' },
});
