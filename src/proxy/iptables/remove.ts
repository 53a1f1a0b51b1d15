/** Taking every chain of ours out of a kernel, whichever run put it there, and nothing else. */
import { IP_FAMILIES } from '../../lib/ip.ts';
import type { Iptables } from '../../netfilter/iptables/iptables.ts';
import { installedIptables } from '../../netfilter/iptables/kernel.ts';
import { type Hook, IPTABLES_TABLES, type TablePatch } from '../../netfilter/iptables/model.ts';
import { PREFIX } from './layout.ts';

/** Where the table nat translates destinations. */
const TRANSLATING: readonly string[] = ['PREROUTING', 'OUTPUT'];

/**
 * Removes all that any run left in any variant that is installed here; without iptables, there is nothing. Throws
 * IptablesError when the kernel refuses.
 */
export async function removeIptablesRules(): Promise<void> {
  for (const iptables of await installedIptables()) await removeChains(iptables, PREFIX);
}

/**
 * Removes the chains whose names begin so, and the rules that lead to them: first those that begin connections, so that one
 * that is between the two is still seen to the end.
 */
export async function removeChains(iptables: Iptables, prefix: string): Promise<void> {
  const removals: TablePatch[] = [];
  for (const family of IP_FAMILIES) {
    if (!(await iptables.inUse(family))) continue;
    for (const table of IPTABLES_TABLES) {
      const { chains, hooks } = await iptables.read(family, table, prefix);
      const gone = [...chains].map(([chain, before]) => ({ chain, before, after: undefined }));
      const isBeginning = ({ into }: Hook) => table === 'nat' && TRANSLATING.includes(into);
      const patch = { family, table, chains: [], hooked: [] };
      await iptables.apply({ ...patch, unhooked: hooks.filter(isBeginning) });
      removals.push({ ...patch, chains: gone, unhooked: hooks.filter((hook) => !isBeginning(hook)) });
    }
  }
  for (const removal of removals) await iptables.apply(removal);
}
