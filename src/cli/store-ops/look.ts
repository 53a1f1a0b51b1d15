/** `postern store check`: what the engine keeps, record by record, and what the objects in it say. */
import { StoreLockedError } from '../../store/errors.ts';
import type { StoreReport } from '../../store/lmdb/check.ts';
import { checkObjects, type ObjectsReport } from './check/check.ts';
import { describe, type End, openSnapshot, storeDir } from './ends.ts';
import { withRemedies } from './remedies.ts';

export interface CheckReport extends ObjectsReport {
  readonly store: string;
  /** Of a store in a data directory that nobody had open. */
  readonly records?: StoreReport;
  /** In an etcd that the store was moved or restored into: how far its revisions are ahead of etcd's own. */
  readonly revisionsAhead?: number;
  /** Why the records of the engine were not looked at. */
  readonly recordsNotChecked?: string;
}

export function checkStoreOf(from: End, tell: (detail: string) => void): Promise<CheckReport> {
  return withRemedies({ from }, async () => {
    const records = await checkRecords(from);
    const { snapshot, ahead, close } = await openSnapshot(from, { alone: false });
    try {
      const objects = await checkObjects(snapshot, (keys) => tell(`${keys} keys`));
      return { store: describe(from), ...records, ...(ahead > 0 && { revisionsAhead: ahead }), ...objects };
    } finally {
      await close();
    }
  });
}

/** How many errors of both kinds there are. */
export function errorsOf({ errors, records }: CheckReport): number {
  return errors + (records?.problems.length ?? 0);
}

async function checkRecords({ plan, dataDir }: End): Promise<Pick<CheckReport, 'records' | 'recordsNotChecked'>> {
  if (plan.kind === 'etcd')
    return { recordsNotChecked: 'etcd compares those of its members: etcdctl endpoint hashkv --cluster' };
  const { existsSync } = await import('node:fs');
  const dir = storeDir(dataDir);
  // Told by whoever opens it next.
  if (!existsSync(dir)) return {};
  try {
    const { checkStore } = await import('../../store/lmdb/check.ts');
    return { records: await checkStore(dir) };
  } catch (error) {
    if (!(error instanceof StoreLockedError)) throw error;
    return { recordsNotChecked: `process ${error.holder} serves from it; end it to have them checked as well` };
  }
}
