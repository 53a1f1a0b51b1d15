/**
 * The rules of one nftables table, asked of the kernel over netlink. libnftables reads every element of every set before
 * it lists anything, which takes seconds where there are many; this reads rules only.
 * https://docs.kernel.org/networking/netlink_spec/nftables.html
 */
import { NFGENMSG, NFNL_SUBSYS_NFTABLES } from './netlink.ts';
import { NetlinkError, netfilterDump } from './netlink-dump.ts';
import { attribute, message, readAttributes } from './netlink-message.ts';

const NLM_F_REQUEST_DUMP = 0x301;

// linux/netfilter/nf_tables.h; messages are numbered within the subsystem.
const GETRULE = (NFNL_SUBSYS_NFTABLES << 8) | 7;
const NFTA_RULE_TABLE = 1;
const NFTA_RULE_CHAIN = 2;
const FAMILIES = { inet: 1, ip: 2, bridge: 7, ip6: 10 } as const;

export type RuleFamily = keyof typeof FAMILIES;

/** Dumps that are cut by changes before this gives up. */
const ATTEMPTS = 5;

/** A rule as the kernel tells it. */
export interface KernelRule {
  readonly chain: string;
  /** All that is told of it: a view, which is good while it is looked at. */
  readonly payload: Uint8Array;
}

/** The number of rules of each chain that has any; no chains when there is no such table. Throws as {@link surveyRules}. */
export async function countRules(family: RuleFamily, table: string): Promise<ReadonlyMap<string, number>> {
  return surveyRules(
    family,
    table,
    () => new Map<string, number>(),
    (counts, { chain }) => {
      counts.set(chain, (counts.get(chain) ?? 0) + 1);
    },
  );
}

/**
 * Shows `look` every rule of a table as it is at one moment, with what `begin` makes: anew whenever somebody changed
 * something meanwhile. Throws NetlinkError when the kernel refuses, or changes all the time (`EINTR`).
 */
export async function surveyRules<T>(
  family: RuleFamily,
  table: string,
  begin: () => T,
  look: (found: T, rule: KernelRule) => void,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    const found = begin();
    try {
      for await (const messages of netfilterDump(encodeRequest(family, table), { atOneMoment: true })) {
        for (const { payload } of messages) {
          const rule = readRule(payload, table);
          if (rule !== undefined) look(found, rule);
        }
      }
      return found;
    } catch (error) {
      if (!(error instanceof NetlinkError && error.code === 'EINTR') || attempt === ATTEMPTS) throw error;
    }
  }
}

/** The request for all rules of a table. */
export function encodeRequest(family: RuleFamily, table: string): Uint8Array {
  return message(GETRULE, NLM_F_REQUEST_DUMP, [
    Uint8Array.of(FAMILIES[family], 0, 0, 0),
    attribute(NFTA_RULE_TABLE, Buffer.from(`${table}\0`)),
  ]);
}

/** Undefined for a rule of another table: kernels before 4.18 do not filter by table. */
export function readRule(payload: Uint8Array, table: string): KernelRule | undefined {
  const attributes = readAttributes(payload.subarray(NFGENMSG));
  const chain = attributes.get(NFTA_RULE_CHAIN);
  if (chain === undefined || name(attributes.get(NFTA_RULE_TABLE)) !== table) return undefined;
  return { chain: name(chain), payload };
}

/** Without the zero at the end. */
const name = (bytes: Uint8Array | undefined): string =>
  bytes === undefined ? '' : Buffer.from(bytes.buffer, bytes.byteOffset, Math.max(0, bytes.length - 1)).toString();
