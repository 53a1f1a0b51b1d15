import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { closeSync, ftruncateSync, openSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import koffi from 'koffi';
import { tempDir } from '../../test/support/temp-dir.ts';
import { releasePages, sharedMappings } from './memory.ts';

test('a process that is quiet gives back what it has let go of', () => {
  const fixture = fileURLToPath(new URL('memory.fixture.ts', import.meta.url));
  const said = execFileSync(process.execPath, [fixture], { encoding: 'utf8', timeout: 60_000 });
  const { full, empty } = JSON.parse(said) as { full: number; empty: number };
  assert.ok(empty <= full - 80, `${said} MB`);
});

test('finds where a file is mapped, and only there', (t) => {
  const path = join(realpathSync(tempDir(t)), 'a file');
  const fd = openSync(path, 'w+', 0o600);
  t.after(() => closeSync(fd));
  ftruncateSync(fd, 8192);
  assert.deepEqual(sharedMappings(path), []);
  const libc = koffi.load(null);
  const mmap = libc.func(
    'uintptr_t mmap(uintptr_t address, size_t length, int protection, int flags, int fd, int64_t at)',
  );
  const munmap = libc.func('int munmap(uintptr_t address, size_t length)');
  const [readable, shared] = [1, 1]; // PROT_READ, MAP_SHARED of <sys/mman.h>.
  const start = Number(mmap(0, 8192, readable, shared, fd, 0));
  assert.deepEqual(sharedMappings(path), [{ start, length: 8192 }]);
  releasePages({ start, length: 8192 });
  assert.equal(munmap(start, 8192), 0);
  assert.throws(() => releasePages({ start, length: 8192 }), { name: 'SystemCallError' });
});
