/** Traffic as JSON: what `postern top services` asks every node's proxy for. */
import type { PortTraffic, Traffic } from './totals.ts';

/** What a proxy answers at `/traffic`. Numbers only grow while a Service and the proxy are there. */
export interface TrafficReport {
  readonly node: string;
  readonly mode: string;
  /** When it was read, in milliseconds since 1970. */
  readonly at: number;
  readonly ports: readonly PortReport[];
}

export interface PortReport extends Traffic {
  readonly namespace: string;
  readonly service: string;
  readonly port: number;
  readonly portName: string;
  readonly protocol: string;
  readonly endpoints: readonly EndpointReport[];
}

export interface EndpointReport extends Traffic {
  readonly ip: string;
  readonly port: number;
}

/** A report as text, a port at a time: there may be very many. */
export function* reportPieces(head: Omit<TrafficReport, 'ports'>, ports: Iterable<PortTraffic>): Iterable<string> {
  const { node, mode, at } = head;
  yield `${JSON.stringify({ node, mode, at }).slice(0, -1)},"ports":[`;
  let separator = '\n';
  for (const port of ports) {
    yield separator + JSON.stringify(portReport(port));
    separator = ',\n';
  }
  yield '\n]}\n';
}

function portReport({ service: key, port, portName, protocol, endpoints, ...traffic }: PortTraffic): PortReport {
  const [namespace = '', service = ''] = key.split('/');
  const { connections, in: received, out } = traffic;
  return {
    ...{ namespace, service, port, portName, protocol, connections, in: received, out },
    endpoints: [...endpoints],
  };
}
