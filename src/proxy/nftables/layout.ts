/**
 * The table that forwards, in the map layout: how many endpoints there are is an element of a map, each endpoint is an
 * element of another, and chains exist per number of endpoints, not per Service. So a change of one endpoint is a few
 * element commands, whatever the number of Services. ../README.md shows the result and says why it is laid out so.
 */
import { createHash } from 'node:crypto';
import type { IPFamily } from '../../lib/ip.ts';
import {
  type Chain,
  type Element,
  goto,
  type KeyType,
  type Match,
  type NamedSet,
  type Placed,
  type Rule,
  SCRATCH,
  type Table,
  type TableName,
} from '../../netfilter/model.ts';
import { printTable } from '../../netfilter/print.ts';
import { type Audience, type Entrance, type Masquerade, tableFamily } from '../forwarding/forwarding.ts';
import type { Locality, LocalPods } from '../locality.ts';
import { chainMap, destinations, UNAVAILABLE_CHAINS, unavailableElements } from './destinations.ts';
import { endpointSet, pickChain } from './pick.ts';
import { frontendMap, frontends, PROTOCOLS, SCOPES } from './scopes.ts';
import { affinitySet, stickyChain, stickySets } from './sticky.ts';
import { trafficChains, trafficSets } from './traffic.ts';
import { DROP, daddr, dport, inSet, jump, l4proto, RETURN, requested, rule, saddr, scratch } from './words.ts';

export const TABLE_NAME = 'postern-proxy';

/** The names that elements refer to. */
export const SETS = {
  nodeAddress: 'node-address',
  virtualAddress: 'virtual-address',
  hairpin: 'hairpin',
  sourceChecked: 'source-checked',
  allowedSource: 'allowed-source',
} as const;

const MASQUERADES: readonly Masquerade[] = ['outsiders', 'strangers', 'node'];
const CHECK_SOURCE = 'check-source';

/** Map from a number to the chain that says whose source address is replaced. */
const MASQUERADE = 'source-chain';

/** Map from a frontend to one of these numbers. */
export const masqueradeMap = (entrance: Entrance['kind']): string =>
  entrance === 'address' ? 'service-source' : 'node-port-source';

export const masqueradeNumber = (who: Masquerade): number => SCRATCH.first + MASQUERADES.indexOf(who);

const masqueradeChain = (who: Masquerade): string => `masquerade-${who}`;

export function tableName(family: IPFamily): TableName {
  return TABLES[family];
}

const TABLES: Readonly<Record<IPFamily, TableName>> = {
  IPv4: { family: tableFamily('IPv4'), name: TABLE_NAME },
  IPv6: { family: tableFamily('IPv6'), name: TABLE_NAME },
};

/** The base chains in which connections get their endpoints. */
export const TRANSLATING_CHAINS = ['prerouting', 'output'] as const;

/** The whole table but for what comes and goes with Services: elements, and the chains per number of endpoints. */
export function baseTable(family: IPFamily, locality: Locality): Table {
  const table = { ...tableName(family), sets: sets(locality), chains: chains(locality) };
  return { ...table, chains: [versionChain(table), ...table.chains] };
}

/** Elements that are always there besides those of the layout, in maps whose others come and go. */
export function standingElements(): readonly Placed[] {
  const masquerades = MASQUERADES.map(
    (who): Placed => ({
      set: MASQUERADE,
      element: { key: [masqueradeNumber(who)], value: goto(masqueradeChain(who)) },
    }),
  );
  return [...unavailableElements(), ...masquerades];
}

/** Nothing goes there: its name says which layout the table has, and chains made on demand, for the run that finds it. */
function versionChain(table: Table): Chain {
  const samples = SCOPES.flatMap((scope) => [pickChain(scope, 'tcp', 1), stickyChain(scope, 'tcp', 1, 1)]);
  const text = printTable({ ...table, chains: [...table.chains, ...samples] });
  const digest = createHash('sha256').update(text).digest('hex');
  return { name: `layout-x${digest.slice(0, 16)}`, rules: [rule([], RETURN)] };
}

/** Whether a chain comes and goes with Services: its name ends in a number. */
export const isMadeOnDemand = (chain: string): boolean => /-\d+$/.test(chain);

/** Whether a set's elements come and go with Services. Others are part of the layout, or what packets leave behind. */
export const comesAndGoes = (set: NamedSet): boolean => set.elements === undefined && set.dynamic === undefined;

