/**
 * The chains that every node has, whatever its Services, and their names. Services hang below them in trees: `tree.ts`.
 * README.md beside it says why it is laid out so.
 */
import { hash } from 'node:crypto';
import type { IPFamily } from '../../lib/ip.ts';
import type { Hook, IptablesTable, Match, Rule, Target } from '../../netfilter/iptables/model.ts';
import { printRule } from '../../netfilter/iptables/print.ts';
import type { Audience, Entrance, Masquerade } from '../forwarding/forwarding.ts';
import type { Locality } from '../locality.ts';

/** What the names of all our chains begin with. */
export const PREFIX = 'POSTERN-';

/**
 * Bit 29. Low bits are taken: kube-proxy's are 0x4000 and 0x8000, portmap's 0x2000, Tailscale's 0xff0000, AWS's 0x80.
 */
export const DEFAULT_MARK = 0x2000_0000;

/** A tree that leads from a connection to its frontend: by address, or by node port. */
export interface Tree {
  readonly audience: Audience;
  readonly entrance: Entrance['kind'];
}

export const treeRoot = ({ audience, entrance }: Tree): string =>
  `${PREFIX}${audience === 'insiders' ? 'IN-' : ''}${entrance === 'address' ? 'VIP' : 'PORT'}`;

/** The chain that leads to both trees of an audience. */
export const audienceChain = (audience: Audience): string =>
  `${PREFIX}${audience === 'insiders' ? 'INSIDE' : 'SERVICES'}`;

export const AUDIENCES: readonly Audience[] = ['insiders', 'anyone'];
export const HAIRPIN = `${PREFIX}HAIRPIN`;
export const REFUSE = `${PREFIX}REFUSE`;
/** For what asks for a port that a Service's address does not have. */
export const STRAY = `${PREFIX}STRAY`;
const MASQUERADE = `${PREFIX}MASQUERADE`;

export const masqueradeChain = (who: Masquerade): string => `${PREFIX}${who.toUpperCase()}`;

/** The chain of one frontend: names may have 28 characters, so it is named for a hash of the frontend's key. */
export const frontendChain = (key: string): string => `${PREFIX}F-${shortHash(key)}`;

/** The list of clients that an endpoint of a frontend has answered. */
export const affinityList = (frontend: string, endpoint: string): string =>
  `${PREFIX}A-${shortHash(`${frontend} ${endpoint}`)}`;

/** 75 bits of SHA-256: among a million names, the chance that two are the same is less than one in 10^10. */
function shortHash(text: string): string {
  const digest = hash('sha256', text, 'hex').slice(0, 20);
  return BigInt(`0x${digest}`).toString(36).toUpperCase().padStart(16, '0').slice(-15);
}

/** What the base rules depend on. */
export interface LayoutOptions {
  readonly locality: Locality;
  /** The bit of a connection's mark that is set between the choice of an endpoint and the replacement of the source. */
  readonly mark: number;
}

/** Chains with their rules, each as text. */
export type BaseChains = ReadonlyMap<string, readonly string[]>;

const rule = (target: Target, ...matches: readonly Match[]): Rule => ({ matches, target });
const jump = (chain: string): Target => ({ kind: 'jump', chain });
const RETURN: Target = { kind: 'return' };
const DROP: Target = { kind: 'drop' };

/** The chains of a table that are always there; trees and what depends on the node's addresses are added to them. */
export function baseChains(table: IptablesTable, family: IPFamily, options: LayoutOptions): BaseChains {
  const chains = table === 'nat' ? natChains(options) : filterChains(options.locality);
  return new Map(Object.entries(chains).map(([name, rules]) => [name, rules.map((one) => printRule(one, family))]));
}

type Chains = Readonly<Record<string, readonly Rule[]>>;

function natChains({ locality, mark }: LayoutOptions): Chains {
  const marked: Match = { kind: 'connection-mark', bit: mark };
  const unmark: Target = { kind: 'unmark-connection', bit: mark };
  return {
    ...dispatchChains(),
    ...Object.fromEntries(MASQUERADES.map((who) => [masqueradeChain(who), markRules(who, { locality, mark })])),
    [HAIRPIN]: [],
    [MASQUERADE]: [rule(unmark), rule({ kind: 'masquerade' })],
    [`${PREFIX}PREROUTING`]: [...notFromLoopback(locality), ...toServices(locality)],
    [`${PREFIX}OUTPUT`]: AUDIENCES.map((audience) => rule(jump(audienceChain(audience)))),
    // Those that are for the node itself keep their source.
    [`${PREFIX}INPUT`]: [rule(unmark, marked)],
    [`${PREFIX}POSTROUTING`]: [
      rule({ kind: 'goto', chain: MASQUERADE }, marked),
      rule({ kind: 'goto', chain: HAIRPIN }, { kind: 'state', states: ['DNAT'] }),
    ],
  };
}

