/** What is kept on disk of a guest, so that a restarted agent finds it again. */
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface GuestRecord {
  readonly podUID: string;
  /** `namespace/name` of the pod. */
  readonly podKey: string;
  /** `namespace/name` of the instance. */
  readonly instanceKey: string;
  readonly interfaceName: string;
  /** Wall clock, in milliseconds. */
  readonly startedAt: number;
}

const RECORD_FILE = 'guest.json';

/** A guest's own directory. UIDs come from the API server; one that could name another path is refused. */
export function guestDirectory(stateDir: string, podUID: string): string {
  if (!/^[A-Za-z0-9-]{1,64}$/.test(podUID)) throw new Error(`not a UID: ${JSON.stringify(podUID)}`);
  return join(stateDir, 'guests', podUID);
}

export async function writeRecord(stateDir: string, record: GuestRecord): Promise<void> {
  const directory = guestDirectory(stateDir, record.podUID);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const path = join(directory, RECORD_FILE);
  await writeFile(`${path}.tmp`, JSON.stringify(record), { mode: 0o600, flush: true });
  await rename(`${path}.tmp`, path);
}

/** The records of every guest that was started here and not cleared away. */
export async function readRecords(stateDir: string): Promise<readonly GuestRecord[]> {
  const names = await readdir(join(stateDir, 'guests')).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  const records: GuestRecord[] = [];
  for (const name of names) {
    const text = await readFile(join(stateDir, 'guests', name, RECORD_FILE), 'utf8').catch(() => undefined);
    // A directory without a record is of a guest that was never started.
    if (text === undefined) await removeRecord(stateDir, name);
    else records.push(JSON.parse(text) as GuestRecord);
  }
  return records;
}

export async function removeRecord(stateDir: string, podUID: string): Promise<void> {
  await rm(guestDirectory(stateDir, podUID), { recursive: true, force: true });
}
