/** A walkthrough that is interrupted, however and whenever, leaves nothing behind. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { PROGRAM } from '../../src/cli/wiring/defaults.ts';
import { runCommand } from '../../src/host/process.ts';

/** Command lines of the processes that have something to do with the directory. */
async function processesOf(dir: string): Promise<readonly string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const lines = await Promise.all(
    pids.map(async (pid) => (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).replaceAll('\0', ' ')),
  );
  return lines.filter((line) => line.includes(dir));
}

/** What the machine itself has that a walkthrough must not change. */
async function hostState(): Promise<string> {
  const rules = await runCommand(['nft', 'list', 'ruleset']);
  const mounts = await readFile('/proc/self/mounts', 'utf8');
  return [Object.keys(networkInterfaces()).sort().join(' '), rules.stdout, mounts].join('\n');
}

/** When to interrupt: as soon as the walkthrough has printed this. */
const moments: readonly { readonly what: string; readonly seen: RegExp }[] = [
  { what: 'while the cluster is built', seen: /lab up/ },
  { what: 'while guests boot', seen: /virtualmachine\.kubevirt\.io\/client-vm created/ },
  { what: 'while a guest restarts', seen: /scheduled to restart/ },
];

for (const { what, seen } of moments) {
  test(`Ctrl-C ${what} takes everything away`, async () => {
    const before = await hostState();
    const dir = await mkdtemp(join(tmpdir(), 'postern-test-'));
    await rm(dir, { recursive: true });
    const child = spawn(PROGRAM, ['quickstart', '--dir', dir], { stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    let interrupted = false;
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      if (interrupted || !seen.test(output)) return;
      interrupted = true;
      child.kill('SIGINT');
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    const code = await new Promise((resolve) => child.once('exit', resolve));
    assert.ok(interrupted, `it ended before:\n${output}`);
    assert.equal(code, 130, output);
    assert.deepEqual(await processesOf(dir), []);
    assert.equal(await hostState(), before);
    assert.ok(!existsSync(join(dir, 'run')), 'its run files are gone');
    await rm(dir, { recursive: true, force: true });
  });
}
