/** What a load balancer should be, from the Service's request, the nodes and what is known of subnets. Pure. */
import type { Node } from '../../../../api/core/v1/node.ts';
import { matchesLabels } from '../../../../api/selectors.ts';
import { type IPFamily, parseIP, printIP } from '../../../../lib/ip.ts';
import type { LoadBalancerRequest, RequestedPort } from '../request.ts';
import {
  type Backend,
  compareBackends,
  type DesiredBackendSet,
  type DesiredLoadBalancer,
  type IpVersion,
  type Listener,
  type Tls,
} from './model.ts';

/** Of a load balancer in all its backend sets, of a network load balancer in each. https://docs.oracle.com/en-us/iaas/Content/General/Concepts/servicelimits.htm */
const MAX_BACKENDS = 512;

/** Where it stands. */
export interface Place {
  readonly subnets: readonly string[];
  /** Those that all its subnets have prefixes of. */
  readonly families: readonly IPFamily[];
}

export type Desired =
  | {
      readonly kind: 'desired';
      readonly loadBalancer: DesiredLoadBalancer;
      /** Those that it has addresses of. */
      readonly families: readonly IPFamily[];
      readonly warnings: readonly string[];
    }
  | { readonly kind: 'refused'; readonly reason: string; readonly why: string };

export interface Surroundings {
  readonly place: Place;
  /** Those that may be backends. */
  readonly nodes: readonly Node[];
  /** Those that the request needs. */
  readonly certificates?: Readonly<Partial<Record<'listener' | 'backendSet', { readonly name: string }>>>;
}

export function desiredLoadBalancer(
  request: LoadBalancerRequest,
  { place, nodes, certificates = {} }: Surroundings,
): Desired {
  const families = familiesOf(request, place);
  if (typeof families === 'string') return { kind: 'refused', reason: 'FamilyNotAvailable', why: families };
  const { type, name, internal, tags, shape, reservedAddress, assignedAddresses } = request;
  // A load balancer is a proxy: whatever the client speaks, it reaches nodes over IPv4.
  const backendFamilies: readonly IPFamily[] = type === 'lb' ? ['IPv4'] : families;
  const { backends, warnings } = backendsOf(request, nodes, backendFamilies);
  const parts = request.ports.flatMap((port) => backendFamilies.map((family) => ({ port, family })));
  const loadBalancer: DesiredLoadBalancer = {
    type,
    name,
    internal,
    subnets: place.subnets,
    ipVersion: ipVersionOf(families),
    groups: request.security.networkSecurityGroups.toSorted(),
    ...(shape === undefined ? {} : { shape }),
    ...(reservedAddress === undefined ? {} : { reservedAddress }),
    assignedAddresses,
    listeners: parts.map(({ port, family }) => ({
      ...listenerOf(request, port, family),
      ...tlsOf(request, port, 'listener', certificates),
    })),
    backendSets: parts.map(({ port, family }) => ({
      ...backendSetOf(request, port, family, backends[family]),
      ...tlsOf(request, port, 'backendSet', certificates),
    })),
    certificates: [...new Set(Object.values(certificates).map((one) => one.name))].sort(),
    tags,
  };
  return { kind: 'desired', loadBalancer, families, warnings };
}

/** In the Service's order; why not, when none or not all that it asks for can be had. */
function familiesOf({ type, families, partial }: LoadBalancerRequest, place: Place): readonly IPFamily[] | string {
  const had = families.filter((family) => place.families.includes(family));
  const missing = families.filter((family) => !place.families.includes(family));
  const where = place.subnets.join(', ');
  if (had.length === 0 || (missing.length > 0 && !partial))
    return `the subnet ${where} has no ${missing.join(' and no ')} prefix: name another, or change ipFamilies`;
  if (type === 'lb' && !had.includes('IPv4'))
    return 'a load balancer has no IPv6 alone: annotate oci.oraclecloud.com/load-balancer-type: nlb';
  return had;
}

function ipVersionOf(families: readonly IPFamily[]): IpVersion {
  if (families.length > 1) return 'IPV4_AND_IPV6';
  return families.includes('IPv6') ? 'IPV6' : 'IPV4';
}

