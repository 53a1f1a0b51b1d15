/** Everybody's rules but ours, as iptables has them. */
import { IP_FAMILIES, type IPFamily } from '../../lib/ip.ts';
import type { Iptables } from '../../netfilter/iptables/iptables.ts';
import type { BaseChain, Ruleset, RuleTable } from '../ruleset/model.ts';
import { parseRule } from './parse-rule.ts';
import { POD_PREFIX } from './pods.ts';
import { CHAIN } from './rules.ts';

const HOOKS = { INPUT: 'input', FORWARD: 'forward' } as const;

/** The tables filter, of the families that are in use. Throws IptablesError. */
export async function readIptablesRuleset(iptables: Iptables): Promise<Ruleset> {
  const tables: RuleTable[] = [];
  for (const family of IP_FAMILIES) if (await iptables.inUse(family)) tables.push(await readTable(iptables, family));
  return tables;
}

async function readTable(iptables: Iptables, family: IPFamily): Promise<RuleTable> {
  // All chains begin with nothing.
  const { chains, policies } = await iptables.read(family, 'filter', '');
  const names = new Set([...chains.keys()].filter((name) => name !== CHAIN && !name.startsWith(POD_PREFIX)));
  const bases = Object.entries(HOOKS).map(([chain, hook]): BaseChain => {
    const policy = policies.get(chain) === 'DROP' ? 'drop' : 'accept';
    return { chain, hook, priority: 0, policy };
  });
  return {
    name: `table filter of ${family === 'IPv4' ? 'iptables' : 'ip6tables'}`,
    families: [family],
    bases,
    chains: new Map(
      [...names].map((name) => {
        const rules = (chains.get(name) ?? []).map((rule) => parseRule(rule, family, names));
        return [name, { name, rules }];
      }),
    ),
  };
}
