/**
 * Writes cpio archives in the "newc" format, which is what Linux unpacks as its initial RAM disk.
 * https://docs.kernel.org/driver-api/early-userspace/buffer-format.html
 */

/** One entry of an archive. Paths are relative, without a leading `/`; parents come before children. */
export type CpioEntry =
  | { readonly kind: 'directory'; readonly path: string; readonly mode?: number }
  | { readonly kind: 'file'; readonly path: string; readonly data: Uint8Array; readonly mode?: number }
  | { readonly kind: 'symlink'; readonly path: string; readonly target: string }
  | { readonly kind: 'character-device'; readonly path: string; readonly major: number; readonly minor: number };

const TRAILER = 'TRAILER!!!';

/** The archive as bytes. All times and owners are 0, so that the same entries always give the same bytes. */
export function encodeCpio(entries: readonly CpioEntry[]): Buffer {
  const chunks: Buffer[] = [];
  for (const [index, entry] of entries.entries()) {
    const data = dataOf(entry);
    chunks.push(
      header(entry.path, { inode: index + 1, mode: modeOf(entry), size: data.length, device: deviceOf(entry) }),
    );
    chunks.push(data, padding(data.length));
  }
  chunks.push(header(TRAILER, { inode: 0, mode: 0, size: 0, device: [0, 0] }));
  return Buffer.concat(chunks);
}

interface HeaderFields {
  readonly inode: number;
  readonly mode: number;
  readonly size: number;
  readonly device: readonly [major: number, minor: number];
}

function header(path: string, { inode, mode, size, device }: HeaderFields): Buffer {
  const name = Buffer.from(`${path}\0`, 'utf8');
  const links = 1;
  const fields = [inode, mode, 0, 0, links, 0, size, 0, 0, device[0], device[1], name.length, 0];
  const text = `070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}`;
  const unpadded = Buffer.concat([Buffer.from(text, 'latin1'), name]);
  return Buffer.concat([unpadded, padding(unpadded.length)]);
}

/** Names and data end on multiples of four bytes. */
function padding(length: number): Buffer {
  return Buffer.alloc((4 - (length % 4)) % 4);
}

function dataOf(entry: CpioEntry): Buffer {
  if (entry.kind === 'file') return Buffer.from(entry.data.buffer, entry.data.byteOffset, entry.data.byteLength);
  return entry.kind === 'symlink' ? Buffer.from(entry.target, 'utf8') : Buffer.alloc(0);
}

function deviceOf(entry: CpioEntry): readonly [number, number] {
  return entry.kind === 'character-device' ? [entry.major, entry.minor] : [0, 0];
}

/** File types of inode(7). */
function modeOf(entry: CpioEntry): number {
  switch (entry.kind) {
    case 'directory':
      return 0o040000 | (entry.mode ?? 0o755);
    case 'file':
      return 0o100000 | (entry.mode ?? 0o644);
    case 'symlink':
      return 0o120777;
    case 'character-device':
      return 0o020600;
  }
}
