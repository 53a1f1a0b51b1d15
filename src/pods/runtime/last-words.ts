/** What a container left to be said of its end. https://kubernetes.io/docs/tasks/debug/debug-application/determine-reason-pod-failure/ */
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { TERMINATION_MESSAGE_POLICY } from '../labels.ts';
import type { ContainerRun } from './pod-runtime.ts';

/** Bytes of the message that are kept: the kubelet's limit for one container. */
const LIMIT = 4096;
/** Of its log, where that has to serve: the last lines, and no more than so many bytes. */
const LOG_LINES = 80;
const LOG_LIMIT = 2048;

/** What the container wrote into its message file on the host, or, if so asked and it failed without, the end of its log. */
export async function lastWords(run: ContainerRun, file: string): Promise<string> {
  const message = await head(file);
  if (message !== '' || run.exitCode === 0) return message;
  if (run.annotations[TERMINATION_MESSAGE_POLICY] !== 'FallbackToLogsOnError' || run.logPath === '') return message;
  return endOfLog(await tail(run.logPath, 4 * LOG_LIMIT));
}

/** The texts of a CRI log's last lines: `TIME STREAM TAGS TEXT`, of which tag P is a part of a line. */
export function endOfLog(log: string): string {
  const lines = log.split('\n').slice(-LOG_LINES - 1);
  const texts = lines.flatMap((line) => {
    const [, tags, text] = /^\S+ (?:stdout|stderr) (\S+) ?(.*)$/.exec(line) ?? [];
    if (tags === undefined || text === undefined) return [];
    return [tags.startsWith('P') ? text : `${text}\n`];
  });
  const all = Buffer.from(texts.join(''));
  return all.subarray(Math.max(0, all.length - LOG_LIMIT)).toString();
}

function head(path: string): Promise<string> {
  return read(path, LIMIT, () => 0);
}

function tail(path: string, length: number): Promise<string> {
  return read(path, length, (size) => Math.max(0, size - length));
}

/** Part of a file; nothing where there is none. What it is was in a container's hands, so no link is followed. */
async function read(path: string, length: number, from: (size: number) => number): Promise<string> {
  let file: FileHandle | undefined;
  try {
    file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    const { size } = await file.stat();
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, from(size));
    return buffer.subarray(0, bytesRead).toString();
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (['ENOENT', 'ENOTDIR', 'ELOOP', 'EISDIR', 'ENXIO'].includes(code)) return '';
    throw error;
  } finally {
    await file?.close();
  }
}
