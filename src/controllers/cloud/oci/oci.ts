/** Oracle Cloud Infrastructure as a provider of load balancers: joins requests, load balancers, security rules and nodes. */
import type { Node } from '../../../api/core/v1/node.ts';
import type { Service } from '../../../api/core/v1/service.ts';
import { isTrue } from '../../../api/meta/conditions.ts';
import { type Clock, systemClock } from '../../../host/clock.ts';
import type { Logger } from '../../../host/log.ts';
import { LOAD_BALANCER_READY } from '../balancers/marks.ts';
import { claims } from '../claims.ts';
import type { Ensured, LoadBalancerProvider } from '../provider.ts';
import type { OciCalls } from './calls.ts';
import type { OciConfig } from './config.ts';
import type { FoundBalancer } from './load-balancer/balancers.ts';
import { certificatesFor, type ReadSecret } from './load-balancer/certificates.ts';
import { desiredLoadBalancer, selectedNodes } from './load-balancer/desired.ts';
import { unchangeable } from './load-balancer/diff.ts';
import { LoadBalancerKeeper } from './load-balancer/keeper.ts';
import { loadBalancers } from './load-balancer/lb/lb.ts';
import { networkLoadBalancers } from './load-balancer/nlb/nlb.ts';
import { refusalOf } from './load-balancer/refusal.ts';
import { reservedIp } from './load-balancer/reserved-ip.ts';
import { ingressOf } from './load-balancer/status.ts';
import { placeFor } from './load-balancer/subnets.ts';
import { OciNodes } from './nodes.ts';
import { ANNOTATIONS, annotationReader } from './request/annotations.ts';
import { type LoadBalancerRequest, OCI_CLASSES, requestOf } from './request.ts';
import { askedOf, type SecurityEnsured } from './security/asked.ts';
import { Security } from './security/security.ts';
import { type SubnetReader, subnetReader } from './subnets.ts';

export interface OciProviderOptions {
  readonly config: OciConfig;
  readonly calls: OciCalls;
  /** Tells this cluster's load balancers and rules from those of others in the compartment; not to be changed while there are any. */
  readonly cluster: string;
  /** Whether Services without a class are its own. */
  readonly isDefault: boolean;
  /** Where certificates for TLS are read. Unless said, there are none. */
  readonly readSecret?: ReadSecret;
  readonly log: Logger;
  readonly clock?: Clock;
}

export function ociProvider(options: OciProviderOptions): LoadBalancerProvider {
  const provider = new OciProvider(options);
  return {
    name: 'oci',
    takes: (service) => provider.takes(service),
    backends: (service, nodes) => provider.backends(service, nodes),
    ensure: (service, nodes) => provider.ensure(service, nodes),
    remove: (service) => provider.remove(service),
    ensureNodePorts: (rules, nodes) => provider.security.ensureNodePorts(rules, nodes),
    node: (node) => provider.nodes.facts(node),
  };
}

class OciProvider {
  readonly security: Security;
  readonly nodes: OciNodes;
  readonly #options: OciProviderOptions;
  readonly #keeper: LoadBalancerKeeper;
  readonly #readSubnet: SubnetReader;

