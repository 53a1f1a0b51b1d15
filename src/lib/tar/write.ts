/** Writes archives in the format of tar (POSIX.1-1988 ustar). */
import { BLOCK, checksum } from './header.ts';

/** A member to be written. Names are relative and have at most 100 bytes. */
export type TarEntry =
  | { readonly kind: 'directory'; readonly name: string; readonly mode?: number }
  | { readonly kind: 'file'; readonly name: string; readonly data: Uint8Array | string; readonly mode?: number }
  | { readonly kind: 'symlink'; readonly name: string; readonly target: string };

const TYPES = { file: '0', symlink: '2', directory: '5' } as const;
const MODES = { file: 0o644, symlink: 0o777, directory: 0o755 } as const;

/** The whole archive. Times and owners are 0: the same entries make the same bytes. */
export function encodeTar(entries: readonly TarEntry[]): Buffer {
  const blocks = entries.flatMap((entry) => {
    const data = entry.kind === 'file' ? Buffer.from(entry.data) : Buffer.alloc(0);
    const padding = Buffer.alloc((BLOCK - (data.length % BLOCK)) % BLOCK);
    return [encodeHeader(entry, data.length), data, padding];
  });
  return Buffer.concat([...blocks, Buffer.alloc(2 * BLOCK)]);
}

function encodeHeader(entry: TarEntry, size: number): Buffer {
  const block = Buffer.alloc(BLOCK);
  if (Buffer.byteLength(entry.name) > 100) throw new RangeError(`the name ${entry.name} is longer than 100 bytes`);
  const mode = entry.kind === 'symlink' ? MODES.symlink : (entry.mode ?? MODES[entry.kind]);
  const octal = (value: number, offset: number, width: number) =>
    block.write(`${value.toString(8).padStart(width - 1, '0')}\0`, offset);
  block.write(entry.name, 0);
  octal(mode, 100, 8);
  octal(0, 108, 8); // owner
  octal(0, 116, 8); // group
  octal(size, 124, 12);
  octal(0, 136, 12); // time
  block.write(TYPES[entry.kind], 156);
  if (entry.kind === 'symlink') block.write(entry.target, 157);
  block.write('ustar\x0000', 257);
  octal(checksum(block), 148, 8);
  return block;
}