/** Names as OCI's controller gives them, so that either goes on with what the other made. */
function nameOf(name: string, { type }: LoadBalancerRequest, family: IPFamily): string {
  return type === 'nlb' && family === 'IPv6' ? `${name}-IPv6` : name;
}

function listenerOf(request: LoadBalancerRequest, port: RequestedPort, family: IPFamily): Listener {
  const { type, idleTimeout, proxyProtocol } = request;
  return {
    name: nameOf(port.listener, request, family),
    backendSet: nameOf(port.name, request, family),
    ...(type === 'nlb' ? { family } : {}),
    protocol: port.protocol,
    port: port.port,
    ...(idleTimeout === undefined ? {} : { idleTimeout }),
    ...(proxyProtocol === undefined ? {} : { proxyProtocol }),
  };
}

function backendSetOf(
  request: LoadBalancerRequest,
  port: RequestedPort,
  family: IPFamily,
  addresses: readonly string[],
): DesiredBackendSet {
  const { type, policy, health, preserveSource } = request;
  return {
    name: nameOf(port.name, request, family),
    ...(type === 'nlb' ? { family, preserveSource } : {}),
    policy,
    health,
    backends: addresses.map((address): Backend => ({ address, port: port.nodePort })).sort(compareBackends),
  };
}

/** What OCI needs for gRPC, unless the Service says otherwise. */
const GRPC_CIPHER_SUITE = 'oci-default-http2-ssl-cipher-suite-v1';

function tlsOf(
  { tls }: LoadBalancerRequest,
  { port, protocol }: RequestedPort,
  use: 'listener' | 'backendSet',
  certificates: NonNullable<Surroundings['certificates']>,
): { readonly tls?: Tls } {
  const certificate = certificates[use]?.name;
  if (tls === undefined || certificate === undefined || !tls.ports.includes(port)) return {};
  const standard = protocol === 'GRPC' && use === 'listener' ? { cipherSuite: GRPC_CIPHER_SUITE } : {};
  return { tls: { certificate, ...standard, ...tls[`${use}Options`] } };
}

/** Nodes that the Service wants as backends. */
export function selectedNodes({ nodeSelector }: Pick<LoadBalancerRequest, 'nodeSelector'>, nodes: readonly Node[]) {
  return nodes.filter(({ metadata }) => matchesLabels(nodeSelector, metadata.labels));
}

function backendsOf(request: LoadBalancerRequest, nodes: readonly Node[], families: readonly IPFamily[]) {
  const warnings: string[] = [];
  const backends: Record<IPFamily, readonly string[]> = { IPv4: [], IPv6: [] };
  const selected = selectedNodes(request, nodes);
  const max = request.type === 'lb' ? Math.floor(MAX_BACKENDS / request.ports.length) : MAX_BACKENDS;
  if (selected.length === 0 && nodes.length > 0)
    warnings.push('no node has the labels that the Service asks of its nodes');
  for (const family of families) {
    const addresses = selected.flatMap((node) => nodeAddress(node, family) ?? []).sort();
    backends[family] = addresses.slice(0, max);
    if (addresses.length > max)
      warnings.push(`only ${max} of ${addresses.length} nodes are backends: OCI takes no more`);
    else if (addresses.length < selected.length) {
      const without = selected.filter((node) => nodeAddress(node, family) === undefined);
      const [first] = without;
      warnings.push(`${without.length} nodes have no ${family} address, such as ${first?.metadata.name}`);
    }
  }
  return { backends, warnings };
}

/** Of IPv6 an external address does: in OCI there is no other kind of network behind it. */
function nodeAddress({ status }: Node, family: IPFamily): string | undefined {
  const types = family === 'IPv4' ? ['InternalIP'] : ['InternalIP', 'ExternalIP'];
  const all = types.flatMap((type) => (status?.addresses ?? []).filter((address) => address.type === type));
  const found = all.map(({ address }) => parseIP(address)).find((ip) => ip?.family === family);
  return found && printIP(found);
}
