/**
 * `node run-tests.mjs CONCURRENCY LIMIT FILE…`: runs test files, each in a process of its own, in the order that they are given;
 * `node --test` would sort them by their names. LIMIT is how long a test may take, in milliseconds. Says at the end which files
 * took longest.
 */
import { relative } from 'node:path';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';

/** Files that are named at the end: at most so many, if they took so long, in milliseconds. */
const NAMED = 8;
const LONG = 5000;

const [concurrency, limit, ...files] = process.argv.slice(2);
const took = new Map();
const tests = run({ files, concurrency: Number(concurrency), timeout: Number(limit) });
// One for each file, and one for all of them, which has no name.
tests.on('test:summary', ({ success, file, duration_ms }) => {
  if (file !== undefined) took.set(file, duration_ms);
  if (!success) process.exitCode = 1;
});
tests.compose(new spec()).pipe(process.stdout);
process.once('exit', () => {
  const longest = [...took].filter(([, ms]) => ms >= LONG).sort(([, a], [, b]) => b - a);
  for (const [file, ms] of longest.slice(0, NAMED)) {
    console.log(`  ${(ms / 1000).toFixed(1).padStart(5)} s  ${relative(process.cwd(), file)}`);
  }
});