  constructor(options: OciProviderOptions) {
    const { calls, config, cluster, log, clock = systemClock } = options;
    const { compartment, vcn } = config;
    const { network, compute } = calls;
    this.#options = options;
    this.#readSubnet = subnetReader(network, clock);
    this.nodes = new OciNodes({ compute, network, compartment, clock, log });
    this.security = new Security({
      network,
      subnet: this.#readSubnet,
      nodes: this.nodes,
      cluster,
      compartment,
      vcn,
      securityLists: config.loadBalancer.securityLists,
      managesNodes: config.loadBalancer.securityListManagementMode === 'All',
      nodePortGroups: config.nodePorts?.networkSecurityGroups ?? [],
      clock,
      log,
    });
    this.#keeper = new LoadBalancerKeeper({
      balancers: {
        lb: loadBalancers(calls.loadBalancer, compartment),
        nlb: networkLoadBalancers(calls.networkLoadBalancer, compartment),
      },
      clock,
      log,
    });
  }

  takes(service: Service): boolean {
    const { config, isDefault } = this.#options;
    return !config.loadBalancer.disabled && claims(service, { classes: OCI_CLASSES, isDefault });
  }

  backends(service: Service, nodes: readonly Node[]): readonly Node[] {
    const requested = this.#request(service);
    return requested.kind === 'request' ? selectedNodes(requested.request, nodes) : nodes;
  }

  async ensure(service: Service, nodes: readonly Node[]): Promise<Ensured> {
    const requested = this.#request(service);
    if (requested.kind === 'refused') return requested;
    try {
      return await this.#ensure(requested.request, nodes);
    } catch (error) {
      return refusalOf(error);
    }
  }

  async remove({ metadata, status }: Service): Promise<'removed' | { readonly after: number }> {
    const { namespace = '', name = '', uid = '', annotations } = metadata;
    const created = Date.parse(metadata.creationTimestamp ?? '');
    // Addresses go from a status when the type of the Service changes, and stay while a load balancer is made anew.
    const wasReady = isTrue(status?.conditions, LOAD_BALANCER_READY);
    const left = await this.#keeper.remove({ uid, created, wasReady });
    if (left.kind === 'left') return { after: left.after };
    const backendGroups = annotationReader(annotations).ocids(ANNOTATIONS.backendNetworkSecurityGroups);
    const closed = await this.security.remove({ namespace, name, uid }, { subnets: left.subnets, backendGroups });
    if (closed === 'removed') this.#keeper.forget(uid);
    return closed;
  }

  #request(service: Service) {
    const { config, cluster } = this.#options;
    return requestOf(service, config, cluster);
  }

  async #ensure(request: LoadBalancerRequest, nodes: readonly Node[]): Promise<Ensured> {
    const sought = await this.#keeper.seek(request);
    if (sought.kind === 'waiting') return sought;
    const found = sought.kind === 'found' ? sought : undefined;
    const { readSecret = noSecrets } = this.#options;
    const secrets = await certificatesFor(request.tls, readSecret);
    if (secrets.kind === 'refused') return secrets;
    const { certificates } = secrets;
    const place = await placeFor(request, found?.balancer.actual.subnets, this.#readSubnet);
    const desired = desiredLoadBalancer(request, { place, nodes, certificates });
    if (desired.kind === 'refused') return desired;
    const asked = askedOf({ ...request, families: desired.families }, place.subnets);
    // Before anything is let through for a load balancer that cannot be made.
    const { reservedAddress } = request;
    const reserved =
      found !== undefined || reservedAddress === undefined
        ? undefined
        : await reservedIp(this.#options.calls.network, reservedAddress);
    if (reserved?.kind === 'refused') return reserved;
    const opened = await this.security.ensure(asked, selectedNodes(request, nodes));
    if (opened.kind === 'refused' && found === undefined) return opened;
    const groups = [...desired.loadBalancer.groups, ...groupsOf(opened, found?.balancer)];
    const loadBalancer = { ...desired.loadBalancer, groups: [...new Set(groups)].sort() };
    if (found === undefined) {
      const options = { certificates, ...(reserved === undefined ? {} : { reservedIp: reserved.id }) };
      return this.#keeper.create(request, loadBalancer, options);
    }
    const waiting = await this.#keeper.change(request, loadBalancer, { found: found.balancer, certificates });
    if (waiting !== undefined) return waiting;
    const told = [...request.warnings, ...warningsOf(opened), ...desired.warnings, ...found.warnings];
    return this.#ready(request, found.balancer, told);
  }

  #ready(request: LoadBalancerRequest, { actual }: FoundBalancer, told: readonly string[]): Ensured {
    const ingress = ingressOf(request, actual);
    if (ingress.length === 0)
      return { kind: 'waiting', why: 'the load balancer has no address yet', after: NO_ADDRESS };
    return { kind: 'ready', ingress, warnings: [...told, ...unchangeable(request, actual)] };
  }
}

const noSecrets: ReadSecret = async () => undefined;

/** Milliseconds. */
const NO_ADDRESS = 5000;

/** Where rules cannot be kept, the groups stay as they are. */
function groupsOf(opened: SecurityEnsured, balancer: FoundBalancer | undefined): readonly string[] {
  return opened.kind === 'open' ? opened.groups : (balancer?.actual.groups ?? []);
}

const warningsOf = (opened: SecurityEnsured): readonly string[] =>
  opened.kind === 'open' ? opened.warnings : [opened.why];
