import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { encodeTar } from '../../lib/tar/write.ts';
import { ImageError } from './errors.ts';
import { readTar, type TarEntry } from './tar.ts';

/** In small pieces, as a stream may come. */
async function* chunks(bytes: Buffer, size: number): AsyncIterable<Uint8Array> {
  for (let i = 0; i < bytes.length; i += size) yield bytes.subarray(i, i + size);
}

async function readAll(bytes: Buffer, size = 700): Promise<(TarEntry & { text: string })[]> {
  const entries: (TarEntry & { text: string })[] = [];
  await readTar(chunks(bytes, size), async (entry, content) => {
    const parts: Uint8Array[] = [];
    for await (const part of content) parts.push(part);
    entries.push({ ...entry, text: Buffer.concat(parts).toString() });
    return 'continue';
  });
  return entries;
}

test('what was written is read back, whatever the size of the pieces', async () => {
  const data = Buffer.from('x'.repeat(1500));
  const archive = encodeTar([
    { kind: 'directory', name: 'boot' },
    { kind: 'file', name: 'boot/a', data },
    { kind: 'file', name: 'boot/empty', data: Buffer.alloc(0) },
  ]);
  for (const size of [1, 511, 512, 5000]) {
    const entries = await readAll(archive, size);
    assert.deepEqual(
      entries.map(({ kind, path, text }) => [kind, path, text.length]),
      [
        ['directory', 'boot', 0],
        ['file', 'boot/a', 1500],
        ['file', 'boot/empty', 0],
      ],
    );
  }
});

test('archives of GNU tar are read, long names and links too, in both of its formats', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'postern-tar-'));
  try {
    const long = `${'n'.repeat(90)}-${'m'.repeat(90)}`;
    writeFileSync(join(directory, long), 'content');
    symlinkSync(long, join(directory, 'link'));
    for (const format of ['gnu', 'pax']) {
      const archive = execFileSync('tar', [`--format=${format}`, '-cf', '-', '-C', directory, '.'], {
        encoding: 'buffer',
      });
      const entries = await readAll(archive);
      assert.equal(entries.find((entry) => entry.path === `./${long}`)?.text, 'content');
      assert.equal(entries.find((entry) => entry.kind === 'symlink')?.target, long);
    }
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test('a damaged archive is refused, not read as something else', async () => {
  const archive = encodeTar([{ kind: 'file', name: 'a', data: Buffer.from('hello') }]);
  const flipped = Buffer.from(archive);
  flipped[3] = 0x41;
  await assert.rejects(readAll(flipped), ImageError);
  await assert.rejects(readAll(archive.subarray(0, 514)), ImageError);
});
