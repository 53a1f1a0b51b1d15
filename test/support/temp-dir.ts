/** Directories that last as long as a test. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What tells of its end: a test, or what several of them share. */
export interface Ending {
  after(end: () => unknown): void;
}

/**
 * A new directory, removed with all that is in it when the test ends. Hooks of a test run in the order they were made:
 * what uses the directory and must end first is registered with `t.after` before this is called.
 */
export function tempDir(t: Ending): string {
  const dir = mkdtempSync(join(tmpdir(), 'postern-test-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}
