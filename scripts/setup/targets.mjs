/** What the npm scripts do once the checkout is ready. Each resolves to an exit status. */
import { existsSync, readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, relative } from 'node:path';
import { longestFirst } from './long-tests.mjs';
import { mayShareProcess } from './one-process.mjs';
import { nodePath, ROOT } from './paths.mjs';
import { runForeground } from './run.mjs';

const MAIN = join(ROOT, 'src', 'cli', 'main.ts');
/** What stands beside the benches without being one. */
const NOT_BENCHES = /^harness\.ts$|\.test\.ts$/;

/** The walkthrough, from the program itself. */
export function quickstart(args) {
  return runForeground([nodePath(), MAIN, 'quickstart', ...args]);
}

/** Three servers, an etcd of three members and three nodes, and what becomes of them when a machine is lost. */
export function labHa(args) {
  return runForeground([nodePath(), join(ROOT, 'scripts', 'lab-ha.ts'), ...args]);
}

/** End-to-end tests that judge what happens within milliseconds, which nothing else may disturb. */
const ALONE = /^test\/e2e\/(l2|l2-alone|failures)\.test\.ts$/;
/** How many of the others run at a time for each processor: they wait for guests, servers and leases about half of the time. */
const AT_A_TIME = 1.5;

/** What is tested by itself: see `failures`. */
const FAILURES = 'test/failure/';

/**
 * Static checks, then unit tests beside each other, then end-to-end tests, and in the end those of them that are to be alone.
 * Arguments pick test files.
 */
export async function test(args) {
  const files = ['src', 'test', 'scripts']
    .flatMap((folder) => testFiles(join(ROOT, folder)))
    .filter((file) => !file.startsWith(FAILURES))
    .filter(picked(args));
  const isEndToEnd = (file) => file.startsWith('test/e2e/');
  const unit = files.filter((file) => !isEndToEnd(file));
  const alone = files.filter((file) => ALONE.test(file));
  const endToEnd = files.filter((file) => isEndToEnd(file) && !alone.includes(file));
  if (files.length === 0) {
    console.error(`No test file matches ${args.join(' ')}. Give parts of their paths, such as src/lib or test/e2e.`);
    return 2;
  }
  const stages = [
    ...(args.length === 0 ? staticChecks() : []),
    ...unitStages(unit),
    ...(endToEnd.length > 0
      ? [{ name: `end-to-end tests (${endToEnd.length} files)`, argvs: [runner(endToEnd, atATime())] }]
      : []),
    ...(alone.length > 0
      ? [{ name: `end-to-end tests, alone (${alone.length} files)`, argvs: [runner(alone, 1)] }]
      : []),
  ];
  return runStages(stages);
}

/** Those that may share a process do, one for each processor; the others have one each. */
function unitStages(files) {
  const shared = longestFirst(files.filter((file) => mayShareProcess(join(ROOT, file))));
  const own = files.filter((file) => !shared.includes(file));
  const processors = availableParallelism();
  const parts = Array.from({ length: processors }, (_, i) => shared.filter((_file, j) => j % processors === i));
  const argvs = parts.filter((part) => part.length > 0).map(inOneProcess);
  return [
    ...(shared.length > 0 ? [{ name: `tests that share a process (${shared.length} files)`, argvs }] : []),
    ...(own.length > 0 ? [{ name: `tests (${own.length} files)`, argvs: [runner(own, atATime())] }] : []),
  ];
}

/** What fails in a cluster of several machines, one thing after the other. Arguments pick test files. */
export function failures(args) {
  const files = testFiles(join(ROOT, FAILURES)).filter(picked(args));
  return runStages([{ name: `failures (${files.length} files)`, argvs: [runner(files, 1, FAILURES_LIMIT)] }]);
}

/** Types, style and the import table, and nothing that runs the program. */
export function check() {
  return runStages(staticChecks());
}

/** One bench by its name; without a name, what there is. */
export function bench([name, ...args]) {
  const names = readdirSync(join(ROOT, 'bench'))
    .filter((file) => file.endsWith('.ts') && !NOT_BENCHES.test(file))
    .map((file) => file.slice(0, -'.ts'.length));
  if (name !== undefined && names.includes(name)) {
    return runForeground([nodePath(), join(ROOT, 'bench', `${name}.ts`), ...args]);
  }
  if (name !== undefined) console.error(`There is no bench ${JSON.stringify(name)}.`);
  console.error(`Usage: npm run bench -- NAME [--check], with NAME one of: ${names.join(', ') || '(none yet)'}`);
  return 2;
}

function staticChecks() {
  const module = (...path) => join(ROOT, 'node_modules', ...path);
  return [
    { name: 'types', argvs: [[nodePath(), module('typescript', 'bin', 'tsc')]] },
    { name: 'style', argvs: [[nodePath(), module('@biomejs', 'biome', 'bin', 'biome'), 'check', '.']] },
    { name: 'imports', argvs: [[nodePath(), join(ROOT, 'scripts', 'check-imports.ts')]] },
  ];
}

/** No test takes so long; one that hangs fails, and says which. In milliseconds. */
const TEST_LIMIT = 300_000;
/** A suite counts as a test, too. */
const FAILURES_LIMIT = 900_000;

function runner(files, concurrency, limit = TEST_LIMIT) {
  const program = join(ROOT, 'scripts', 'setup', 'run-tests.mjs');
  return [nodePath(), program, String(concurrency), String(limit), ...longestFirst(files)];
}

function inOneProcess(files) {
  return [
    nodePath(),
    '--test',
    '--test-concurrency=1',
    `--test-timeout=${TEST_LIMIT}`,
    '--test-isolation=none',
    ...files,
  ];
}

const atATime = () => Math.ceil(AT_A_TIME * availableParallelism());

/** Runs every stage, so that one failure does not hide another, and ends with a line for each. A signal ends them all. */
async function runStages(stages) {
  const results = [];
  for (const { name, argvs } of stages) {
    const started = Date.now();
    const status = Math.max(...(await Promise.all(argvs.map((argv) => runForeground(argv)))));
    results.push({ name, status, seconds: ((Date.now() - started) / 1000).toFixed(1) });
    if (status > 128) break;
  }
  const width = Math.max(...results.map(({ name }) => name.length));
  console.log('');
  for (const { name, status, seconds } of results) {
    console.log(
      `${name.padEnd(width)}  ${seconds.padStart(6)} s  ${status === 0 ? 'ok' : `FAILED (exit status ${status})`}`,
    );
  }
  return results.find(({ status }) => status > 128)?.status ?? (results.every(({ status }) => status === 0) ? 0 : 1);
}

/** Every test file under a folder, relative to the root, sorted. */
function testFiles(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.test\.(ts|mjs)$/.test(name))
    .map((name) => relative(ROOT, join(folder, name)))
    .sort();
}

function picked(args) {
  const parts = args.map((arg) => relative(ROOT, join(ROOT, arg)));
  return (file) => parts.length === 0 || parts.some((part) => file.includes(part));
}
