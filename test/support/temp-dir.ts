/** Directories that last as long as a test. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

/** A new directory, removed with all that is in it when the test ends. */
export function tempDir(t: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), 'postern-test-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}
