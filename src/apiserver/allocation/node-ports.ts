/** Which node ports a Service gets. Pure but for the random choice. */
import { chooseNodePort, type PortRange } from '../../alloc/node-port.ts';
import { allocatesNodePorts, needsHealthCheckNodePort } from '../../api/core/v1/service.prepare.ts';
import type { ServicePort } from '../../api/core/v1/service.ts';
import { invalidValue } from '../../api/field-errors.ts';
import type { Cause } from '../../api/status.ts';
import type { Random } from '../../lib/random.ts';
import type { Spec } from './families.ts';

export interface NodePortPool {
  readonly range: PortRange;
  readonly isTaken: (port: number) => boolean;
  readonly random: Random;
}

export type NodePorts =
  | { readonly kind: 'allocated'; readonly spec: Spec }
  | { readonly kind: 'exhausted'; readonly why: string };

/** The spec with every node port that its type needs. Ports that it names already are kept. */
export function allocateNodePorts(spec: Spec, pool: NodePortPool): NodePorts {
  const used = new Set((spec.ports ?? []).map(({ nodePort }) => nodePort).filter((port) => port !== undefined));
  if (spec.healthCheckNodePort) used.add(spec.healthCheckNodePort);
  const choose = () => {
    const port = chooseNodePort(pool.range, (port) => used.has(port) || pool.isTaken(port), pool.random);
    if (port !== undefined) used.add(port);
    return port;
  };
  const ports = allocatesNodePorts(spec) ? fill(spec.ports ?? [], choose) : spec.ports;
  if (ports === undefined && allocatesNodePorts(spec)) return exhausted('nodePort', pool);
  const health = needsHealthCheckNodePort(spec) ? spec.healthCheckNodePort || choose() : spec.healthCheckNodePort;
  if (health === undefined && needsHealthCheckNodePort(spec)) return exhausted('HealthCheck NodePort 0', pool);
  return {
    kind: 'allocated',
    spec: {
      ...spec,
      ...(ports === undefined ? {} : { ports }),
      ...(health ? { healthCheckNodePort: health } : {}),
    },
  };
}

/** A port number that is served over TCP and UDP, as DNS is, has one node port for both. */
function fill(ports: readonly ServicePort[], choose: () => number | undefined): readonly ServicePort[] | undefined {
  const byPort = new Map<number, { readonly nodePort: number; readonly protocols: Set<string> }>();
  const share = ({ port, protocol = 'TCP' }: ServicePort, nodePort: number) => {
    const known = byPort.get(port);
    if (known?.nodePort === nodePort) known.protocols.add(protocol);
    else if (known === undefined) byPort.set(port, { nodePort, protocols: new Set([protocol]) });
  };
  for (const port of ports) if (port.nodePort) share(port, port.nodePort);
  const filled: ServicePort[] = [];
  for (const port of ports) {
    const known = byPort.get(port.port);
    const shared = known?.protocols.has(port.protocol ?? 'TCP') ? undefined : known?.nodePort;
    const nodePort = port.nodePort || shared || choose();
    if (nodePort === undefined) return undefined;
    share(port, nodePort);
    filled.push({ ...port, nodePort });
  }
  return filled;
}

/** The words of Kubernetes, and after them what can be done. */
function exhausted(what: string, { range }: NodePortPool): NodePorts {
  const hint = `no node port is free: all of ${range.first}-${range.last} are allocated; delete a Service of type NodePort or LoadBalancer, or start the server with a larger range`;
  return { kind: 'exhausted', why: `failed to allocate a ${what}: range is full: ${hint}` };
}

/** Mistakes in the node ports that a spec names and does not hold yet. */
export function outOfRange(port: number, field: string, { first, last }: PortRange): readonly Cause[] {
  if (port >= first && port <= last) return [];
  const why = `provided port is not in the valid range. The range of valid ports is ${first}-${last}`;
  return [invalidValue(field, port, why)];
}
