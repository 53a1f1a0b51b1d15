/** The rules that make iptables forward everything, as text to read, to review, and to give to `iptables-restore`. */
import { IP_FAMILIES } from '../../lib/ip.ts';
import { IPTABLES_TABLES, type TablePatch } from '../../netfilter/iptables/model.ts';
import { printPatch } from '../../netfilter/iptables/print.ts';
import { SavedTable } from '../../netfilter/iptables/saved.ts';
import type { Localities } from '../locality.ts';
import type { Forwarded } from '../mode.ts';
import { DEFAULT_MARK, PREFIX } from './layout.ts';
import { IptablesRules, rulesOf } from './rules.ts';

/** For a kernel that holds nothing of ours. The same everything, the same text. */
export async function renderIptables(
  everything: Forwarded,
  localities: Localities,
  mark: number = DEFAULT_MARK,
): Promise<string> {
  const rules = await rulesOf(everything, new IptablesRules({ localities, mark }));
  const patches: TablePatch[] = [];
  for (const family of rules.families) {
    for (const table of IPTABLES_TABLES) patches.push(await rules.difference(family, table, new SavedTable(PREFIX)));
  }
  return printPatches(patches);
}

/** Each family's part under the command that takes it. */
export function printPatches(patches: readonly TablePatch[]): string {
  const families = IP_FAMILIES.filter((family) => patches.some((patch) => patch.family === family));
  const parts = families.map((family) => {
    const program = family === 'IPv4' ? 'iptables-restore' : 'ip6tables-restore';
    const own = patches.filter((patch) => patch.family === family);
    return [`# ${program} --noflush\n`, ...own.flatMap((patch) => [...printPatch(patch)])].join('');
  });
  return parts.join('\n');
}
