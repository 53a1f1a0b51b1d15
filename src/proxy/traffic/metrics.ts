/**
 * Traffic as text for Prometheus. By Service it is among the proxy's metrics; by endpoint it is told at a path of its own, as
 * endpoints come and go and are many.
 */
import type { Labels, Metric, Sample } from '../../lib/metrics.ts';
import type { PortTraffic, Traffic } from './totals.ts';

interface Labelled {
  readonly labels: Labels;
  readonly traffic: Traffic;
}

/** `in`: from clients to endpoints. */
const DIRECTIONS = ['in', 'out'] as const;

/** By port of each Service. */
export function serviceMetrics(ports: Iterable<PortTraffic>): readonly Metric[] {
  return metrics('postern_proxy_service', function* () {
    for (const port of ports) yield { labels: portLabels(port), traffic: port };
  });
}

/** By endpoint of each port: those that had packets within the last hour. */
export function endpointMetrics(ports: Iterable<PortTraffic>): readonly Metric[] {
  return metrics('postern_proxy_endpoint', function* () {
    for (const port of ports) {
      const labels = portLabels(port);
      for (const endpoint of port.endpoints) {
        yield { labels: { ...labels, endpoint: hostPort(endpoint) }, traffic: endpoint };
      }
    }
  });
}

/** An address and port as one text. */
export const hostPort = ({ ip, port }: { readonly ip: string; readonly port: number }): string =>
  `${ip.includes(':') ? `[${ip}]` : ip}:${port}`;

function portLabels({ service, port, portName, protocol }: PortTraffic): Labels {
  const [namespace = '', name = ''] = service.split('/');
  return { namespace, service: name, port: `${port}`, port_name: portName, protocol };
}

/** Samples are made when they are printed: there may be very many. */
function metrics(prefix: string, all: () => Iterable<Labelled>): readonly Metric[] {
  const counter = (name: string, help: string, samples: () => Iterable<Sample>): Metric => ({
    ...{
      name: `${prefix}_${name}_total`,
      help,
      type: 'counter',
      samples: { [Symbol.iterator]: () => iterate(samples) },
    },
  });
  const amounts = (what: 'packets' | 'bytes') =>
    function* (): Iterable<Sample> {
      for (const { labels, traffic } of all()) {
        for (const direction of DIRECTIONS) yield { labels: { ...labels, direction }, value: traffic[direction][what] };
      }
    };
  return [
    counter('connections', 'Connections that began.', function* () {
      for (const { labels, traffic } of all()) yield { labels, value: traffic.connections };
    }),
    counter('packets', 'Packets to endpoints (in) and from them (out).', amounts('packets')),
    counter('bytes', 'Bytes of those packets, with their IP headers.', amounts('bytes')),
  ];
}

function* iterate(samples: () => Iterable<Sample>): Iterator<Sample> {
  yield* samples();
}
