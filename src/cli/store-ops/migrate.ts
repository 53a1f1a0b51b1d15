/** `postern store migrate`: all of a store into the other engine, with the servers stopped. */
import { type CopyReport, copyStore } from '../../store/transfer/copy.ts';
import { describe, type End, openSnapshot, openTarget } from './ends.ts';
import { type Quiet, watchQuiet } from './quiet.ts';
import { withRemedies } from './remedies.ts';

export interface MigrateReport extends CopyReport {
  readonly from: string;
  readonly to: string;
  /** The revision that the source is at. */
  readonly fromRevision: number;
}

export interface MigrateOptions {
  readonly from: End;
  readonly to: End;
  readonly tell: (detail: string) => void;
}

/** Leaves the source as it is. Cut short, it goes on when it is run again. */
export function migrate({ from, to, tell }: MigrateOptions): Promise<MigrateReport> {
  return withRemedies({ from, to }, async () => {
    const { snapshot, shared, close } = await openSnapshot(from, { alone: true });
    const ending = new AbortController();
    try {
      const quiet: Quiet | undefined = shared && watchQuiet(shared, snapshot.revision, ending.signal);
      tell('looking whether a server still runs');
      await quiet?.settle();
      const { revision } = snapshot;
      const target = await openTarget(to, { from: `${describe(from)} at revision ${revision}`, revision });
      try {
        const told = (step: string, entries: number) => tell(`${entries} entries ${step}`);
        const copied = await copyStore(snapshot, target, told, () => quiet?.check());
        return { from: describe(from), to: describe(to), fromRevision: revision, ...copied };
      } finally {
        await target.close();
      }
    } finally {
      ending.abort();
      await close();
    }
  });
}
