import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { inNamespace } from '../host/testing/in-namespace.ts';
import { skipWithoutPodNetwork } from './testing.ts';

const skip = skipWithoutPodNetwork();

test('a pod network comes up, follows its nodes, survives a restart and goes without a trace', { skip }, () => {
  const stateDir = mkdtempSync(join(tmpdir(), 'postern-network-'));
  try {
    const stdout = inNamespace(new URL('network.fixture.ts', import.meta.url), [stateDir]);
    const { addresses, ...seen } = JSON.parse(stdout) as { addresses: readonly string[] };
    assert.equal(addresses[0], '10.244.1.2');
    assert.match(addresses[1] ?? '', /^fd00:10:244:1:/);
    assert.deepEqual(seen, {
      atStart: ['10.244.2.0/24 via 192.0.2.2', 'fd00:10:244:2::/64 via 2001:db8::2'],
      // Without an address of its own, that family goes within packets of the other.
      afterChange: ['10.244.2.0/24 via 192.0.2.9', 'fd00:10:244:2::/64 via fe80::e9:55ff:fe0e:a06b dev postern-vxlan'],
      isolated: true,
      neighbours: 3,
      samePort: true,
      stray: false,
      dnsmasqRestarted: true,
      left: { links: ['lo', 'other', 'lan'], routes: [], rules: '' },
    });
  } finally {
    rmSync(stateDir, { recursive: true, force: true });
  }
});
