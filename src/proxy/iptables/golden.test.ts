// UPDATE_GOLDENS=1 writes what is printed now: read the difference before it is committed.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { inNamespace } from '../../host/testing/in-namespace.ts';
import { skipWithoutIptables } from '../../netfilter/iptables/testing.ts';
import { caseNames, expectedRules, restoreInput } from './testing/cases.ts';

for (const name of caseNames) {
  test(`${name}: the objects make the expected rules`, async () => {
    const input = await restoreInput(name);
    if (process.env['UPDATE_GOLDENS'] === '1') writeFileSync(expectedRules(name), input);
    assert.equal(input, readFileSync(expectedRules(name), 'utf8'));
  });
}

for (const variant of ['legacy', 'nft'] as const) {
  test(`iptables-restore takes every golden: ${variant}`, { skip: skipWithoutIptables(variant) }, () => {
    inNamespace(new URL('testing/golden.fixture.ts', import.meta.url), [variant]);
  });
}
