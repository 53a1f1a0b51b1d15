/** Directories that last as long as a test. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

/**
 * A new directory, removed with all that is in it when the test ends. Hooks of a test run in the order they were made:
 * what uses the directory and must end first is registered with `t.after` before this is called.
 */
export function tempDir(t: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), 'postern-test-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}
