/** Listening at a unix socket whose directory may not be there: /run is empty when a machine has just started. */
import { mkdir, rmdir } from 'node:fs/promises';
import { dirname, isAbsolute } from 'node:path';
import { type Listen, listenHTTP } from '../../proxy/health/listen.ts';

/** Makes the directory of a socket, for its owner alone, and takes away again what it made once nothing is in it. */
export const listenInDirectory: Listen = async (at, answer) => {
  if (!isAbsolute(at.address)) return listenHTTP(at, answer);
  const dir = dirname(at.address);
  const made = await mkdir(dir, { recursive: true, mode: 0o700 });
  const listening = await listenHTTP(at, answer);
  if (made === undefined) return listening;
  return {
    port: listening.port,
    close: async () => {
      await listening.close();
      await removeEmpty(dir);
    },
  };
};

/** What keeps a directory that is not ours to remove: it is not there, is in use, or is somebody else's. */
const NOT_OURS: readonly unknown[] = ['ENOENT', 'ENOTEMPTY', 'EACCES', 'EPERM', 'EROFS'];

/** Removes a directory, unless something is in it or somebody else has it. */
export async function removeEmpty(dir: string): Promise<void> {
  await rmdir(dir).catch((error: NodeJS.ErrnoException) => {
    if (!NOT_OURS.includes(error.code)) throw error;
  });
}
