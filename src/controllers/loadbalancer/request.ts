/** What a Service asks of the address pools. Pure. */
import type { Service } from '../../api/core/v1/service.ts';
import { type IPAddress, type IPFamily, parseIP } from '../../lib/ip.ts';
import { serviceFamilies } from '../endpointslice/desired.ts';

/** Class of the load balancers that are ours, for Services that name one; those that name none are ours too. */
const LOAD_BALANCER_CLASS = 'postern.dev/load-balancer';
/** MetalLB's annotations, each also under its older prefix. https://metallb.io/usage/ */
const PREFIXES = ['metallb.io', 'metallb.universe.tf'];

export interface AddressRequest {
  /** `namespace/name` of the Service. */
  readonly key: string;
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  /** In the Service's order. */
  readonly families: readonly IPFamily[];
  /** Whether one family is better than none: ipFamilyPolicy PreferDualStack. */
  readonly partial: boolean;
  /** Only a pool of this name. */
  readonly pool?: string;
  /** These very addresses. */
  readonly addresses: readonly IPAddress[];
  /** Asked for and not an address. */
  readonly malformed: readonly string[];
}

/** Whether addresses of this Service are our business. */
export function isOurs(service: Service): boolean {
  const { type, loadBalancerClass } = service.spec ?? {};
  return type === 'LoadBalancer' && (loadBalancerClass === undefined || loadBalancerClass === LOAD_BALANCER_CLASS);
}

export function addressRequest(service: Service): AddressRequest {
  const { name = '', namespace = '', labels = {} } = service.metadata;
  const pool = annotation(service, 'address-pool');
  const texts = (annotation(service, 'loadBalancerIPs') ?? service.spec?.loadBalancerIP ?? '')
    .split(',')
    .map((text) => text.trim())
    .filter((text) => text !== '');
  return {
    key: `${namespace}/${name}`,
    namespace,
    labels,
    families: serviceFamilies(service),
    partial: service.spec?.ipFamilyPolicy === 'PreferDualStack',
    ...(pool ? { pool } : {}),
    addresses: texts.map(parseIP).filter((ip) => ip !== undefined),
    malformed: texts.filter((text) => parseIP(text) === undefined),
  };
}

/** The addresses that a Service's status has now. */
export function currentAddresses(service: Service): readonly IPAddress[] {
  const ingress = service.status?.loadBalancer?.ingress ?? [];
  return ingress.map(({ ip }) => parseIP(ip ?? '')).filter((ip) => ip !== undefined);
}

function annotation(service: Service, name: string): string | undefined {
  const { annotations = {} } = service.metadata;
  return PREFIXES.map((prefix) => annotations[`${prefix}/${name}`]).find(
    (value) => value !== undefined && value !== '',
  );
}
