/** Where the last lines of a log begin, found from its end: a long log costs no more than what is shown of it. */
import type { FileHandle } from 'node:fs/promises';
import { readLogLine } from './read-line.ts';

const BLOCK = 64 * 1024;
/** More than the time, stream and tag of a line take. */
const HEAD = 128;
const NEWLINE = 0x0a;

/**
 * The offset at which the last `wanted` lines begin. Parts of a line count as one with the part that ends it. What follows the last line
 * break is not counted: it is still being written.
 */
export async function tailOffset(file: FileHandle, size: number, wanted: number): Promise<number> {
  const tail = new Tail(wanted);
  for (let end = size; end > 0; end -= BLOCK) {
    const start = Math.max(0, end - BLOCK);
    // With the head of a line that begins where the block ends.
    const block = await readAt(file, start, end - start + HEAD);
    for (let at = lastNewline(block, end - start); at >= 0; at = lastNewline(block, at)) {
      const found = tail.take(start + at, block.subarray(at + 1, at + 1 + HEAD));
      if (found !== undefined) return found;
    }
  }
  return tail.take(-1, await readAt(file, 0, HEAD)) ?? 0;
}

/** Counts lines from the last to the first. */
class Tail {
  readonly #wanted: number;
  #count = 0;
  /** Offset of the line break that ends the line before which we are. */
  #lineEnd: number | undefined;
  #isLast = true;

  constructor(wanted: number) {
    this.#wanted = wanted;
  }

  /** Takes a line break, and the head of the line that begins after it. The answer, once there is one. */
  take(newline: number, head: Buffer): number | undefined {
    const lineEnd = this.#lineEnd;
    this.#lineEnd = newline;
    if (lineEnd === undefined) return undefined;
    const line = readLogLine(head);
    // A last line that was never ended is one all the same: a prompt.
    const counts = line !== undefined && (!line.partial || this.#isLast);
    this.#isLast = false;
    if (!counts) return undefined;
    if (this.#count === this.#wanted) return lineEnd + 1;
    this.#count++;
    return undefined;
  }
}

/** The last line break before `end`; -1 when there is none. */
function lastNewline(block: Buffer, end: number): number {
  return end === 0 ? -1 : block.lastIndexOf(NEWLINE, end - 1);
}

async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await file.read(buffer, filled, length - filled, position + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return buffer.subarray(0, filled);
}
