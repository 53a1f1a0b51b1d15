/** What was answered is there after the process was killed, wherever it was. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { tempDir } from '../../../test/support/temp-dir.ts';
import { testSeed } from '../../lib/random.fixture.ts';
import { randomBelow, seededRandom } from '../../lib/random.ts';
import { checkStore } from './check.ts';
import { openLmdbStore } from './lmdb-store.ts';

const FIXTURE = fileURLToPath(new URL('crash.fixture.ts', import.meta.url));
const seed = testSeed();

const strace = spawnSync('strace', ['-qq', '-o', '/dev/null', 'true']);
const noStrace = strace.status === 0 ? false : 'strace is not installed or may not trace here';

/** Runs the fixture until it has said `kill` lines, then kills it; answers every line it said. */
async function writeAndKill(
  dir: string,
  run: number,
  kill = Number.POSITIVE_INFINITY,
  under: readonly string[] = [],
): Promise<string[]> {
  const argv = [...under, process.execPath, FIXTURE, dir, String(run)];
  const child = spawn(argv[0] ?? '', argv.slice(1), { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    lines.push(line);
    if (lines.length === kill) child.kill('SIGKILL');
  }
  return lines;
}

/** Fails unless the store is sound and has every answered write. Only the last run's history can be read back. */
async function checkAnswered(dir: string, lines: readonly string[]): Promise<number> {
  const report = await checkStore(dir);
  assert.deepEqual(report.problems, []);
  const store = await openLmdbStore({ dir });
  try {
    for (const [revision, key, value] of lines.map((line) => line.split(' '))) {
      if (revision === 'compacted') assert.ok(report.compacted >= Number(key));
      else if (Number(revision) >= report.compacted) {
        const entry = await store.get(key ?? '', Number(revision));
        assert.equal(entry?.modified, Number(revision));
        assert.equal(Buffer.from(entry.value).toString(), value);
      } else assert.ok(((await store.get(key ?? ''))?.modified ?? 0) >= Number(revision));
    }
    return report.revision;
  } finally {
    await store.close();
  }
}

test(`loses no answered write when it is killed at random moments (POSTERN_SEED=${seed})`, async (t) => {
  const dir = tempDir(t);
  const random = seededRandom(seed);
  let revision = 0;
  for (let run = 0; run < 6; run++) {
    const lines = await writeAndKill(dir, seed + run, 1 + randomBelow(random, 400));
    const now = await checkAnswered(dir, lines);
    assert.ok(now > revision, 'each run writes something');
    revision = now;
  }
});

// The calls of one commit, in their order: pages, sync, meta page. The kernel delivers the signal at that very call.
for (const [point, call] of [
  ['while pages are written', 'writev'],
  ['after the pages, before the sync', 'fdatasync'],
  ['at a page or the meta page that makes the commit visible', 'pwrite64'],
] as const) {
  test(`loses no answered write when it is killed ${point}`, { skip: noStrace }, async (t) => {
    const dir = tempDir(t);
    // strace counts for each thread; the first calls of the main thread create the store.
    for (const nth of [3, 8, 21]) {
      const inject = `inject=${call}:signal=SIGKILL:when=${nth}`;
      const under = ['strace', '-f', '-qq', '-o', '/dev/null', '-e', `trace=${call}`, '-e', inject];
      const lines = await writeAndKill(dir, nth, undefined, under);
      assert.ok(lines.length < 2000, 'it was killed');
      await checkAnswered(dir, lines);
    }
  });
}

test('answers only after the pages are synced and the meta page is written through', { skip: noStrace }, async (t) => {
  const dir = tempDir(t);
  const trace = join(dir, 'trace');
  const calls = 'trace=write,pwrite64,writev,fdatasync,openat';
  await writeAndKill(join(dir, 'store'), 1, undefined, [
    'strace',
    '-f',
    '-y',
    '-qq',
    '-s',
    '8',
    '-o',
    trace,
    '-e',
    calls,
  ]);
  assert.match(commitOrder(readFileSync(trace, 'utf8')), /^(P+SMA*){200,}$/);
});

/** One letter a call: P pages, S sync, M the meta page through the O_DSYNC descriptor, A answer. */
function commitOrder(trace: string): string {
  const through = /data\.mdb", O_WRONLY\|O_DSYNC.*= (\d+)</.exec(trace)?.[1];
  assert.ok(through, 'the meta page has a descriptor of its own, opened O_DSYNC');
  const letters = trace.split('\n').map((line) => {
    if (/fdatasync\(.*data\.mdb/.test(line)) return 'S';
    if (line.includes(`pwrite64(${through}<`)) return 'M';
    if (/(pwrite64|writev)\(.*data\.mdb/.test(line)) return 'P';
    return line.includes(' write(1<') ? 'A' : '';
  });
  // Opening a new store has one write of its own, which LMDB does without a commit.
  return letters.join('').slice(1);
}