function sets({ localPods, clusterCIDRs }: Locality): NamedSet[] {
  const address: KeyType = { kind: 'types', types: ['address'] };
  const prefixes = (name: string, cidrs: readonly string[]): NamedSet => ({
    name,
    key: address,
    interval: true,
    elements: cidrs.map((cidr): Element => ({ key: [cidr] })),
  });
  return [
    { name: SETS.nodeAddress, key: address },
    { name: SETS.virtualAddress, key: address },
    { name: SETS.hairpin, key: { kind: 'types', types: ['address', 'address'] } },
    ...(localPods.kind === 'prefixes' ? [prefixes('node-pods', localPods.cidrs)] : []),
    prefixes('cluster-pods', clusterCIDRs),
    { name: SETS.sourceChecked, key: { kind: 'types', types: ['address', 'inet_proto', 'inet_service'] } },
    {
      name: SETS.allowedSource,
      key: { kind: 'types', types: ['address', 'inet_proto', 'inet_service', 'address'] },
      interval: true,
    },
    affinitySet(),
    ...trafficSets(),
    ...SCOPES.flatMap((scope) => [
      frontends(scope),
      destinations(scope),
      ...PROTOCOLS.map((protocol) => endpointSet(scope, protocol)),
      ...stickySets(scope),
    ]),
    ...(['address', 'node-port'] as const).map((entrance) => ({
      ...frontends({ audience: 'anyone', entrance }),
      name: masqueradeMap(entrance),
    })),
    { name: MASQUERADE, key: { kind: 'types', types: ['classid'] }, value: 'verdict' },
  ];
}

/** Base chains come last: a chain must exist before a rule names it. */
function chains(locality: Locality): Chain[] {
  return [
    ...unavailableChains(),
    ...masqueradeChains(locality),
    { name: CHECK_SOURCE, rules: sourceRules() },
    { name: 'inside', rules: dispatch('insiders') },
    { name: 'services', rules: [...dispatch('anyone'), ...strayRules()] },
    {
      name: TRANSLATING_CHAINS[0],
      hook: { type: 'nat', hook: 'prerouting', priority: -100 },
      rules: [CHECKED, rule([fromLocalPods(locality)], jump('inside')), rule([], jump('services'))],
    },
    {
      name: TRANSLATING_CHAINS[1],
      hook: { type: 'nat', hook: 'output', priority: -100 },
      rules: [CHECKED, rule([], jump('inside')), rule([], jump('services'))],
    },
    ...(locality.localhostNodePorts ? [GUARD_LOCALHOST] : []),
    DROP_INVALID,
    { name: 'postrouting', hook: { type: 'nat', hook: 'postrouting', priority: 100 }, rules: postrouting() },
    ...trafficChains(),
  ];
}

/**
 * With route_localnet, the kernel no longer refuses what the wire brings from or for loopback addresses; so this does. It
 * comes before translation: replies to the node's own connections still have its address.
 */
const GUARD_LOCALHOST: Chain = {
  name: 'guard-localhost',
  hook: { type: 'filter', hook: 'prerouting', priority: -300 },
  rules: (['saddr', 'daddr'] as const).map((kind) =>
    rule(
      [
        { kind: 'through', interface: 'lo', not: true },
        { kind: 'within', of: kind, prefix: '127.0.0.0/8' },
      ],
      DROP,
    ),
  ),
};

/**
 * A reply that connection tracking does not recognise, such as one outside a TCP window, would reach the client from the
 * endpoint's own address, and end the connection: https://kubernetes.io/blog/2019/03/29/kube-proxy-subtleties-debugging-an-intermittent-connection-reset/
 */
const DROP_INVALID: Chain = {
  name: 'forward',
  hook: { type: 'filter', hook: 'forward', priority: 0 },
  rules: [rule([{ kind: 'invalid' }], DROP)],
};

/** Comes first: whoever asks is checked, pods and the node itself too. */
const CHECKED = rule([inSet(requested, SETS.sourceChecked)], jump(CHECK_SOURCE));

function sourceRules(): Rule[] {
  return [
    rule([inSet([...requested, saddr], SETS.allowedSource)], RETURN),
    rule([], { kind: 'verdict', verdict: goto(UNAVAILABLE_CHAINS.discard) }),
  ];
}

