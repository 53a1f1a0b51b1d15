/** The table that guards what is enforced. */
import { createHash } from 'node:crypto';
import type { IPFamily } from '../../lib/ip.ts';
import type { Chain, Concatenation, Match, Rule, Statement, Table, TableName, Verdict } from '../../netfilter/model.ts';
import { AUDIENCES, openSet, TABLE_FAMILIES } from '../nftables/layout.ts';
import type { Audience } from '../ruleset/model.ts';

/** The chain that packets come to by themselves. */
export const GUARD_CHAIN = 'guard';

/** Addresses and ports that are guarded; the same with the prefixes on whose behalf, where these are not anyone. */
export const GUARDED = 'guarded';
export const GUARDED_FOR = 'guarded-for';

/** Ways that can be told apart: more than any firewall is likely to have interfaces with rules of their own. */
export const MAX_WAYS = 64;

/** Where the nth way admits anyone, and where those of some prefixes; the last way are all others. */
export const admittedSets: Readonly<Record<Audience, (way: number) => string>> = {
  anyone: (way) => `admitted-${way}`,
  named: (way) => `admitted-from-${way}`,
};

/** Names of its sets, and for whom their elements are. */
export function setsOf(ways: readonly (readonly string[])[]): ReadonlyMap<string, Audience> {
  const admitted = [...ways, []].flatMap((_, way) =>
    AUDIENCES.map((audience) => [admittedSets[audience](way), audience] as const),
  );
  return new Map([[GUARDED, 'anyone'], [GUARDED_FOR, 'named'], ...admitted]);
}

export const guardTable = (family: IPFamily, name: string): TableName => ({ family: TABLE_FAMILIES[family], name });

/**
 * Without elements; `ways` are the interfaces that are told apart. What is guarded is looked at before its destination is
 * translated, each of its packets: who is admitted no more is cut off.
 */
export function guardLayout(family: IPFamily, name: string, ways: readonly (readonly string[])[]): Table {
  const byWay = nameOf(ways);
  return {
    ...guardTable(family, name),
    sets: [...setsOf(ways)].map(([set, audience]) => openSet(set, audience)),
    chains: [
      ...[...ways, []].map((_, way) => checkChain(way)),
      { name: byWay, rules: [...dispatch(ways), rule([], { kind: 'goto', chain: checkName(ways.length) })] },
      {
        name: GUARD_CHAIN,
        hook: { type: 'filter', hook: 'prerouting', priority: -110 },
        rules: [rule([inSet(DESTINATION, GUARDED)], { kind: 'jump', chain: byWay })],
      },
    ],
  };
}

/** The number of rules of each chain: by it, and by the chains' names, a table is known to be this one. */
export function ruleCounts({ chains }: Table): ReadonlyMap<string, number> {
  return new Map(chains.map(({ name, rules }) => [name, rules.length]));
}

/** Tells which interfaces are told apart, as no other names of the table do. */
function nameOf(ways: readonly (readonly string[])[]): string {
  return `by-way-${createHash('sha256').update(JSON.stringify(ways)).digest('hex').slice(0, 12)}`;
}

/** One name before those that only begin like it. */
function dispatch(ways: readonly (readonly string[])[]): readonly Rule[] {
  const all = ways.flatMap((interfaces, way) => interfaces.map((name) => ({ name, way })));
  const isWide = ({ name }: { readonly name: string }) => Number(name.endsWith('*'));
  return all
    .toSorted((a, b) => isWide(a) - isWide(b))
    .map(({ name, way }) => rule([{ kind: 'through', interface: name }], { kind: 'goto', chain: checkName(way) }));
}

const checkName = (way: number): string => `check-${way}`;

function checkChain(way: number): Chain {
  const anyone = inSet(DESTINATION, admittedSets.anyone(way));
  const named = inSet([...DESTINATION, { kind: 'saddr' }], admittedSets.named(way));
  return {
    name: checkName(way),
    rules: [rule([anyone], { kind: 'return' }), rule([named], { kind: 'return' }), rule([], { kind: 'drop' })],
  };
}

const DESTINATION = [{ kind: 'daddr' }, { kind: 'l4proto' }, { kind: 'dport' }] as const;
const inSet = (key: Concatenation, set: string): Match => ({ kind: 'in-set', key, set });
const rule = (matches: readonly Match[], verdict: Verdict): Rule => ({ matches, statement: statement(verdict) });
const statement = (verdict: Verdict): Statement => ({ kind: 'verdict', verdict });
