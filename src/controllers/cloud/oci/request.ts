/** What a Service asks of OCI's load balancers: its annotations and fields, read and checked. Pure. */
import type { Service } from '../../../api/core/v1/service.ts';
import type { Selector } from '../../../api/selectors.ts';
import type { IPFamily } from '../../../lib/ip.ts';
import { serviceFamilies } from '../../endpointslice/desired.ts';
import type { OciConfig } from './config.ts';
import { ANNOTATIONS, annotationReader, judgeNames } from './request/annotations.ts';
import { requestedHealth } from './request/health.ts';
import { requestedIdentity, requestedPlace } from './request/place.ts';
import { requestedPorts } from './request/ports.ts';
import { requestedSecurity } from './request/security.ts';
import { requestedTags } from './request/tags.ts';
import { requestedTls } from './request/tls.ts';
import { requestedTraffic } from './request/traffic.ts';
import type { SecurityMode } from './security/asked.ts';

/** `lb`: a proxy for TCP and HTTP. `nlb`: passes packets of TCP and UDP on. */
export type LoadBalancerType = 'lb' | 'nlb';

/** One listener, for each family that there is. */
export interface RequestedPort {
  /** `TCP-80`; of its backend set, and of the listener unless `listener` says otherwise. */
  readonly name: string;
  /** The listener's name, where its protocol is not the Service's: `HTTP-80`. */
  readonly listener: string;
  /** As OCI names what the listener takes. */
  readonly protocol: 'TCP' | 'UDP' | 'TCP_AND_UDP' | 'HTTP' | 'GRPC';
  /** What packets to the nodes are. */
  readonly transports: readonly ('TCP' | 'UDP')[];
  readonly port: number;
  readonly nodePort: number;
}

/** Asked of each node by HTTP; 200 is well. Times in milliseconds. */
export interface RequestedHealth {
  readonly path: string;
  readonly port: number;
  readonly retries: number;
  readonly timeout: number;
  readonly interval: number;
}

/** A load balancer's bandwidth; `minimum` and `maximum` in Mbit/s, of the shape `flexible` alone. */
export interface Shape {
  readonly name: string;
  readonly minimum?: number;
  readonly maximum?: number;
}

export interface RequestedSubnet {
  readonly id: string;
  /** The Service names it itself, rather than the configuration. */
  readonly annotated: boolean;
}

/** Undefined: OCI's own. */
export interface TlsOptions {
  readonly cipherSuite?: string;
  /** `TLSv1.2`, sorted. */
  readonly protocols?: readonly string[];
}

export interface RequestedTls {
  /** Of the Service. */
  readonly ports: readonly number[];
  /** The Secret with the certificate that clients see; undefined: listeners take no TLS. */
  readonly listener?: { readonly namespace: string; readonly name: string };
  /** The Secret with the certificate that nodes see; undefined: they are spoken to in the clear. */
  readonly backendSet?: { readonly namespace: string; readonly name: string };
  readonly listenerOptions: TlsOptions;
  readonly backendSetOptions: TlsOptions;
}

export interface RequestedSecurity {
  readonly mode: SecurityMode;
  /** Who may come, as prefixes; none: anyone. */
  readonly sources: readonly string[];
  /** Of the load balancer, by the Service. Ours, in mode NSG, comes in addition. */
  readonly networkSecurityGroups: readonly string[];
  /** Of the nodes: rules go there in mode NSG. */
  readonly backendNetworkSecurityGroups: readonly string[];
}

export interface LoadBalancerRequest {
  readonly type: LoadBalancerType;
  readonly namespace: string;
  readonly service: string;
  readonly uid: string;
  /** displayName. */
  readonly name: string;
  readonly internal: boolean;
  /** The first one, or two of different availability domains: see `load-balancer/subnets.ts`. */
  readonly subnets: readonly RequestedSubnet[];
  /** In the Service's order. */
  readonly families: readonly IPFamily[];
  /** Whether one family is better than none. */
  readonly partial: boolean;
  /** A reserved public address. */
  readonly reservedAddress?: string;
  /** Private addresses out of the subnet, by family; of network load balancers alone. */
  readonly assignedAddresses: Readonly<Partial<Record<IPFamily, string>>>;
  /** Undefined: the Service does not say. */
  readonly shape?: Shape;
  readonly ports: readonly RequestedPort[];
  readonly tls?: RequestedTls;
  readonly health: RequestedHealth;
  /** How connections are spread over nodes, as OCI names it. */
  readonly policy: string;
  /** Whether nodes see the client's address. */
  readonly preserveSource: boolean;
  /** Seconds; undefined: OCI's own. */
  readonly idleTimeout?: number;
  /** Of the PROXY protocol, with which nodes are told of clients: 1 or 2; false: turned off; undefined: as it is. */
  readonly proxyProtocol?: 1 | 2 | false;
  readonly security: RequestedSecurity;
  readonly tags: {
    readonly freeform: Readonly<Record<string, string>>;
    readonly defined: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  };
  /** Nodes that may be backends. */
  readonly nodeSelector: Selector;
  readonly ipMode?: 'VIP' | 'Proxy';
  /** Private addresses are left out of the Service's status. */
  readonly externalOnly: boolean;
  /** What was found and does nothing. */
  readonly warnings: readonly string[];
}

export type Requested =
  | { readonly kind: 'request'; readonly request: LoadBalancerRequest }
  /** `why` names every mistake. */
  | { readonly kind: 'refused'; readonly reason: string; readonly why: string };

/** What of the configuration counts. */
export type RequestDefaults = Pick<OciConfig, 'loadBalancer' | 'tags'>;

/** `cluster` is put on what is made, for people. */
export function requestOf(service: Service, config: RequestDefaults, cluster: string): Requested {
  const reader = annotationReader(service.metadata.annotations);
  const type = typeOf(service);
  const { refused, warnings } = judgeNames(reader, type);
  const tls = requestedTls(service, type, reader);
  const parts = {
    type,
    ...requestedIdentity(service),
    families: serviceFamilies(service),
    partial: service.spec?.ipFamilyPolicy === 'PreferDualStack',
    ...requestedPlace(service, type, reader, config),
    ...(tls === undefined ? {} : { tls }),
    health: requestedHealth(service, type, reader),
    ...requestedTraffic(service, type, reader),
    security: requestedSecurity(service, type, reader, config),
    tags: requestedTags(service, type, reader, config, cluster),
  };
  const { ports, mistakes } = requestedPorts(service, type, reader, tls);
  const all = [...refused, ...reader.mistakes, ...mistakes];
  if (all.length > 0) return { kind: 'refused', reason: 'InvalidRequest', why: all.join('; ') };
  return { kind: 'request', request: { ...parts, ports, warnings } };
}

/** Classes of Services that name OCI, and the type of their load balancers unless the annotation says. */
const CLASSES: Readonly<Record<string, LoadBalancerType>> = {
  'oci.oraclecloud.com/load-balancer': 'lb',
  'oci.oraclecloud.com/network-load-balancer': 'nlb',
};

export const OCI_CLASSES: readonly string[] = Object.keys(CLASSES);

/** As with OCI's controller, what the annotation says besides `nlb` is a load balancer. */
export function typeOf({ metadata, spec }: Service): LoadBalancerType {
  const said = metadata.annotations?.[ANNOTATIONS.type]?.trim().toLowerCase();
  if (said) return said === 'nlb' ? 'nlb' : 'lb';
  return CLASSES[spec?.loadBalancerClass ?? ''] ?? 'lb';
}