/** Finds the frontend of a connection, if it has one for this audience: the number of its destination, then the chain. */
function dispatch(audience: Audience): Rule[] {
  const port = [l4proto, dport()];
  const [byAddress, byNodePort] = [
    { audience, entrance: 'address' } as const,
    { audience, entrance: 'node-port' } as const,
  ];
  const toNode = inSet([daddr], SETS.nodeAddress);
  return [
    rule([], { kind: 'load', key: [daddr, ...port], map: frontendMap(byAddress) }),
    rule([], { kind: 'vmap', key: [l4proto, scratch], map: chainMap(byAddress) }),
    rule([toNode], { kind: 'load', key: port, map: frontendMap(byNodePort) }),
    rule([], { kind: 'vmap', key: [l4proto, scratch], map: chainMap(byNodePort) }),
  ];
}

/** A Service's address has no other ports: say so, instead of letting the client wait. */
function strayRules(): Rule[] {
  return [
    rule([{ kind: 'local', of: 'daddr' }], RETURN),
    rule([inSet([daddr], SETS.virtualAddress)], { kind: 'verdict', verdict: goto(UNAVAILABLE_CHAINS.refuse) }),
  ];
}

function unavailableChains(): Chain[] {
  return [
    {
      name: UNAVAILABLE_CHAINS.refuse,
      rules: [
        rule([{ kind: 'protocol', protocol: 'tcp' }], { kind: 'reject', with: 'tcp-reset' }),
        rule([], { kind: 'reject', with: 'port-unreachable' }),
      ],
    },
    { name: UNAVAILABLE_CHAINS.discard, rules: [rule([], DROP)] },
  ];
}

/** What tells, in prerouting, that a connection comes from a pod of this node. */
function fromLocalPods({ localPods }: Locality): Match {
  return localPods.kind === 'prefixes'
    ? inSet([saddr], 'node-pods')
    : { kind: 'through', interface: interfacePattern(localPods) };
}

/** Their source address stays. */
function spareLocalPods(locality: Locality): Rule[] {
  const { localPods } = locality;
  const spared = rule([fromLocalPods(locality)], RETURN);
  if (localPods.kind === 'prefixes') return [spared];
  return [spared, rule([{ kind: 'bridged', interface: interfacePattern(localPods) }], RETURN)];
}

const interfacePattern = (localPods: Exclude<LocalPods, { readonly kind: 'prefixes' }>): string =>
  localPods.kind === 'bridge' ? localPods.name : `${localPods.prefix}*`;

function masqueradeChains(locality: Locality): Chain[] {
  const { localPods, clusterCIDRs, masqueradeAll } = locality;
  const local = spareLocalPods(locality);
  const cluster = clusterCIDRs.length > 0 ? [rule([inSet([saddr], 'cluster-pods')], RETURN)] : [];
  // By prefixes, the cluster's hold this node's too, where they are known.
  const inside = localPods.kind === 'prefixes' && cluster.length > 0 ? cluster : [...cluster, ...local];
  const spared: Readonly<Record<Masquerade, Rule[]>> = {
    outsiders: masqueradeAll ? [] : inside,
    strangers: masqueradeAll ? [] : local,
    node: [],
  };
  return MASQUERADES.map((who) => ({
    name: masqueradeChain(who),
    rules: [
      CLEAR,
      ...spared[who],
      rule(who === 'node' ? [{ kind: 'local', of: 'saddr' }] : [], { kind: 'masquerade' }),
    ],
  }));
}

/** Nothing is left in the scratch register when a packet leaves. */
const CLEAR = rule([], { kind: 'clear-scratch' });

/**
 * Decides by what the connection asked for, which connection tracking remembers, so that no packet mark is needed that
 * others might use too. A port's type is only known after its protocol: hence one rule each.
 */
function postrouting(): Rule[] {
  const translated: Match = { kind: 'translated' };
  const original = [{ kind: 'original-daddr' }] as const;
  const port = [l4proto, { kind: 'original-dport' }] as const;
  return [
    CLEAR,
    rule([translated, inSet([saddr, daddr], SETS.hairpin)], { kind: 'masquerade' }),
    ...PROTOCOLS.flatMap((protocol): Rule[] => {
      const matches: Match[] = [translated, { kind: 'protocol', protocol }];
      const toNode = inSet(original, SETS.nodeAddress);
      return [
        rule(matches, { kind: 'load', key: [...original, ...port], map: masqueradeMap('address') }),
        rule(matches, { kind: 'vmap', key: [scratch], map: MASQUERADE }),
        rule([...matches, toNode], { kind: 'load', key: port, map: masqueradeMap('node-port') }),
        rule([...matches, toNode], { kind: 'vmap', key: [scratch], map: MASQUERADE }),
      ];
    }),
  ];
}
