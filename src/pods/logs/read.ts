/**
 * Reading a container's log for `kubectl logs`: the file that the runtime writes to now, and with `follow` what comes, across
 * rotations, until the container has ended.
 */
import { type FSWatcher, watch } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { seconds } from '../../lib/duration.ts';
import { codeOf } from '../../lib/errors.ts';
import { LogPrinter, type PrintLogOptions } from './print-log.ts';
import { tailOffset } from './read-tail.ts';

/** Read at a time. */
const CHUNK = 64 * 1024;
/** How long nothing is written until it is asked whether the container still runs. */
const QUIET = seconds(1);

export interface ReadLogOptions extends PrintLogOptions {
  /** Only this many lines of what is there. */
  readonly tailLines?: number;
  /** Go on as the log is written, for as long as this says that the container runs. */
  readonly follow?: () => Promise<boolean>;
}

/**
 * What is to be shown, in pieces of bounded size. Ends with the signal. Throws what opening and reading the file throws, `ENOENT` when
 * there is none, and LogFormatError.
 */
export async function* readLog(
  path: string,
  options: ReadLogOptions,
  signal: AbortSignal,
): AsyncGenerator<Buffer, void, undefined> {
  const printer = new LogPrinter(options);
  const changes = options.follow === undefined ? undefined : new Changes(path, signal);
  let file = await open(path);
  try {
    let offset = await startOf(file, options.tailLines);
    let running = options.follow !== undefined;
    while (!signal.aborted) {
      for await (const bytes of rest(file, offset)) {
        offset += bytes.length;
        const shown = printer.take(bytes);
        if (shown.length > 0) yield shown;
        if (printer.full || signal.aborted) return;
      }
      const next = changes === undefined ? undefined : await replacement(file, path, offset);
      if (next !== undefined) {
        await file.close();
        ({ file, offset } = { file: next, offset: 0 });
        printer.reset();
      } else if (!running || changes === undefined) {
        return;
      } else if (!(await changes.next(signal))) {
        running = (await options.follow?.()) ?? false;
      }
    }
  } finally {
    changes?.close();
    await file.close();
  }
}

async function startOf(file: FileHandle, tailLines: number | undefined): Promise<number> {
  return tailLines === undefined ? 0 : await tailOffset(file, (await file.stat()).size, tailLines);
}

/** What the file holds from the offset on. Each piece is good until the next is asked for. */
async function* rest(file: FileHandle, offset: number): AsyncGenerator<Buffer, void, undefined> {
  let at = offset;
  for (;;) {
    const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(CHUNK), 0, CHUNK, at);
    if (bytesRead === 0) return;
    at += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}

/** The file that is at the path now, when it is another one and all of the old one has been read. */
async function replacement(file: FileHandle, path: string, offset: number): Promise<FileHandle | undefined> {
  const [now, before] = await Promise.all([fileAt(path), file.stat()]);
  // Moved away, and not made anew yet; or removed with its container.
  if (now === undefined || now.ino === before.ino || before.size > offset) return undefined;
  return await open(path);
}

async function fileAt(path: string): Promise<{ readonly ino: number } | undefined> {
  try {
    return await stat(path);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** Tells of changes in the folder of a file, however many, one at a time. */
class Changes {
  readonly #watcher: FSWatcher | undefined;
  #changed = false;
  #wake = () => {};

  constructor(path: string, signal: AbortSignal) {
    this.#watcher = watchFolder(dirname(path), () => {
      this.#changed = true;
      this.#wake();
    });
    signal.addEventListener('abort', () => this.#wake(), { once: true });
  }

  /** Whether there was a change since the last call, or is one soon. */
  async next(signal: AbortSignal): Promise<boolean> {
    if (!this.#changed && !signal.aborted) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, QUIET);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    const changed = this.#changed;
    this.#changed = false;
    return changed;
  }

  close(): void {
    this.#watcher?.close();
  }
}

/** Undefined when the machine has no more watches to give: what is written is then seen a little later. */
function watchFolder(path: string, onChange: () => void): FSWatcher | undefined {
  try {
    return watch(path, onChange).on('error', () => {});
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (code === 'ENOSPC' || code === 'EMFILE') return undefined;
    throw error;
  }
}
