/**
 * Counting for modes whose rules have nothing that packets could count in: a table of nftables that counts and does nothing
 * else, beside whatever translates. Connection tracking is the same for both.
 */
import { createHash } from 'node:crypto';
import type { Logger } from '../../host/log.ts';
import type { Table, TableName } from '../../netfilter/model.ts';
import { type Netfilter, TransactionError } from '../../netfilter/netfilter.ts';
import { printTable } from '../../netfilter/print.ts';
import { tableFamily } from '../forwarding/forwarding.ts';
import type { Mode } from '../mode.ts';
import { readTraffic, trafficChains, trafficSets } from './traffic.ts';
import { RETURN, rule } from './words.ts';

const TABLE_NAME = 'postern-traffic';

const TABLES: readonly TableName[] = (['ip', 'ip6'] as const).map((family) => ({ family, name: TABLE_NAME }));

/** Removes what {@link withTraffic} put there, in this run or an earlier one. */
export async function removeTrafficTables(netfilter: Netfilter): Promise<void> {
  await netfilter.apply(TABLES.map((table) => ({ kind: 'delete-table', table })));
}

/** The mode, with counting. Where the kernel has no nftables, or too old ones, it goes on without. */
export function withTraffic(mode: Mode, netfilter: Netfilter, log: Logger): Mode {
  const names = mode.families.map((family): TableName => ({ family: tableFamily(family), name: TABLE_NAME }));
  const tables = names.map(trafficTable);
  let counts = true;
  const isThere = async (table: Table): Promise<boolean> => {
    const actual = await netfilter.inspect(table);
    return table.chains.every(({ name, rules }) => actual.get(name) === rules.length);
  };
  const put = async (): Promise<void> => {
    try {
      for (const table of tables) {
        if (!(await isThere(table))) await netfilter.apply([{ kind: 'replace-table', table, elements: [] }]);
      }
    } catch (err) {
      if (!(err instanceof TransactionError)) throw err;
      counts = false;
      log.warn({ err }, 'the kernel refuses to count traffic; forwarding goes on without');
    }
  };
  return {
    name: mode.name,
    families: mode.families,
    ...(mode.recall && { recall: mode.recall.bind(mode) }),
    async load(everything) {
      await mode.load(everything);
      if (counts) await put();
    },
    change: (changes) => mode.change(changes),
    async intact() {
      if (!(await mode.intact())) return false;
      if (counts) for (const table of tables) if (!(await isThere(table))) return false;
      return true;
    },
    traffic: () => readTraffic(netfilter, names),
    tidy: () => mode.tidy(),
    async remove() {
      await mode.remove();
      if (counts) await removeTrafficTables(netfilter);
    },
  };
}

/** With a chain that nothing goes to, whose name says which layout this is, for the run that finds it. */
function trafficTable(name: TableName): Table {
  const table = { ...name, sets: trafficSets(), chains: trafficChains() };
  const digest = createHash('sha256').update(printTable(table)).digest('hex');
  return { ...table, chains: [{ name: `layout-x${digest.slice(0, 16)}`, rules: [rule([], RETURN)] }, ...table.chains] };
}
