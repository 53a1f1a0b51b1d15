import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { besideOthers, skipWithoutPrograms, skipWithoutTaps } from '../../host/testing/in-namespace.ts';

const skip = skipWithoutPrograms('ip', 'nft', 'dnsmasq', 'qemu-system-x86_64') || skipWithoutTaps();

test('a machine that gets another address goes on as the same node', { skip }, async () => {
  const dir = mkdtempSync(join(tmpdir(), 'postern-readdressed-'));
  try {
    await besideOthers(new URL('start-over.fixture.ts', import.meta.url), [dir]);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});
