/** `postern restore`: a new store, with what a backup has. */
import { codeOf } from '../../lib/errors.ts';
import { BackupError } from '../../store/backup/format.ts';
import { openBackup } from '../../store/backup/read.ts';
import { type CopyReport, copyStore } from '../../store/transfer/copy.ts';
import { UserError } from '../errors.ts';
import { unreadable } from '../given-file.ts';
import { describe, type End, openTarget } from './ends.ts';
import { missingPki, writePki } from './pki-files.ts';
import { withRemedies } from './remedies.ts';

/**
 * How far revisions are set ahead of the backup's: further than anything that was written after it can have come, so that no
 * client takes what it has seen then for newer than what is written from now on. etcd's own advice for its backups.
 */
const REVISION_MARGIN = 1_000_000_000;

export interface RestoreReport extends CopyReport {
  readonly store: string;
  /** The revision that the backup was made at. */
  readonly backupRevision: number;
  /** When it was made. */
  readonly backupTime: string;
  /** Files of the server that were restored. */
  readonly files: number;
  /** Files that the backup has, and that there is no data directory for. */
  readonly filesLeftOut: number;
}

export interface RestoreOptions {
  readonly file: string;
  readonly to: End;
  readonly tell: (detail: string) => void;
}

/** Reads the whole backup before anything is written. Cut short, it goes on when it is run again. */
export function restore({ file, to, tell }: RestoreOptions): Promise<RestoreReport> {
  return withRemedies({ to }, async () => {
    const backup = await openBackup(file, (entries) => tell(`${entries} entries read`)).catch((cause: unknown) => {
      throw notABackup(file, cause);
    });
    const { header } = backup;
    const missing = to.dataDir === undefined ? [] : await missingPki(to.dataDir, backup.files);
    const target = await openTarget(to, {
      from: `backup ${header.id} of ${header.time}`,
      revision: backup.revision + REVISION_MARGIN,
    });
    try {
      // Before the store is whole: a server that finds one without certificates would make others.
      if (to.dataDir !== undefined) await writePki(to.dataDir, missing);
      const copied = await copyStore(backup, target, (step, entries) => {
        tell(`${entries} of ${backup.trailer.entries} entries ${step}`);
      });
      return {
        store: describe(to),
        backupRevision: backup.revision,
        backupTime: header.time,
        files: to.dataDir === undefined ? 0 : backup.files.length,
        filesLeftOut: to.dataDir === undefined ? backup.files.length : 0,
        ...copied,
      };
    } finally {
      await target.close();
    }
  });
}

function notABackup(file: string, cause: unknown): unknown {
  if (cause instanceof BackupError) {
    return new UserError(
      `${cause.message}. Nothing was written`,
      'Copy the file once more from where it was made, compared with sha256sum there and here, or restore another backup.',
      { cause },
    );
  }
  if (codeOf(cause) === undefined) return cause;
  return unreadable(file, cause, 'Name the file that postern backup wrote. Nothing was written.');
}
