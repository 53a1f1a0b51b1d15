/** What a Service asks of the address pools. Pure. */
import type { Service } from '../../api/core/v1/service.ts';
import { type IPAddress, type IPFamily, parseIP, printIP } from '../../lib/ip.ts';
import { serviceFamilies } from '../endpointslice/desired.ts';
import { type Tenant, tenantOf } from './sharing.ts';

/** MetalLB's annotations, each also under its older prefix. https://metallb.io/usage/ */
const PREFIX = 'metallb.io';
const OLD_PREFIX = 'metallb.universe.tf';
/** Addresses that a Service lost with their pool: it gets them again when they come back before it has others. */
export const FORMER_ADDRESSES = 'postern.dev/former-load-balancer-ips';

export interface AddressRequest {
  /** How it would share an address; its key is that of the Service. */
  readonly tenant: Tenant;
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  /** In the Service's order. */
  readonly families: readonly IPFamily[];
  /** Whether one family is better than none: ipFamilyPolicy PreferDualStack. */
  readonly partial: boolean;
  /** Only a pool of this name. */
  readonly pool?: string;
  /** These very addresses, at most one of each family. */
  readonly addresses: readonly IPAddress[];
  /** These rather than others, when they can be had. */
  readonly former: readonly IPAddress[];
  /** Why the request for addresses cannot be understood, in words for people; `addresses` is empty then. */
  readonly mistake?: string;
}

export function addressRequest(service: Service): AddressRequest {
  const { namespace = '', labels = {}, annotations = {} } = service.metadata;
  const families = serviceFamilies(service);
  const pool = annotationOf(service, 'address-pool');
  const texts = requestedTexts(service);
  const mistake = mistakeIn(service, texts, families);
  return {
    tenant: tenantOf(service, annotationOf(service, 'allow-shared-ip')),
    namespace,
    labels,
    families,
    partial: service.spec?.ipFamilyPolicy === 'PreferDualStack',
    ...(pool === undefined ? {} : { pool }),
    addresses: mistake === undefined ? parsed(texts) : [],
    former: parsed((annotations[FORMER_ADDRESSES] ?? '').split(',')),
    ...(mistake === undefined ? {} : { mistake }),
  };
}

/** The addresses that a Service's status has now. */
export function currentAddresses(service: Service): readonly IPAddress[] {
  return parsed((service.status?.loadBalancer?.ingress ?? []).map(({ ip = '' }) => ip));
}

/** Annotations of a Service under the prefix that MetalLB has given up. */
export function deprecatedAnnotations({ metadata }: Service): readonly string[] {
  return Object.keys(metadata.annotations ?? {}).filter((name) => name.startsWith(`${OLD_PREFIX}/`));
}

/** The value of one of MetalLB's annotations, under either prefix; an empty one asks for nothing. */
function annotationOf({ metadata: { annotations = {} } }: Service, name: string): string | undefined {
  return [PREFIX, OLD_PREFIX].map((prefix) => annotations[`${prefix}/${name}`]).find((value) => value);
}

function requestedTexts(service: Service): readonly string[] {
  const text = annotationOf(service, 'loadBalancerIPs') ?? service.spec?.loadBalancerIP ?? '';
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

function mistakeIn(service: Service, texts: readonly string[], families: readonly IPFamily[]): string | undefined {
  const field = service.spec?.loadBalancerIP;
  const annotation = annotationOf(service, 'loadBalancerIPs');
  if (field && annotation && field !== annotation) {
    return `the Service asks for ${field} in spec.loadBalancerIP and for ${annotation} in the annotation ${PREFIX}/loadBalancerIPs: leave one of them out`;
  }
  const malformed = texts.find((text) => parseIP(text) === undefined);
  if (malformed !== undefined) return `the requested address ${JSON.stringify(malformed)} is not an IP address`;
  const addresses = parsed(texts);
  const foreign = addresses.find(({ family }) => !families.includes(family));
  if (foreign !== undefined) {
    return `the requested address ${printIP(foreign)} is ${foreign.family}, and the Service's ipFamilies are ${families.join(', ')}`;
  }
  const [twice] = families.filter((family) => addresses.filter((ip) => ip.family === family).length > 1);
  return twice && `the Service asks for ${texts.join(', ')}: it can have one ${twice} address`;
}

function parsed(texts: readonly string[]): readonly IPAddress[] {
  return texts.map((text) => parseIP(text.trim())).filter((ip) => ip !== undefined);
}
