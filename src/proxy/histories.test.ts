import { describe, test } from 'node:test';
import { besideOthers } from '../host/testing/in-namespace.ts';
import { MODES } from './testing/features/modes.ts';

const SEED = Number(process.env['SEED'] ?? Date.now() % 1_000_000);
const FIXTURE = new URL('testing/histories.fixture.ts', import.meta.url);

describe('any history leaves in the kernel what its end does afresh', { concurrency: true }, () => {
  for (const [mode, { skip }] of Object.entries(MODES)) {
    test(`in the mode ${mode} (SEED=${SEED})`, { skip: skip() }, async () => {
      await besideOthers(FIXTURE, [mode, String(SEED)]);
    });
  }
});
