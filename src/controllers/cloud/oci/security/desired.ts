/** What is to be let through, and in the rules of which subnet or group: from what was asked and where things are, alone. */
import { type IPFamily, parseCIDR, printCIDR, widestCIDRs } from '../../../../lib/ip.ts';
import type { NodePortRule } from '../../provider.ts';
import type { SubnetFacts } from '../subnets.ts';
import type { BalancedPort, SecurityAsked, Transport } from './asked.ts';
import type { Direction, Rule } from './rules.ts';

/** A rule that belongs in the security list of a subnet. */
export interface PlacedRule {
  readonly subnet: SubnetFacts;
  readonly rule: Rule;
}

const ANYONE: Readonly<Record<IPFamily, string>> = { IPv4: '0.0.0.0/0', IPv6: '::/0' };

/**
 * Clients to the load balancer's subnets, and with the mode All from there to the nodes' subnets: out of the one, into the other.
 * A subnet has rules of the families that it has addresses of.
 */
export function listRules(
  asked: SecurityAsked,
  front: readonly SubnetFacts[],
  back: readonly SubnetFacts[],
): readonly PlacedRule[] {
  if (asked.mode !== 'All' && asked.mode !== 'Frontend') return [];
  const clients = clientsOf(asked);
  const fromClients = front.flatMap((subnet) =>
    rules('ingress', within(clients, subnet), listeners(asked)).map((rule) => ({ subnet, rule })),
  );
  if (asked.mode === 'Frontend') return fromClients;
  const fronts = prefixesOf(front, asked.families);
  const backs = prefixesOf(back, asked.families);
  const toNodes = front.flatMap((subnet) =>
    rules('egress', within(backs, subnet), backends(asked)).map((rule) => ({ subnet, rule })),
  );
  const atNodes = back.flatMap((subnet) =>
    [
      ...rules('ingress', within(fronts, subnet), backends(asked)),
      ...(asked.preservesSource ? rules('ingress', within(clients, subnet), nodePorts(asked)) : []),
    ].map((rule) => ({ subnet, rule })),
  );
  return [...fromClients, ...toNodes, ...atNodes];
}

/** What the group of the load balancer itself lets pass. */
export function frontGroupRules(asked: SecurityAsked): readonly Rule[] {
  return [
    ...rules('ingress', clientsOf(asked), listeners(asked)),
    ...rules('egress', asked.backendGroups, backends(asked)),
  ];
}

/** What a group of nodes lets pass, of what comes from a load balancer in the group `front`. */
export function backGroupRules(asked: SecurityAsked, front: string): readonly Rule[] {
  return [
    ...rules('ingress', [front], backends(asked)),
    ...(asked.preservesSource ? rules('ingress', clientsOf(asked), nodePorts(asked)) : []),
  ];
}

/** What bare node ports need in the list of a subnet with nodes. */
export function nodePortRules(
  all: readonly NodePortRule[],
  subnet: Pick<SubnetFacts, 'prefixes'>,
): readonly { readonly key: string; readonly rule: Rule }[] {
  return all.flatMap(({ owner, family, protocol, port, sources }) => {
    if (protocol === 'SCTP') return []; // Neither lists nor groups know its ports.
    const from = sources.length === 0 ? [] : within(peers(sources, [family]), subnet);
    return rules('ingress', from, [{ protocol, port }]).map((rule) => ({ key: owner, rule }));
  });
}

interface Port {
  readonly protocol: Transport;
  readonly port: number;
}

const listeners = ({ ports }: SecurityAsked): readonly Port[] => ports;

const nodePorts = ({ ports }: SecurityAsked): readonly Port[] =>
  ports.flatMap(({ protocol, nodePort }: BalancedPort) =>
    nodePort === undefined ? [] : [{ protocol, port: nodePort }],
  );

/** Node ports, and where nodes are asked whether they are well. */
const backends = (asked: SecurityAsked): readonly Port[] => [
  ...nodePorts(asked),
  ...(asked.healthCheckPort === undefined ? [] : [{ protocol: 'TCP' as const, port: asked.healthCheckPort }]),
];

function rules(direction: Direction, from: readonly string[], ports: readonly Port[]): readonly Rule[] {
  return ports.flatMap(({ protocol, port }) => from.map((peer) => ({ direction, peer, protocol, port })));
}

/** Who may come to the load balancer: the widest prefixes of the families that it has. */
const clientsOf = ({ sources, families }: SecurityAsked): readonly string[] => peers(sources, families);

function peers(sources: readonly string[], families: readonly IPFamily[]): readonly string[] {
  if (sources.length === 0) return families.map((family) => ANYONE[family]);
  const cidrs = sources.flatMap((text) => parseCIDR(text.trim()) ?? []);
  return widestCIDRs(cidrs.filter(({ base }) => families.includes(base.family))).map(printCIDR);
}

const prefixesOf = (subnets: readonly SubnetFacts[], families: readonly IPFamily[]): readonly string[] => {
  const all = subnets.flatMap(({ prefixes }) => prefixes);
  return all.length === 0 ? [] : peers(all, families);
};

/** Those of the families that a subnet has: the list of one without IPv6 takes no prefixes of IPv6. */
function within(prefixes: readonly string[], subnet: Pick<SubnetFacts, 'prefixes'>): readonly string[] {
  const families = new Set(subnet.prefixes.map(familyOfPrefix));
  return prefixes.filter((prefix) => families.has(familyOfPrefix(prefix)));
}

const familyOfPrefix = (prefix: string): IPFamily | undefined => parseCIDR(prefix)?.base.family;
