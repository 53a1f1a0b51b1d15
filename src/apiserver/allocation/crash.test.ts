/** A server is killed between allocation and answer, wherever that is: nothing leaks, and what was answered holds. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { openLmdbStore } from '../../store/lmdb/lmdb-store.ts';
import { type Json, SERVICES, startTestServer } from '../testing/server.ts';
import { assertSound } from './testing.ts';

const FIXTURE = fileURLToPath(new URL('crash.fixture.ts', import.meta.url));

const strace = spawnSync('strace', ['-qq', '-o', '/dev/null', 'true']);
const noStrace = strace.status === 0 ? false : 'strace is not installed or may not trace here';

function tempDir(t: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), 'postern-allocation-crash-'));
  t.after(() => rmSync(dir, { recursive: true }));
  return dir;
}

/** Runs the fixture until it is killed, and answers the lines that it said. */
async function untilKilled(dir: string, point: readonly string[], under: readonly string[]): Promise<string[]> {
  const argv = [...under, process.execPath, FIXTURE, dir, '1', ...point];
  // What the server's certificates leave behind goes with the directory.
  const child = spawn(argv[0] ?? '', argv.slice(1), {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, TMPDIR: dir },
  });
  const ended = new Promise<NodeJS.Signals | number | null>((resolve) => {
    child.once('close', (code, signal) => resolve(signal ?? code));
  });
  const lines: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) lines.push(line);
  const how = await ended;
  assert.ok(how === 'SIGKILL' || how === 137, `it was killed, and did not end with ${how}`);
  return lines;
}

/** The specs that were answered last, by name; undefined for a Service whose end was answered. */
function answered(lines: readonly string[]): ReadonlyMap<string, Json> {
  const last = new Map<string, Json>();
  for (const line of lines) {
    const [name = ''] = line.split(' ', 1);
    last.set(name, line === name ? undefined : JSON.parse(line.slice(name.length)));
  }
  return last;
}

async function check(dir: string, lines: readonly string[]): Promise<void> {
  const store = await openLmdbStore({ dir: join(dir, 'store') });
  try {
    // Before a server looks: what is there must be sound by itself, not because it was mended.
    await assertSound(store);
    const api = await startTestServer({ store });
    try {
      // One more write of each writer may have been done and not answered.
      const unanswered = await differences(api.call.bind(api), lines);
      assert.ok(unanswered <= 4, `${unanswered} Services are not as answered, and only 4 writes were under way`);
      await assertSound(store);
    } finally {
      await api.close();
    }
  } finally {
    await store.close();
  }
}

type Call = (method: string, path: string) => Promise<{ readonly code: number; readonly body: Json }>;

/** How many Services are not as their last answer said. */
async function differences(call: Call, lines: readonly string[]): Promise<number> {
  let count = 0;
  for (const [name, spec] of answered(lines)) {
    const { code, body } = await call('GET', `${SERVICES}/${name}`);
    const found = code === 200 ? body.spec : undefined;
    if (JSON.stringify(found) !== JSON.stringify(spec)) count++;
  }
  return count;
}

for (const [what, point] of [
  ['when the address is chosen and nothing is written', 'chosen'],
  ['while the transaction is on its way', 'begun'],
  ['when it is written and not answered', 'committed'],
] as const) {
  test(`nothing leaks when the server is killed ${what}`, async (t) => {
    const dir = tempDir(t);
    await check(dir, await untilKilled(dir, [point, '40'], []));
  });
}

// The calls of one commit, in their order. The kernel delivers the signal at that very call.
for (const [what, call] of [
  ['while its pages are written', 'writev'],
  ['after the pages, before the sync', 'fdatasync'],
  ['at the page that makes it visible', 'pwrite64'],
] as const) {
  test(`nothing leaks when the server is killed ${what}`, { skip: noStrace }, async (t) => {
    const dir = tempDir(t);
    const inject = `inject=${call}:signal=SIGKILL:when=25`;
    const under = ['strace', '-f', '-qq', '-o', '/dev/null', '-e', `trace=${call}`, '-e', inject];
    await check(dir, await untilKilled(dir, [], under));
  });
}
