import { test } from 'node:test';
import { inNamespace } from '../host/testing/in-namespace.ts';
import { MODES } from './testing/features/modes.ts';

const SEED = Number(process.env['SEED'] ?? Date.now() % 1_000_000);
const FIXTURE = new URL('testing/histories.fixture.ts', import.meta.url);

for (const [mode, { skip }] of Object.entries(MODES)) {
  test(`${mode}: any history leaves in the kernel what its end does afresh (SEED=${SEED})`, { skip: skip() }, () => {
    inNamespace(FIXTURE, [mode, String(SEED)]);
  });
}
