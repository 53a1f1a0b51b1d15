/** Everybody's rules but ours, as nf_tables has them. */
import { NFGENMSG, NFNL_SUBSYS_NFTABLES } from '../../host/netlink.ts';
import { netfilterDump } from '../../host/netlink-dump.ts';
import { message, readAttributes, readUint } from '../../host/netlink-message.ts';
import type { NftRunner } from '../../host/nft.ts';
import { IP_FAMILIES } from '../../lib/ip.ts';
import type { Ruleset, RuleTable } from '../ruleset/model.ts';
import { readText, type TableFamily, tableFamily } from './messages.ts';
import { parseTable } from './parse-table.ts';

// linux/netfilter/nf_tables.h, linux/netfilter.h
const GETCHAIN = (NFNL_SUBSYS_NFTABLES << 8) | 4;
const NLM_F_REQUEST_DUMP = 0x301;
const [NFTA_CHAIN_TABLE, NFTA_CHAIN_NAME, NFTA_CHAIN_HOOK, NFTA_CHAIN_TYPE] = [1, 3, 4, 7];
const NFTA_HOOK_HOOKNUM = 1;
/** Prerouting, input and forward. */
const HOOKS: ReadonlySet<number | undefined> = new Set([0, 1, 2]);

/** What our tables' names begin with: this program says elsewhere what those do. */
const OURS = 'postern-';

/** A name that stands for itself in nft's language. */
const PLAIN_NAME = /^[A-Za-z][\w./\\-]*$/;

/** A table that filters what comes in or is forwarded. */
export interface FilteringTable {
  readonly family: TableFamily;
  readonly name: string;
  /** Where packets come to it by themselves. */
  readonly baseChains: readonly string[];
}

/** `isMeant`: of which tables; all by default. Throws NetlinkError or NftError. */
export async function readRuleset(
  nft: NftRunner,
  isMeant: (table: FilteringTable) => boolean = () => true,
): Promise<Ruleset> {
  const tables: RuleTable[] = [];
  for (const table of await filteringTables()) {
    if (!isMeant(table)) continue;
    const { family, name } = table;
    const families = family === 'inet' ? IP_FAMILIES : family === 'ip' ? (['IPv4'] as const) : (['IPv6'] as const);
    const title = `table ${family} ${name}`;
    tables.push(parseTable(title, families, await nft.list(`list ${title}`)));
  }
  return tables;
}

const IPTABLES_TABLES: ReadonlySet<string> = new Set(['filter', 'mangle', 'raw', 'security']);
const IPTABLES_CHAINS: ReadonlySet<string> = new Set(['PREROUTING', 'INPUT', 'FORWARD']);

/** Whether a table is one in which iptables (of the variant nft) keeps its rules: by the names that it gives. */
export function isOfIptables({ family, name, baseChains }: FilteringTable): boolean {
  return family !== 'inet' && IPTABLES_TABLES.has(name) && baseChains.every((chain) => IPTABLES_CHAINS.has(chain));
}

/** Everybody's but ours. */
async function filteringTables(): Promise<readonly FilteringTable[]> {
  const found = new Map<string, FilteringTable & { readonly baseChains: string[] }>();
  for await (const messages of netfilterDump(message(GETCHAIN, NLM_F_REQUEST_DUMP, [new Uint8Array(NFGENMSG)]))) {
    for (const { payload } of messages) {
      const base = readBase(payload);
      if (base === undefined || base.name.startsWith(OURS) || !PLAIN_NAME.test(base.name)) continue;
      const { family, name, chain } = base;
      const table = found.get(`${family} ${name}`) ?? { family, name, baseChains: [] };
      table.baseChains.push(chain);
      found.set(`${family} ${name}`, table);
    }
  }
  return [...found.values()];
}

/** Undefined for a chain that filters nothing on the ways that matter. */
function readBase(payload: Uint8Array) {
  const family = tableFamily(payload[0]);
  const attributes = readAttributes(payload.subarray(NFGENMSG));
  const [name, chain, type] = [NFTA_CHAIN_TABLE, NFTA_CHAIN_NAME, NFTA_CHAIN_TYPE].map((attribute) =>
    readText(attributes.get(attribute)),
  );
  const hook = attributes.get(NFTA_CHAIN_HOOK);
  if (family === undefined || name === undefined || chain === undefined || hook === undefined) return undefined;
  const isOnTheWay = HOOKS.has(readUint(readAttributes(hook).get(NFTA_HOOK_HOOKNUM), 4));
  return type === 'filter' && isOnTheWay ? { family, name, chain } : undefined;
}
