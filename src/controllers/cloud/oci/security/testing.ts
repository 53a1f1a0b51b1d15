/** For tests: what a load balancer asks for, and Security over a cloud in memory. */
import type { Node } from '../../../../api/core/v1/node.ts';
import { FakeClock } from '../../../../host/clock.ts';
import { silentLogger } from '../../../../host/log.ts';
import { OciNodes } from '../nodes.ts';
import { subnetReader } from '../subnets.ts';
import { TestCloud, type TestCloudOptions } from '../testing/test-cloud.ts';
import type { SecurityAsked } from './asked.ts';
import { Security, type SecurityOptions } from './security.ts';

export const CLUSTER = 'prod';

/** A Node that does not say which instance it is. */
export function nodeAt(name: string, ...addresses: readonly string[]): Node {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name },
    status: { addresses: addresses.map((address) => ({ type: 'InternalIP', address })) },
  };
}

/** TCP port 80 on node port 30080, asked by mode All. */
export function asked(
  name: string,
  { cloud, ...over }: { readonly cloud: TestCloud } & Partial<SecurityAsked>,
): SecurityAsked {
  return {
    service: { namespace: 'default', name, uid: `uid-of-${name}` },
    mode: 'All',
    families: ['IPv4'],
    ports: [{ protocol: 'TCP', port: 80, nodePort: 30080 }],
    healthCheckPort: 10256,
    sources: [],
    preservesSource: false,
    subnets: [cloud.world.subnet1],
    backendGroups: [],
    ...over,
  };
}

export interface SecurityWorld {
  readonly cloud: TestCloud;
  readonly clock: FakeClock;
  readonly nodes: readonly Node[];
  readonly security: Security;
  /** As after a restart: knows nothing. */
  again(over?: Partial<SecurityOptions>): Security;
  /** What of lists and groups we wrote, by their names: `ingress 6 80 0.0.0.0/0 (default/web)`. */
  ours(): Readonly<Record<string, readonly string[]>>;
  /** {@link everythingIn}. */
  everything(): unknown;
  /** How often a call was made. */
  count(call: string): number;
}

export function securityWorld(options: TestCloudOptions = {}, over: Partial<SecurityOptions> = {}): SecurityWorld {
  const clock = new FakeClock(Date.UTC(2026, 0, 1));
  const cloud = new TestCloud({ nodes: ['n1', 'n2'], clock, ...options });
  const again = (more: Partial<SecurityOptions> = {}): Security => {
    const { network, compute } = cloud.calls();
    const { compartmentId: compartment, vcnId: vcn } = cloud.world;
    const common = { network, compartment, clock, log: silentLogger };
    const nodes = new OciNodes({ compute, ...common });
    const subnet = subnetReader(network, clock);
    return new Security({ ...common, subnet, nodes, cluster: CLUSTER, vcn, securityLists: {}, ...over, ...more });
  };
  return {
    cloud,
    clock,
    nodes: cloud.nodes.map(({ name, privateIp }) => nodeAt(name, privateIp)),
    security: again(),
    again,
    ours: () => oursIn(cloud),
    everything: () => everythingIn(cloud),
    count: (call) => cloud.requests.filter((request) => request.call === call).length,
  };
}

/** All lists and groups with their rules, for comparison: a null is what is not there. */
export function everythingIn({ state }: TestCloud): unknown {
  const all = [state.securityLists.all(), state.networkSecurityGroups.all(), [...state.securityRules]];
  return JSON.parse(JSON.stringify(all), (_, value: unknown) => (value === null ? undefined : value));
}

interface AnyRule {
  readonly protocol: string;
  readonly source?: string;
  readonly destination?: string;
  readonly description?: string;
  readonly tcpOptions?: { readonly destinationPortRange?: { readonly min: number } };
  readonly udpOptions?: { readonly destinationPortRange?: { readonly min: number } };
}

function oursIn({ state }: TestCloud): Readonly<Record<string, readonly string[]>> {
  const lists = state.securityLists.all().map((list) => ({
    name: list.displayName.replace(' security list', ''),
    rules: [...list.ingressSecurityRules, ...list.egressSecurityRules],
  }));
  const groups = state.networkSecurityGroups.all().map(({ id, displayName }) => ({
    name: displayName ?? id,
    rules: state.securityRules.get(id) ?? [],
  }));
  const nameOf = (peer = '') => state.networkSecurityGroups.get(peer)?.displayName ?? peer;
  const print = ({ protocol, source, destination, description = '', tcpOptions, udpOptions }: AnyRule) => {
    const way = source === undefined ? `to ${nameOf(destination)}` : `from ${nameOf(source)}`;
    const port = (tcpOptions ?? udpOptions)?.destinationPortRange?.min;
    return `${protocol === '6' ? 'TCP' : 'UDP'} ${port} ${way} (${description.replace('Postern: ', '').replaceAll(`${CLUSTER}/`, '')})`;
  };
  return Object.fromEntries(
    [...lists, ...groups].flatMap(({ name, rules }) => {
      const ours = rules.filter(({ description }) => description?.startsWith('Postern: '));
      return ours.length === 0 ? [] : [[name, ours.map(print).sort()]];
    }),
  );
}
