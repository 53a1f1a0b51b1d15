/** The features as tests: a fixture shows them all in one world, and each is a test by its name. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { UNSHARE } from '../../../host/testing/in-namespace.ts';
import { IP_FAMILIES } from '../../../lib/ip.ts';
import type { Result } from './feature.ts';
import { FEATURES } from './index.ts';
import { MODES, type ModeName } from './modes.ts';
import { STORIES } from './stories.ts';

const FIXTURE = fileURLToPath(new URL('features.fixture.ts', import.meta.url));
/** How long all features together may take, in milliseconds. */
const PATIENCE = 120_000;

/** A test for every feature and address family, in one mode. */
export function featureMatrix(mode: ModeName): void {
  describe(`mode ${mode}`, { skip: MODES[mode].skip() }, () => {
    let results: readonly Result[] = [];
    before(async () => {
      results = await show(mode);
    });

    for (const { name } of FEATURES) {
      for (const family of IP_FAMILIES) {
        test(`${name} (${family})`, () => {
          check(results.find((one) => one.name === name && one.family === family));
        });
      }
    }
    for (const { name } of STORIES) {
      test(name, () => {
        check(results.find((one) => one.name === name));
      });
    }
  });
}

function check(result: Result | undefined): void {
  assert(result !== undefined, 'it was not shown');
  assert(result.error === undefined, result.error);
}

/** Runs the fixture, and returns what it shows. Throws, with all that it wrote, when it fails. */
async function show(mode: ModeName): Promise<readonly Result[]> {
  // The runner tells its children by this variable how to report; the fixture reports to people.
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const [program = '', ...argv] = [...UNSHARE, process.execPath, FIXTURE, mode];
  const child = spawn(program, argv, { env, stdio: ['ignore', 'pipe', 'pipe'], timeout: PATIENCE });
  const exited = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const [stdout, stderr, code] = await Promise.all([text(child.stdout), text(child.stderr), exited]);
  const last = stdout.trimEnd().split('\n').at(-1) ?? '';
  if (code !== 0 || !last.startsWith('[')) throw new Error(`the fixture exited with ${code}\n${stdout}${stderr}`);
  return JSON.parse(last);
}
