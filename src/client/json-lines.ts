/** Splits a byte stream into lines of JSON, each of bounded length. */

/** Longest line that is taken: an object is at most 1.5 MiB as stored; JSON escapes may double that. */
export const LINE_LIMIT = 8 * 1024 * 1024;

/** Yields each line's value. A last line without its newline is a broken stream's rest and is left out. */
export async function* jsonLines(chunks: AsyncIterable<Buffer>, limit = LINE_LIMIT): AsyncGenerator<unknown> {
  let pending: Buffer[] = [];
  let length = 0;
  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
      pending.push(chunk.subarray(start, end));
      if (length + end - start > limit) throw tooLong(limit);
      const line = pending.length === 1 ? chunk.toString('utf8', start, end) : Buffer.concat(pending).toString('utf8');
      pending = [];
      length = 0;
      start = end + 1;
      if (line.trim() !== '') yield JSON.parse(line);
    }
    if (start < chunk.length) {
      pending.push(chunk.subarray(start));
      length += chunk.length - start;
      if (length > limit) throw tooLong(limit);
    }
  }
}

function tooLong(limit: number): Error {
  return new Error(`a line of the stream is longer than ${limit} bytes`);
}
