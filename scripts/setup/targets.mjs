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

/**
 * Tests that judge what happens within milliseconds, or within a second or two. They wait most of their time, and run two at a
 * time with nothing else beside them: what they judge is not how busy this machine is.
 */
const TIMED = new RegExp(
  `^(?:${[
    'src/apiserver/several-servers',
    'src/client/failover',
    'src/l2/lan/worker',
    'src/l2/membership/(?:heartbeats|namespaces)',
    'src/store/etcd/failover',
    'test/e2e/l2(?:-alone)?',
  ].join('|')})\\.test\\.ts$`,
);
/** Those of them that keep all processors at work; where these are busy, firewalld's nodes say that something blocks them. */
const ALONE = /^test\/e2e\/(?:failures|firewalld)\.test\.ts$/;
/** How many others run at a time for each processor: they wait for servers, packets, guests and leases about half of the time. */
const AT_A_TIME = 2;
/** Of those end to end, which have whole clusters each: memory is what limits them. */
const CLUSTERS_AT_A_TIME = 1.5;

/** What is tested by itself: see `failures`. */
const FAILURES = 'test/failure/';

/**
 * Static checks, then unit tests beside each other, then end-to-end tests, and in the end those that nothing may disturb.
 * Arguments pick test files.
 */
export async function test(args) {
  const files = ['src', 'test', 'scripts']
    .flatMap((folder) => testFiles(join(ROOT, folder)))
    .filter((file) => !file.startsWith(FAILURES))
    .filter(picked(args));
  if (files.length === 0) {
    console.error(`No test file matches ${args.join(' ')}. Give parts of their paths, such as src/lib or test/e2e.`);
    return 2;
  }
  const of = (kind) => files.filter((file) => kindOf(file) === kind);
  return runStages([
    ...(args.length === 0 ? staticChecks() : []),
    ...sharing('tests that share a process', of('sharing')),
    ...stage('tests', of('own'), perProcessor(AT_A_TIME)),
    ...stage('end-to-end tests', of('end-to-end'), perProcessor(CLUSTERS_AT_A_TIME)),
    ...stage('tests that judge times', of('timed'), 2),
    ...stage('tests that judge times, alone', of('alone'), 1),
  ]);
}

function kindOf(file) {
  if (ALONE.test(file)) return 'alone';
  if (TIMED.test(file)) return 'timed';
  if (file.startsWith('test/e2e/')) return 'end-to-end';
  return mayShareProcess(join(ROOT, file)) ? 'sharing' : 'own';
}

const perProcessor = (count) => Math.ceil(count * availableParallelism());

/** Each file in a process of its own, some at a time. */
function stage(name, files, concurrency) {
  if (files.length === 0) return [];
  return [{ name: `${name} (${files.length} files)`, argvs: [runner(files, concurrency)] }];
}

/** As many processes as there are processors, and the files dealt out to them. */
function sharing(name, files) {
  if (files.length === 0) return [];
  const hands = Array.from({ length: Math.min(availableParallelism(), files.length) }, () => []);
  for (const [i, file] of longestFirst(files).entries()) hands[i % hands.length].push(file);
  return [{ name: `${name} (${files.length} files)`, argvs: hands.map(inOneProcess) }];
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

/** For programs in Go, which tests start by the hundred: they end before it pays to collect their garbage. */
const SHORT_LIVED = { GOGC: '400' };

/** Runs every stage, so that one failure does not hide another, and ends with a line for each. A signal ends them all. */
async function runStages(stages) {
  const results = [];
  for (const { name, argvs } of stages) {
    const started = Date.now();
    const status = Math.max(...(await Promise.all(argvs.map((argv) => runForeground(argv, { env: SHORT_LIVED })))));
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
