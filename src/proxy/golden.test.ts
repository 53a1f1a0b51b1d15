// UPDATE_GOLDENS=1 writes what is printed now: read the difference before it is committed.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { inNamespace, skipWithoutNft } from '../host/testing/in-namespace.ts';
import { caseNames, expectedFile, script } from './testing/cases.ts';

for (const name of caseNames) {
  test(`${name}: the objects make the expected rules`, () => {
    if (process.env['UPDATE_GOLDENS'] === '1') writeFileSync(expectedFile(name), script(name));
    assert.equal(script(name), readFileSync(expectedFile(name), 'utf8'));
  });
}

test('the kernel takes every golden', { skip: skipWithoutNft() }, () => {
  inNamespace(new URL('testing/golden.fixture.ts', import.meta.url));
});
