/** The last bytes of a stream. */
export class Ring {
  readonly #limit: number;
  #chunks: Buffer[] = [];
  #size = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  push(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#size += chunk.length;
    while (this.#size - (this.#chunks[0]?.length ?? 0) >= this.#limit) this.#size -= this.#chunks.shift()?.length ?? 0;
  }

  bytes(): Buffer {
    const all = Buffer.concat(this.#chunks);
    const kept = all.subarray(Math.max(0, all.length - this.#limit));
    this.#chunks = [kept];
    this.#size = kept.length;
    return kept;
  }
}

/** The last lines of what a guest printed, for a message: without control sequences, cut to a readable length. */
export function lastLines(output: Buffer, count: number): readonly string[] {
  const text = output
    .toString('utf8')
    // biome-ignore lint/suspicious/noControlCharactersInRegex: terminal control sequences are what is taken out.
    .replace(/\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x09\x0b-\x1f\x7f]/g, '');
  const lines = text.split('\n').map((line) => line.trim());
  return lines
    .filter((line) => line !== '')
    .slice(-count)
    .map((line) => line.slice(0, 200));
}
