/** The rules that make iptables forward everything, as text to read, to review, and to give to `iptables-restore`. */
import type { FamilyPatch } from '../../netfilter/iptables/model.ts';
import { IPTABLES_TABLES } from '../../netfilter/iptables/model.ts';
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
  return printPatches(
    rules.families.map((family) => ({
      family,
      tables: IPTABLES_TABLES.map((table) => rules.difference(family, table, new SavedTable(PREFIX))),
    })),
  );
}

/** Each family's part under the command that takes it. */
export function printPatches(patches: readonly FamilyPatch[]): string {
  const parts = patches.map((patch) => {
    const program = patch.family === 'IPv4' ? 'iptables-restore' : 'ip6tables-restore';
    return [`# ${program} --noflush\n`, ...printPatch(patch)].join('');
  });
  return parts.join('\n');
}
