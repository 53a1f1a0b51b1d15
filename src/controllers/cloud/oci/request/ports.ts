/** Ports of a Service as listeners. Pure. */
import { isPort } from '../../../../api/core/v1/service.forwarding.ts';
import type { Service, ServicePort } from '../../../../api/core/v1/service.ts';
import type { LoadBalancerType, RequestedPort, RequestedTls } from '../request.ts';
import { ANNOTATIONS, type AnnotationReader } from './annotations.ts';

const BACKEND_PROTOCOLS = ['TCP', 'HTTP', 'GRPC'] as const;

export function requestedPorts(
  { spec = {} }: Service,
  type: LoadBalancerType,
  reader: AnnotationReader,
  tls: RequestedTls | undefined,
): { readonly ports: readonly RequestedPort[]; readonly mistakes: readonly string[] } {
  const all = spec.ports ?? [];
  const spoken = type === 'lb' ? reader.oneOf(ANNOTATIONS.lb.backendProtocol, BACKEND_PROTOCOLS) : undefined;
  const mistakes = all.flatMap((port, at) => mistakesIn(port, `spec.ports[${at}]`, type));
  if (all.length === 0) mistakes.push('spec.ports: empty: a load balancer needs a port');
  const plain = all.find(({ port }) => tls?.listener === undefined || !tls.ports.includes(port));
  if (spoken === 'GRPC' && plain !== undefined)
    reader.wrong(ANNOTATIONS.lb.backendProtocol, `must go with TLS: ${ANNOTATIONS.lb.tlsPorts} has not ${plain.port}`);
  const byPort = Map.groupBy(all, ({ port }) => port);
  const ports = [...byPort].flatMap(([port, [first, ...others]]): readonly RequestedPort[] => {
    if (first === undefined) return [];
    const other = others.find(({ nodePort }) => nodePort !== first.nodePort);
    if (other !== undefined) {
      const { nodePort: a = 0 } = first;
      mistakes.push(`spec.ports: port ${port} has the nodePorts ${a} and ${other.nodePort ?? 0}: set both to ${a}`);
    }
    return [listenerOf(port, first.nodePort ?? 0, transportsOf([first, ...others]), spoken)];
  });
  return { ports, mistakes };
}

function listenerOf(
  port: number,
  nodePort: number,
  transports: readonly ('TCP' | 'UDP')[],
  spoken: (typeof BACKEND_PROTOCOLS)[number] | undefined,
): RequestedPort {
  const [only = 'TCP', second] = transports;
  const transport = second === undefined ? only : 'TCP_AND_UDP';
  const protocol = spoken === undefined || spoken === 'TCP' ? transport : spoken;
  return { name: `${transport}-${port}`, listener: `${protocol}-${port}`, protocol, transports, port, nodePort };
}

function transportsOf(ports: readonly ServicePort[]): readonly ('TCP' | 'UDP')[] {
  const named = new Set(ports.map(({ protocol = 'TCP' }) => protocol));
  return (['TCP', 'UDP'] as const).filter((transport) => named.has(transport));
}

function mistakesIn({ protocol = 'TCP', nodePort }: ServicePort, field: string, type: LoadBalancerType): string[] {
  const mistakes: string[] = [];
  if (protocol === 'SCTP') mistakes.push(`${field}.protocol: SCTP: OCI's load balancers take TCP and UDP`);
  if (protocol === 'UDP' && type === 'lb')
    mistakes.push(`${field}.protocol: UDP: a load balancer takes TCP: annotate ${ANNOTATIONS.type}: nlb`);
  if (!isPort(nodePort))
    mistakes.push(`${field}.nodePort: none: OCI reaches nodes at their node ports: set allocateLoadBalancerNodePorts`);
  return mistakes;
}
