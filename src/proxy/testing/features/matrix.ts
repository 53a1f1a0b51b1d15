/** The features as tests: a fixture shows them all in one world, and each is a test by its name. */
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { besideOthers } from '../../../host/testing/in-namespace.ts';
import { IP_FAMILIES } from '../../../lib/ip.ts';
import type { Result } from './feature.ts';
import { FEATURES } from './index.ts';
import { MODES, type ModeName } from './modes.ts';
import { STORIES } from './stories.ts';

/** A test for every feature and address family, in one mode. All are shown from now on, whatever else is tested meanwhile. */
export function featureMatrix(mode: ModeName): void {
  const skip = MODES[mode].skip();
  const shown = skip === false ? show(mode) : Promise.resolve([]);
  shown.catch(() => {}); // Told when its turn comes.
  describe(`mode ${mode}`, { skip }, () => {
    let results: readonly Result[] = [];
    before(async () => {
      results = await shown;
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
  const printed = await besideOthers(new URL('features.fixture.ts', import.meta.url), [mode]);
  const last = printed.trimEnd().split('\n').at(-1) ?? '';
  if (!last.startsWith('[')) throw new Error(`the fixture shows nothing\n${printed}`);
  return JSON.parse(last);
}
