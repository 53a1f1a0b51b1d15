import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { inNamespace } from '../../host/testing/in-namespace.ts';
import { skipWithoutPodNetwork } from '../testing.ts';
import { printAdmission, printDismissal } from './ruleset.ts';

interface Seen {
  readonly all: readonly string[];
  readonly atFirst: readonly string[];
  readonly afterRestart: readonly string[];
  readonly unguarded: readonly string[];
  /** How many elements there are for two guests, and for one. */
  readonly before: number;
  readonly after: number;
  readonly left: string;
}

const ALLOWED = [
  'IPv4 from its own address',
  'IPv6 from its own address',
  'IPv6 from its link-local address',
  'IPv6 from a link-local address of its choice',
  'ARP from its own address',
  'ARP probe',
  'DHCP request without an address',
  'duplicate address detection',
  'router solicitation',
  'multicast report',
];

describe('a guest on a bridge', { skip: skipWithoutPodNetwork() }, () => {
  const stateDir = mkdtempSync(join(tmpdir(), 'postern-guard-'));
  let seen: Seen;

  before(() => {
    seen = JSON.parse(inNamespace(new URL('guard.fixture.ts', import.meta.url), [stateDir])) as Seen;
  });
  after(() => {
    rmSync(stateDir, { recursive: true, force: true });
  });

  test('sends as itself, and in no other way', () => {
    assert.deepEqual(seen.atFirst, ALLOWED);
  });

  test('is kept to that by a restarted agent', () => {
    assert.deepEqual(seen.afterRestart, ALLOWED);
  });

  test('would get everything through without the guard', () => {
    assert.deepEqual(seen.unguarded, seen.all);
  });

  test('is forgotten when its port is released, and the guard goes with the pod network', () => {
    assert.deepEqual([seen.before, seen.after, seen.left], [8, 4, '']);
  });
});

const LEASE = {
  podUID: 'u',
  podKey: 'ns/pod',
  hostname: 'pod',
  device: 'pst0',
  mac: '02:00:00:00:00:05',
  addresses: ['10.244.1.5'],
};

test('a guest is admitted by elements alone, and may be dismissed twice', () => {
  assert.equal(
    printAdmission(LEASE),
    [
      'add element bridge postern-network guests { "pst0" . 02:00:00:00:00:05 }',
      'add element bridge postern-network addresses4 { "pst0" . 10.244.1.5 }',
      'add element bridge postern-network addresses6 { "pst0" . fe80::ff:fe00:5 }',
      'add element bridge postern-network link-locals { fe80::ff:fe00:5 }',
      '',
    ].join('\n'),
  );
  assert.ok(printDismissal(LEASE).startsWith(printAdmission(LEASE)));
});
