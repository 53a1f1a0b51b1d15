/** Files that the configuration names, read with care for who else can read them. */
import { readFile, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';

/** Readable by others than owner and group. */
const WORLD_READABLE = 0o004;
/** Bytes. A key has less than 4,000; a configuration with hundreds of subnets less than 100,000. */
const MAX_SIZE = 1024 * 1024;

export type FileText =
  | { readonly kind: 'read'; readonly text: string; readonly isWorldReadable: boolean }
  | { readonly kind: 'unreadable'; readonly why: string; readonly cause?: unknown };

export async function readText(path: string): Promise<FileText> {
  try {
    const found = await stat(path);
    if (!found.isFile()) return { kind: 'unreadable', why: `${path} is no file` };
    if (found.size > MAX_SIZE) {
      return { kind: 'unreadable', why: `${path} has ${found.size} bytes; ${MAX_SIZE} are allowed` };
    }
    const isWorldReadable = (found.mode & WORLD_READABLE) !== 0;
    return { kind: 'read', text: await readFile(path, 'utf8'), isWorldReadable };
  } catch (cause) {
    const why = cause instanceof Error && 'code' in cause ? cause.code : cause;
    return { kind: 'unreadable', why: `${path} cannot be read: ${why}`, cause };
  }
}

/** As {@link readText}, and not where everyone can read it. */
export async function readSecretText(path: string): Promise<FileText> {
  const read = await readText(path);
  return read.kind === 'read' && read.isWorldReadable ? { kind: 'unreadable', why: tooOpen(path) } : read;
}

export function tooOpen(path: string): string {
  return `${path} holds a secret and is readable by everyone on this machine; run: chmod 600 ${path}`;
}

/** A path as a file names it: from the home directory after `~/`, and otherwise from the directory of that file. */
export function pathFrom(directory: string, path: string): string {
  return path.startsWith('~/') ? join(homedir(), path.slice(2)) : resolve(directory, path);
}
