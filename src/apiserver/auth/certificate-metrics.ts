/** How long certificates are good yet: those that clients show, and the server's own. The first is named as in Kubernetes. */
import { Histogram, type Metric } from '../../lib/metrics.ts';

const [MINUTE, HOUR, DAY] = [60, 3600, 86_400];
/** Seconds: as kube-apiserver has them. */
const BOUNDS = [
  ...[0, 30 * MINUTE, HOUR, 2 * HOUR, 6 * HOUR, 12 * HOUR],
  ...[DAY, 2 * DAY, 4 * DAY, 7 * DAY, 30 * DAY, 90 * DAY, 180 * DAY, 365 * DAY],
];

export class CertificateMetrics {
  readonly #left = new Histogram(BOUNDS);
  readonly #servingEnd: () => number;

  /** `servingEnd` tells when the certificate that is served with ends, in milliseconds since 1970. */
  constructor(servingEnd: () => number) {
    this.#servingEnd = servingEnd;
  }

  /** A connection was opened with a certificate that is good for so many milliseconds yet; less than none when it has ended. */
  observe(left: number): void {
    this.#left.observe(Math.max(left, 0) / 1000);
  }

  metrics(): readonly Metric[] {
    return [
      {
        name: 'apiserver_client_certificate_expiration_seconds',
        type: 'histogram',
        help: 'How long certificates that clients connect with are good yet.',
        series: [{ values: this.#left }],
      },
      {
        name: 'postern_serving_certificate_expiration_timestamp_seconds',
        type: 'gauge',
        help: 'When the certificate ends that the API is served with, in seconds since 1970.',
        samples: [{ value: Math.round(this.#servingEnd() / 1000) }],
      },
    ];
  }
}
