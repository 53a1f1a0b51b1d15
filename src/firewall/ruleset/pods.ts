/** Whether what a node carries for pods gets through other people's rules, because of ours or anyway. */
import { addIP, IP_FAMILIES, mustParseCIDR, printIP } from '../../lib/ip.ts';
import type { PodTraffic, Verdict } from '../backend.ts';
import type { Ruleset } from './model.ts';
import type { Packet } from './packet.ts';
import { passage } from './passage.ts';
import { ofFamily } from './prefixes.ts';
import { worse } from './verdict.ts';

export interface PodLook {
  /** Whether ours is wholly there. */
  readonly isOurs: boolean;
  readonly ruleset: Ruleset;
  /** What comes from other nodes comes by this. */
  readonly interface?: string;
}

/** The worst of: names for a pod of this node, and what pods and other nodes send to pods, of each family. */
export function podVerdict({ bridge, pods, peers }: PodTraffic, look: PodLook): Verdict {
  return IP_FAMILIES.flatMap((family) => {
    const [first] = ofFamily(pods, family);
    if (first === undefined) return [];
    const packet = { family, address: addressOf(first), translated: false, pods: true } as const;
    const names = { ...packet, protocol: 'udp', port: 53, interface: bridge, source: first };
    const sent = ofFamily(peers, family)
      // One of the pods and one of the nodes: others are as these.
      .filter((_, at, all) => at === 0 || at === all.length - 1)
      .flatMap((source) => ways(bridge, look).map((by) => ({ ...packet, ...ANY_PORT, ...by, source })));
    return [verdictOf('input', names, look), ...sent.map((one) => verdictOf('forward', one, look))];
  }).reduce(worse, NOTHING);
}

const NOTHING: Verdict = { kind: 'open-by-others', by: 'no pods' };

/** What no rule names: pods may use any. */
const ANY_PORT = { protocol: 'tcp', port: 0 } as const;

function ways(bridge: string, look: PodLook): readonly Pick<Packet, 'interface'>[] {
  return [{ interface: bridge }, ...(look.interface === undefined ? [] : [{ interface: look.interface }])];
}

function verdictOf(hook: 'input' | 'forward', packet: Omit<Packet, 'ours'>, { ruleset, isOurs }: PodLook): Verdict {
  const without = passage(ruleset, hook, { ...packet, ours: false });
  if (without.kind === 'passes') return { kind: 'open-by-others', by: without.by };
  const withUs = isOurs ? passage(ruleset, hook, { ...packet, ours: true }) : without;
  if (withUs.kind === 'passes') return { kind: 'open-by-us' };
  return withUs.kind === 'unknown' ? { kind: 'unknown', why: withUs.why } : { kind: 'blocked', by: withUs.by };
}

/** One of a prefix. */
const addressOf = (prefix: string): string => printIP(addIP(mustParseCIDR(prefix).base, 1));
