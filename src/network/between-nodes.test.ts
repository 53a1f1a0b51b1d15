import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { besideOthers, skipUnless, skipWithoutPrograms } from '../host/testing/in-namespace.ts';
import { skipWithoutPodNetwork } from './testing.ts';

const VXLAN = ['ip', 'link', 'add', 'postern-try', 'type', 'vxlan', 'id', '1', 'dstport', '4789'];
const skip = skipWithoutPodNetwork() || skipWithoutPrograms('ping', 'bridge', 'curl') || skipUnless(VXLAN);

/** The two cover both families inside and outside; one family alone is a part of them, and is tried with POSTERN_FAMILIES=all. */
const CASES: readonly (readonly [what: string, lan: string, pods?: string])[] = [
  ['with both families', 'IPv6,IPv4'],
  ['with both families on LANs that have IPv4 alone', 'IPv4', 'IPv6,IPv4'],
];
const ALONE = [
  ['with IPv4 alone', 'IPv4'],
  ['with IPv6 alone', 'IPv6'],
] as const;
const asked = process.env['POSTERN_FAMILIES'] === 'all' ? [...CASES, ...ALONE] : CASES;

// Each in namespaces of its own, and waiting for most of the time.
describe('nodes on two LANs carry pods for each other', { concurrency: true }, () => {
  for (const [what, lan, pods = lan] of asked) {
    test(what, { skip }, async () => {
      const dir = mkdtempSync(join(tmpdir(), 'postern-nodes-'));
      try {
        assert.ok(await besideOthers(new URL('between-nodes.fixture.ts', import.meta.url), [dir, lan, pods]));
      } finally {
        rmSync(dir, { recursive: true, force: true });
      }
    });
  }
});
