import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { besideOthers, skipUnless, skipWithoutNft, skipWithoutPrograms } from '../../host/testing/in-namespace.ts';

const IPTABLES = ['iptables', '-t', 'nat', '-S'];

describe('a handover', { concurrency: true }, () => {
  for (const [program, skip] of [
    ['nft', skipWithoutNft()],
    ['iptables', skipWithoutPrograms('iptables', 'ip6tables') || skipWithoutNft() || skipUnless(IPTABLES)],
  ] as const) {
    test(`connections outlive a planned move of their address, with rules of ${program}`, {
      skip: skip || skipWithoutPrograms('conntrack', 'sysctl'),
    }, async () => {
      const seen = await besideOthers(new URL('packets.fixture.ts', import.meta.url), [program]);
      assert.deepEqual(JSON.parse(seen), {
        'before IPv4': 'hello',
        'before IPv6': 'hello',
        'moved IPv4': ['still there', 'new'],
        'moved IPv6': ['still there', 'new'],
        flows: [2, 2],
        // Not silence: whoever asks learns at once that there is nothing to wait for.
        'lost IPv4': 'ECONNRESET',
        'lost IPv6': 'ECONNRESET',
      });
    });
  }
});
