/** The Service that exposes something: what `postern expose` makes of its options. Pure. */
import type { Service, ServicePort } from '../../api/core/v1/service.ts';
import type { IPFamily } from '../../lib/ip.ts';
import { UserError } from '../errors.ts';

export const PROTOCOLS = ['TCP', 'UDP', 'SCTP'] as const;
export const SERVICE_TYPES = ['ClusterIP', 'NodePort', 'LoadBalancer'] as const;
export const FAMILY_POLICIES = ['SingleStack', 'PreferDualStack', 'RequireDualStack'] as const;

type Protocol = (typeof PROTOCOLS)[number];

/** What is to be exposed, whatever its kind. */
export interface Subject {
  /** As the user calls it: `vm example`. */
  readonly what: string;
  readonly namespace: string;
  readonly selector: Readonly<Record<string, string>>;
  /** Ports that it says it serves. */
  readonly ports: readonly { readonly name?: string; readonly port: number; readonly protocol: string }[];
}

/** The options, as `virtctl expose` has them, and `nodePort`. */
export interface ExposeOptions {
  readonly name: string;
  readonly port?: number;
  readonly targetPort?: number | string;
  readonly nodePort?: number;
  readonly portName?: string;
  readonly protocol?: Protocol;
  readonly type: (typeof SERVICE_TYPES)[number];
  readonly clusterIP?: string;
  readonly externalIPs?: readonly string[];
  readonly ipFamilies?: readonly IPFamily[];
  readonly ipFamilyPolicy?: (typeof FAMILY_POLICIES)[number];
}

/** The Service to create. Throws a {@link UserError} when no port is known, or the options fit none of several. */
export function exposingService(subject: Subject, options: ExposeOptions): Service {
  const { name, type, clusterIP, externalIPs = [], ipFamilies, ipFamilyPolicy } = options;
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace: subject.namespace },
    spec: {
      type,
      selector: subject.selector,
      ports: portsOf(subject, options),
      ...(clusterIP === undefined ? {} : { clusterIP }),
      ...(externalIPs.length === 0 ? {} : { externalIPs }),
      ...(ipFamilies === undefined ? {} : { ipFamilies }),
      ...(ipFamilyPolicy === undefined ? {} : { ipFamilyPolicy }),
    },
  };
}

function portsOf({ what, ports }: Subject, options: ExposeOptions): readonly ServicePort[] {
  if (options.port !== undefined) return [onePort({ port: options.port, protocol: 'TCP' }, options)];
  const [only, ...others] = ports;
  if (only === undefined) {
    throw new UserError(
      `${what} declares no ports, so which should the Service have?`,
      'Add --port PORT (and --target-port PORT, if the guest listens on another).',
    );
  }
  if (others.length === 0) return [onePort(only, options)];
  refuseForOnePort(what, ports, options);
  return ports.map(({ name, port, protocol }, i) => ({
    name: name ?? `port-${i + 1}`,
    port,
    targetPort: port,
    protocol: known(protocol),
  }));
}

function onePort(declared: Subject['ports'][number], options: ExposeOptions): ServicePort {
  const name = options.portName ?? declared.name;
  return {
    ...(name === undefined ? {} : { name }),
    port: declared.port,
    targetPort: options.targetPort ?? declared.port,
    protocol: options.protocol ?? known(declared.protocol),
    ...(options.nodePort === undefined ? {} : { nodePort: options.nodePort }),
  };
}

/** Options that say something of one port cannot be meant for each of several. */
function refuseForOnePort(what: string, ports: Subject['ports'], options: ExposeOptions): void {
  const flags = {
    '--target-port': options.targetPort,
    '--node-port': options.nodePort,
    '--port-name': options.portName,
    '--protocol': options.protocol,
  };
  const given = Object.entries(flags).filter(([, value]) => value !== undefined);
  if (given.length === 0) return;
  const named = ports.map(({ port, protocol }) => `${port}/${protocol}`).join(', ');
  throw new UserError(
    `${given.map(([flag]) => flag).join(' and ')} is about one port, and ${what} declares ${ports.length}: ${named}`,
    'Say which one with --port PORT.',
  );
}

/** What an object declares may be any text; the API answers what it does not know. */
function known(protocol: string): Protocol {
  return protocol as Protocol;
}
