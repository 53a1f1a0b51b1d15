/** Where a DNS server that runs alone is asked how it is, and for its metrics. */
import type { Clock } from '../../host/clock.ts';
import type { Logger } from '../../host/log.ts';
import { METRICS_TYPE, type Metric, printMetrics } from '../../lib/metrics.ts';
import type { Answer, Listen, ListenAddress } from '../../proxy/health/listen.ts';
import { Listeners } from '../../proxy/health/listeners.ts';

/** As much of a DNS server as answers need. */
export interface AskedDNS {
  readonly stats: {
    readonly queries: number;
    readonly forwarded: number;
    readonly dropped: number;
    responses(): Readonly<Record<string, number>>;
  };
}

export interface ServeDNSOptions {
  readonly dns: AskedDNS;
  /** Whether all records are there. */
  readonly isSynced: () => boolean;
  readonly at: readonly ListenAddress[];
  readonly listen: Listen;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Answers `/livez`, `/readyz` and `/metrics`; keeps trying places that somebody else has. The caller closes them. */
export function serveDNS(options: ServeDNSOptions): Listeners {
  const { at, listen, clock, log } = options;
  const listeners = new Listeners({
    ...{ listen, clock },
    onFailure: ({ address, port }, err, retryInMs) => {
      log.warn({ err, address, port, retryInMs }, 'cannot listen for questions about the DNS server');
    },
  });
  for (const place of at) listeners.want(place, (path) => answer(path, options));
  return listeners;
}

function answer(path: string, { dns, isSynced }: ServeDNSOptions): Answer | undefined {
  switch (path) {
    case '/metrics':
      return text(200, printMetrics(dnsMetrics(dns)), METRICS_TYPE);
    case '/livez':
      return text(200, 'ok\n');
    case '/readyz':
      return isSynced() ? text(200, 'ok\n') : text(503, 'the records of the cluster are not all there yet\n');
    default:
      return undefined;
  }
}

function dnsMetrics({ stats }: AskedDNS): readonly Metric[] {
  const counter = (name: string, help: string, value: number): Metric => ({
    ...{ name: `postern_dns_${name}_total`, help, type: 'counter', samples: [{ value }] },
  });
  return [
    counter('queries', 'Messages that came in.', stats.queries),
    counter('forwarded', 'Questions that were passed to an upstream server.', stats.forwarded),
    counter('dropped', 'Messages that got no answer.', stats.dropped),
    {
      name: 'postern_dns_responses_total',
      help: 'Answers by response code.',
      type: 'counter',
      samples: Object.entries(stats.responses()).map(([rcode, value]) => ({ labels: { rcode }, value })),
    },
  ];
}

const text = (code: number, body: string, type = 'text/plain; charset=utf-8'): Answer => ({
  ...{ code, body },
  headers: { 'Content-Type': type, 'X-Content-Type-Options': 'nosniff' },
});