const MASQUERADES: readonly Masquerade[] = ['outsiders', 'strangers', 'node'];

/** Marks the connections whose source is to be replaced. */
function markRules(who: Masquerade, { locality, mark }: LayoutOptions): Rule[] {
  const target: Target = { kind: 'mark-connection', bit: mark };
  if (who === 'node') return [rule(target, { kind: 'local', of: 'source' })];
  if (locality.masqueradeAll) return [rule(target)];
  const cluster = who === 'outsiders' ? fromPrefixes(locality.clusterCIDRs) : [];
  return [...[...cluster, ...fromLocalPods(locality)].map((match) => rule(RETURN, match)), rule(target)];
}

const fromPrefixes = (cidrs: readonly string[]): Match[] => cidrs.map((address) => ({ kind: 'source', address }));

/** Each of these tells some of this node's pods. */
function fromLocalPods({ localPods }: Locality): Match[] {
  switch (localPods.kind) {
    case 'prefixes':
      return fromPrefixes(localPods.cidrs);
    case 'bridge':
      return [{ kind: 'in-interface', name: localPods.name }];
    case 'interface-prefix':
      return [{ kind: 'in-interface', name: `${localPods.prefix}+` }];
  }
}

/** What was not forwarded ends here: it asked for what is not served, or not to be served to it. */
function filterChains(locality: Locality): Chains {
  const unserved = `${PREFIX}UNSERVED`;
  const asks: readonly Match[] = [
    { kind: 'state', states: ['NEW'] },
    { kind: 'state', states: ['DNAT'], not: true },
  ];
  return {
    ...dispatchChains(),
    [REFUSE]: [
      rule({ kind: 'reject', with: 'tcp-reset' }, { kind: 'protocol', protocol: 'tcp' }),
      rule({ kind: 'reject', with: 'port-unreachable' }),
    ],
    [STRAY]: [rule(RETURN, { kind: 'local', of: 'destination' }), rule(jump(REFUSE))],
    [unserved]: toServices(locality),
    [`${PREFIX}INPUT`]: [...loopbackGuard(locality), rule(jump(unserved), ...asks)],
    [`${PREFIX}FORWARD`]: [
      ...loopbackGuard(locality),
      rule(DROP, { kind: 'state', states: ['INVALID'] }),
      rule(jump(unserved), ...asks),
    ],
    [`${PREFIX}OUTPUT`]: AUDIENCES.map((audience) => rule(jump(audienceChain(audience)), ...asks)),
  };
}

/** Leads this node's pods to what is for insiders, and everyone to the rest. */
function toServices(locality: Locality): Rule[] {
  return [
    ...fromLocalPods(locality).map((match) => rule(jump(audienceChain('insiders')), match)),
    rule(jump(audienceChain('anyone'))),
  ];
}

const LOOPBACK = '127.0.0.0/8';

/**
 * Node ports at the loopback address need `route_localnet`, with which a kernel takes packets from and for it through any
 * interface. What is no answer to this node is dropped then, as the kernel does without it.
 */
function loopbackGuard({ localhostNodePorts }: Locality): Rule[] {
  if (!localhostNodePorts) return [];
  const elsewhere: Match = { kind: 'in-interface', name: 'lo', not: true };
  return (['source', 'destination'] as const).map((kind) => rule(DROP, { kind, address: LOOPBACK }, elsewhere));
}

/** The node's own connections have been led to their endpoints when they left. */
const notFromLoopback = ({ localhostNodePorts }: Locality): Rule[] =>
  localhostNodePorts ? [rule(RETURN, { kind: 'destination', address: LOOPBACK })] : [];

/** Addresses come first; then, behind rules for each of the node's addresses, node ports. */
function dispatchChains(): Chains {
  return Object.fromEntries(
    AUDIENCES.flatMap((audience) => [
      [audienceChain(audience), [rule(jump(treeRoot({ audience, entrance: 'address' })))]],
      [treeRoot({ audience, entrance: 'address' }), []],
      [treeRoot({ audience, entrance: 'node-port' }), []],
    ]),
  );
}

/** A rule for each chain of the kernel's that ours are reached from. */
export function hooks(table: IptablesTable, family: IPFamily): readonly Hook[] {
  const comment: Match = { kind: 'comment', text: 'postern Services' };
  // Of established connections, the filter's chains see nothing: they are nearly all packets.
  const begins: Match = { kind: 'state', states: ['RELATED', 'ESTABLISHED'], not: true };
  const [into, matches] =
    table === 'nat'
      ? [['PREROUTING', 'INPUT', 'OUTPUT', 'POSTROUTING'], [comment]]
      : [
          ['INPUT', 'FORWARD', 'OUTPUT'],
          [begins, comment],
        ];
  return into.map((name) => ({ into: name, rule: printRule(rule(jump(`${PREFIX}${name}`), ...matches), family) }));
}
