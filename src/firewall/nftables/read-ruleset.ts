/** Everybody's rules but ours, as nf_tables has them. */
import { NFGENMSG, NFNL_SUBSYS_NFTABLES } from '../../host/netlink.ts';
import { netfilterDump } from '../../host/netlink-dump.ts';
import { message, readAttributes } from '../../host/netlink-message.ts';
import type { NftRunner } from '../../host/nft.ts';
import { IP_FAMILIES } from '../../lib/ip.ts';
import type { Ruleset, RuleTable } from '../ruleset/model.ts';
import { readText, type TableFamily, tableFamily } from './messages.ts';
import { parseTable } from './parse-table.ts';

// linux/nf_tables.h
const GETCHAIN = (NFNL_SUBSYS_NFTABLES << 8) | 4;
const NLM_F_REQUEST_DUMP = 0x301;
const [NFTA_CHAIN_TABLE, NFTA_CHAIN_HOOK] = [1, 4];

/** What our tables' names begin with: this program says elsewhere what those do. */
const OURS = 'postern-';

/** A name that stands for itself in nft's language. */
const PLAIN_NAME = /^[A-Za-z][\w./\\-]*$/;

interface TableName {
  readonly family: TableFamily;
  readonly name: string;
}

/** `isMeant`: of which tables; all by default. Throws NetlinkError or NftError. */
export async function readRuleset(
  nft: NftRunner,
  isMeant: (family: TableFamily, name: string) => boolean = () => true,
): Promise<Ruleset> {
  const tables: RuleTable[] = [];
  for (const { family, name } of await hookedTables()) {
    if (!isMeant(family, name)) continue;
    const families = family === 'inet' ? IP_FAMILIES : family === 'ip' ? (['IPv4'] as const) : (['IPv6'] as const);
    const title = `table ${family} ${name}`;
    tables.push(parseTable(title, families, await nft.list(`list table ${family} ${name}`)));
  }
  return tables;
}

/** The tables that packets come to by themselves. */
async function hookedTables(): Promise<readonly TableName[]> {
  const found = new Map<string, TableName>();
  for await (const messages of netfilterDump(message(GETCHAIN, NLM_F_REQUEST_DUMP, [new Uint8Array(NFGENMSG)]))) {
    for (const { payload } of messages) {
      const family = tableFamily(payload[0]);
      const attributes = readAttributes(payload.subarray(NFGENMSG));
      const name = readText(attributes.get(NFTA_CHAIN_TABLE));
      if (family === undefined || name === undefined || !attributes.has(NFTA_CHAIN_HOOK)) continue;
      if (!name.startsWith(OURS) && PLAIN_NAME.test(name)) found.set(`${family} ${name}`, { family, name });
    }
  }
  return [...found.values()];
}
