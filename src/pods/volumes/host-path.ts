/** Folders and files of the node itself. https://kubernetes.io/docs/concepts/storage/volumes/#hostpath-volume-types */
import type { Stats } from 'node:fs';
import { mkdir, stat, writeFile } from 'node:fs/promises';
import { codeOf } from '../../lib/errors.ts';

interface PathType {
  readonly is: (stat: Stats) => boolean;
  readonly what: string;
  /** Makes it where there is nothing; without, it has to be there. */
  readonly make?: (path: string) => Promise<unknown>;
}

const TYPES: ReadonlyMap<string, PathType> = new Map(
  Object.entries<PathType>({
    Directory: { is: (stat) => stat.isDirectory(), what: 'a directory' },
    DirectoryOrCreate: {
      is: (stat) => stat.isDirectory(),
      what: 'a directory',
      make: (path) => mkdir(path, { recursive: true, mode: 0o755 }),
    },
    File: { is: (stat) => stat.isFile(), what: 'a file' },
    FileOrCreate: {
      is: (stat) => stat.isFile(),
      what: 'a file',
      make: (path) => writeFile(path, '', { flag: 'wx', mode: 0o644 }),
    },
    Socket: { is: (stat) => stat.isSocket(), what: 'a socket' },
    CharDevice: { is: (stat) => stat.isCharacterDevice(), what: 'a character device' },
    BlockDevice: { is: (stat) => stat.isBlockDevice(), what: 'a block device' },
  }),
);

/** Sees to it that there is at the path what the type says; a text says why it is not so. Without a type anything will do. */
export async function checkHostPath(path: string, type: string): Promise<string | undefined> {
  if (type === '') return undefined;
  const wanted = TYPES.get(type);
  if (wanted === undefined) {
    return `hostPath type is ${JSON.stringify(type)}; it must be "" or one of ${[...TYPES.keys()].join(', ')}`;
  }
  let found = await statOf(path);
  if (found === undefined && wanted.make !== undefined) {
    await wanted.make(path);
    found = await statOf(path);
  }
  return found !== undefined && wanted.is(found)
    ? undefined
    : `hostPath type check failed: ${path} is not ${wanted.what}`;
}

async function statOf(path: string): Promise<Stats | undefined> {
  try {
    return await stat(path);
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return undefined;
    throw error;
  }
}
