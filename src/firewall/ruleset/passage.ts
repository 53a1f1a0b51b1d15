/** Whether a packet gets through all base chains on its way. */
import type { BaseChain, Ruleset, RuleTable } from './model.ts';
import type { Packet } from './packet.ts';
import { type Passage, walk } from './walk.ts';

/** Where packets are translated (NF_IP_PRI_NAT_DST). */
const TRANSLATION = -100;

/** By all base chains on its way, the first that stops it decides. */
export function passage(ruleset: Ruleset, hook: 'input' | 'forward', packet: Packet): Passage {
  const ways = onTheWay(ruleset, hook, packet).map(({ table, base }) =>
    walk(table, base, base.hook === 'prerouting' && base.priority <= TRANSLATION ? untranslated(packet) : packet),
  );
  return (
    ways.find(({ kind }) => kind === 'stopped') ??
    ways.find(({ kind }) => kind === 'unknown') ??
    ways.at(-1) ?? { kind: 'passes', by: 'no rule stops it' }
  );
}

const untranslated = (packet: Packet): Packet => ({ ...packet, translated: false });

function onTheWay(
  ruleset: Ruleset,
  hook: 'input' | 'forward',
  { family }: Packet,
): readonly { readonly table: RuleTable; readonly base: BaseChain }[] {
  return ruleset
    .filter(({ families }) => families.includes(family))
    .flatMap((table) => table.bases.map((base) => ({ table, base })))
    .filter(({ base }) => base.hook === hook || base.hook === 'prerouting')
    .sort(
      (a, b) =>
        Number(b.base.hook === 'prerouting') - Number(a.base.hook === 'prerouting') ||
        a.base.priority - b.base.priority,
    );
}
