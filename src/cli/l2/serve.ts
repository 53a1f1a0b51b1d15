/** Where an announcer is asked how it is: for `postern l2 status`, and for those who gather metrics. */
import type { Clock } from '../../host/clock.ts';
import type { Logger } from '../../host/log.ts';
import type { LanStatus } from '../../l2/lan/messages.ts';
import { seconds } from '../../lib/duration.ts';
import { METRICS_TYPE, type Metric, printMetrics } from '../../lib/metrics.ts';
import { type Answer, JSON_HEADERS, type Listen, type ListenAddress } from '../../proxy/health/listen.ts';
import { Listeners } from '../../proxy/health/listeners.ts';
import { type Reporter, reportOf } from './report.ts';

/** As much of an announcer as answers need. */
export interface Asked {
  status(): Promise<LanStatus>;
  metrics(): Promise<readonly Metric[]>;
}

export interface ServeOptions extends Reporter {
  readonly l2: Asked;
  readonly at: readonly ListenAddress[];
  readonly listen: Listen;
  readonly clock: Clock;
  readonly log: Logger;
}

/** How long the thread on the LAN may take to answer. */
const PATIENCE = seconds(5);

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
      return inTime(options.l2.metrics(), options.clock).then((all) => text(METRICS_TYPE, printMetrics(all)));
    case '/status':
      return statusAnswer(options);
    case '/livez':
      return inTime(options.l2.status(), options.clock).then(() => text('text/plain; charset=utf-8', 'ok\n'));
    default:
      return undefined;
  }
}

async function statusAnswer(options: ServeOptions): Promise<Answer> {
  const { l2, clock } = options;
  const report = reportOf(options, clock.now(), await inTime(l2.status(), clock));
  return { code: 200, headers: JSON_HEADERS, body: `${JSON.stringify(report, null, 2)}\n` };
}

/** What the thread answers; rejects when it does not. */
async function inTime<T>(answered: Promise<T>, clock: Clock): Promise<T> {
  const ended = new AbortController();
  const late = clock.sleep(PATIENCE, ended.signal).then(() => {
    throw new Error(`its thread has not answered for ${PATIENCE / 1000} s`);
  });
  late.catch(() => {}); // Whoever waits for both is told; afterwards nobody waits for it any more.
  try {
    return await Promise.race([answered, late]);
  } finally {
    ended.abort();
  }
}

const text = (type: string, body: string): Answer => ({
  ...{ code: 200, body },
  headers: { 'Content-Type': type, 'X-Content-Type-Options': 'nosniff' },
});
