/** Unix sockets at paths of any length. */
import { open } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/** `sun_path` of unix(7) has 108 bytes, with the closing NUL. */
const LONGEST = 107;

/**
 * Calls `use` with a path to the same socket that fits the kernel's limit: through a descriptor of its directory where the
 * path itself is too long.
 */
export async function withSocketPath<T>(path: string, use: (short: string) => Promise<T>): Promise<T> {
  if (Buffer.byteLength(path) <= LONGEST) return await use(path);
  const directory = await open(dirname(path), 'r');
  try {
    return await use(join('/proc/self/fd', String(directory.fd), basename(path)));
  } finally {
    await directory.close();
  }
}
