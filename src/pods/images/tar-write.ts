/** Writes archives in the format of tar (POSIX.1-1988 ustar). */

export type TarEntry =
  | { readonly kind: 'directory'; readonly name: string; readonly mode?: number }
  | { readonly kind: 'file'; readonly name: string; readonly data: Uint8Array | string; readonly mode?: number }
  | { readonly kind: 'symlink'; readonly name: string; readonly target: string };

const BLOCK = 512;
const TYPES = { file: '0', symlink: '2', directory: '5' } as const;
const MODES = { file: 0o644, symlink: 0o777, directory: 0o755 } as const;

/** The whole archive. The same entries make the same bytes. */
export function tarOf(entries: readonly TarEntry[]): Buffer {
  const blocks = entries.flatMap((entry) => {
    const data = entry.kind === 'file' ? Buffer.from(entry.data) : Buffer.alloc(0);
    const padding = Buffer.alloc((BLOCK - (data.length % BLOCK)) % BLOCK);
    return [header(entry, data.length), data, padding];
  });
  return Buffer.concat([...blocks, Buffer.alloc(2 * BLOCK)]);
}

function header(entry: TarEntry, size: number): Buffer {
  const block = Buffer.alloc(BLOCK);
  if (Buffer.byteLength(entry.name) > 100) throw new RangeError(`the name ${entry.name} is longer than 100 bytes`);
  const mode = entry.kind === 'symlink' ? MODES.symlink : (entry.mode ?? MODES[entry.kind]);
  const octal = (value: number, width: number): string => `${value.toString(8).padStart(width - 1, '0')}\0`;
  block.write(entry.name, 0);
  block.write(octal(mode, 8), 100);
  block.write(octal(0, 8), 108); // owner
  block.write(octal(0, 8), 116); // group
  block.write(octal(size, 12), 124);
  block.write(octal(0, 12), 136); // time
  block.write(' '.repeat(8), 148);
  block.write(TYPES[entry.kind], 156);
  if (entry.kind === 'symlink') block.write(entry.target, 157);
  block.write('ustar\x0000', 257);
  block.write(
    octal(
      block.reduce((sum, byte) => sum + byte, 0),
      8,
    ),
    148,
  );
  return block;
}
