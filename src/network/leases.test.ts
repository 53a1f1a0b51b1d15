import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cidrContains, mustParseCIDR, mustParseIP } from '../lib/ip.ts';
import { EMPTY_TABLE, type Lease, type LeaseTable, leaseFor, withoutLease } from './leases.ts';

const V4 = mustParseCIDR('10.244.1.0/24');
const V6 = mustParseCIDR('fd00:10:244:1::/64');
const SMALL = mustParseCIDR('10.0.0.0/29');

function request(podUID: string, mac?: string) {
  return { podUID, podKey: `default/${podUID}`, hostname: podUID, ...(mac === undefined ? {} : { mac }) };
}

function lease(table: LeaseTable, uid: string, cidrs = [V4, V6], now = 0): { lease: Lease; table: LeaseTable } {
  const outcome = leaseFor(table, request(uid), cidrs, now);
  assert.equal(outcome.kind, 'leased');
  return outcome as { lease: Lease; table: LeaseTable };
}

test('the first guest gets the address after the node’s own, and the EUI-64 of its MAC', () => {
  const outcome = leaseFor(EMPTY_TABLE, request('a', '02:00:00:00:00:05'), [V4, V6], 0);
  assert.deepEqual(outcome.kind === 'leased' && outcome.lease.addresses, ['10.244.1.2', 'fd00:10:244:1:0:ff:fe00:5']);
});

test('the order of the addresses is that of the node’s pod CIDRs', () => {
  const [first, second] = lease(EMPTY_TABLE, 'a', [V6, V4]).lease.addresses;
  assert.match(first ?? '', /^fd00:/);
  assert.equal(second, '10.244.1.2');
});

test('the same pod has the same lease again, and nothing is written for it', () => {
  const { lease: first, table } = lease(EMPTY_TABLE, 'a');
  const again = leaseFor(table, request('a'), [V4, V6], 1000);
  assert.deepEqual(again, { kind: 'leased', lease: first, table });
  assert.equal(again.kind === 'leased' && again.table, table);
});

test('a released address rests before it is given out again, unless there is no other', () => {
  const { table: one } = lease(EMPTY_TABLE, 'a');
  const released = withoutLease(one, 'a', 1000);
  assert.equal(lease(released, 'b', [V4], 2000).lease.addresses[0], '10.244.1.3');
  assert.equal(lease(released, 'b', [V4], 61_001).lease.addresses[0], '10.244.1.2');

  let table = EMPTY_TABLE;
  for (const uid of ['a', 'b', 'c', 'd', 'e']) ({ table } = lease(table, uid, [SMALL]));
  const full = leaseFor(table, request('f'), [SMALL], 0);
  assert.equal(full.kind === 'refused' && full.why, 'no-free-address');
  assert.equal(lease(withoutLease(table, 'c', 5), 'f', [SMALL], 6).lease.addresses[0], '10.0.0.4');
});

test('a MAC that another guest has, or that is none, is refused with the reason', () => {
  const outcome = leaseFor(EMPTY_TABLE, request('a', '02:00:00:00:00:05'), [V4], 0);
  assert.equal(outcome.kind, 'leased');
  const table = outcome.kind === 'leased' ? outcome.table : EMPTY_TABLE;
  const taken = leaseFor(table, request('b', '02:00:00:00:00:05'), [V4], 0);
  assert.deepEqual(taken, {
    kind: 'refused',
    why: 'mac-in-use',
    message: 'MAC 02:00:00:00:00:05 is that of default/a on this node',
  });
  for (const mac of ['01:00:5e:00:00:01', 'nonsense']) {
    const refused = leaseFor(EMPTY_TABLE, request('a', mac), [V4], 0);
    assert.equal(refused.kind === 'refused' && refused.why, 'bad-mac');
  }
});

test('a node that was given another pod CIDR gives its guests addresses of it', () => {
  const { table } = lease(EMPTY_TABLE, 'a');
  const other = mustParseCIDR('10.244.9.0/24');
  assert.deepEqual(lease(table, 'a', [other]).lease.addresses, ['10.244.9.2']);
});

test('whatever comes and goes, no two guests share an address and all are inside the prefix', () => {
  const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31));
  let state = seed;
  const random = (below: number) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return state % below;
  };
  let table = EMPTY_TABLE;
  for (let now = 0; now < 2000; now++) {
    const uid = `pod-${random(12)}`;
    if (random(2) === 0) table = withoutLease(table, uid, now * 1000);
    else {
      const outcome = leaseFor(table, request(uid), [SMALL], now * 1000);
      if (outcome.kind === 'leased') table = outcome.table;
      else assert.equal(table.leases.length, 5, `refused with room left; SEED=${seed}`);
    }
    const addresses = table.leases.flatMap((each) => each.addresses);
    assert.equal(new Set(addresses).size, addresses.length, `an address twice; SEED=${seed}`);
    assert.ok(
      addresses.every((address) => cidrContains(SMALL, mustParseIP(address))),
      `SEED=${seed}`,
    );
  }
});

test('a pod of containers keeps its addresses in its next sandbox, which replaces the one before', () => {
  const inSandbox = (sandbox: string) => ({ ...request('a'), namespace: `/run/netns/${sandbox}`, sandbox });
  const first = leaseFor(EMPTY_TABLE, inSandbox('one'), [V4, V6], 0);
  assert.ok(first.kind === 'leased');
  assert.match(first.lease.device, /^pstv[0-9a-f]{11}$/);
  const second = leaseFor(first.table, inSandbox('two'), [V4, V6], 0);
  assert.ok(second.kind === 'leased');
  assert.deepEqual(second.lease, {
    ...first.lease,
    namespace: { path: '/run/netns/two', interfaceName: 'eth0', sandbox: 'two' },
  });
  assert.equal(second.table.leases.length, 1);
});
