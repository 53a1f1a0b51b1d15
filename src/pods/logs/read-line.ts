/**
 * A line of a container's log, as the runtime writes it: `TIME STREAM TAG MESSAGE`, where the tag `P` says that the line goes on in the
 * next one of its stream. https://github.com/kubernetes/design-proposals-archive/blob/main/node/kubelet-cri-logging.md
 */

const SPACE = 0x20;
const PARTIAL = 0x50;
const COLON = 0x3a;

export interface LogLine {
  /** RFC 3339 with nanoseconds, as it is written. */
  readonly time: string;
  readonly stream: 'stdout' | 'stderr';
  /** Goes on in the next line of its stream: no line break follows. */
  readonly partial: boolean;
  readonly message: Buffer;
}

/** Reads a line, given without its line break; undefined for one that is not of this form. */
export function readLogLine(line: Buffer): LogLine | undefined {
  const first = line.indexOf(SPACE);
  const second = first < 0 ? -1 : line.indexOf(SPACE, first + 1);
  if (second < 0) return undefined;
  const stream = streamAt(line, first + 1, second);
  if (stream === undefined) return undefined;
  // A message of nothing may come without its space.
  const third = line.indexOf(SPACE, second + 1);
  const end = third < 0 ? line.length : third;
  if (end === second + 1) return undefined;
  return {
    time: line.toString('latin1', 0, first),
    stream,
    partial: isPartial(line, second + 1, end),
    message: line.subarray(Math.min(end + 1, line.length)),
  };
}

function streamAt(line: Buffer, start: number, end: number): LogLine['stream'] | undefined {
  if (end - start !== 6) return undefined;
  const name = line.toString('latin1', start, end);
  return name === 'stdout' || name === 'stderr' ? name : undefined;
}

/** Tags are set apart by colons; the first says whether the line is whole. */
function isPartial(line: Buffer, start: number, end: number): boolean {
  return line[start] === PARTIAL && (start + 1 === end || line[start + 1] === COLON);
}
