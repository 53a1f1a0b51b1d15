import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mustParseCIDR } from '../../lib/ip.ts';
import { MemoryConntrack } from '../../netfilter/conntrack/memory.ts';
import type { ContainerLease, LeasedHostPort } from '../leases.ts';
import { desiredHostPorts } from './desired.ts';
import { endOldFlows } from './flows.ts';
import { printHostPortChange } from './ruleset.ts';

const POD_CIDRS = ['10.244.1.0/24', 'fd00::/64'].map(mustParseCIDR);
const TCP: LeasedHostPort = { protocol: 'TCP', hostPort: 80, containerPort: 8080 };
const UDP: LeasedHostPort = { protocol: 'UDP', hostPort: 53, containerPort: 5353 };

function lease(podUID: string, addresses: readonly string[], hostPorts: readonly LeasedHostPort[]): ContainerLease {
  const device = `pstv${podUID}`;
  const namespace = { path: `/run/netns/${podUID}`, interfaceName: 'eth0' };
  return {
    podUID,
    podKey: `ns/${podUID}`,
    hostname: podUID,
    device,
    mac: '02:00:00:00:00:05',
    addresses,
    namespace,
    hostPorts,
  };
}

const summary = (...leases: readonly ContainerLease[]) =>
  [...desiredHostPorts(leases, POD_CIDRS).values()].map(
    ({ family, set, key, value }) => `${family} ${set} ${key}${value === undefined ? '' : ` : ${value}`}`,
  );

test('a host port leads to the pod’s port, in each family that the pod has', () => {
  assert.deepEqual(summary(lease('a', ['10.244.1.2', 'fd00::2'], [TCP])), [
    'IPv4 at-any tcp . 80 : 10.244.1.2 . 8080',
    'IPv4 own 10.244.1.2 . 10.244.1.2',
    'IPv6 at-any tcp . 80 : fd00::2 . 8080',
    'IPv6 own fd00::2 . fd00::2',
  ]);
});

test('an address from before the node was given other prefixes is led to no more', () => {
  assert.deepEqual(summary(lease('a', ['10.99.1.2', 'fd00::2'], [TCP])), [
    'IPv6 at-any tcp . 80 : fd00::2 . 8080',
    'IPv6 own fd00::2 . fd00::2',
  ]);
});

test('with a host address it is of that family; the unspecified one stands for all of the family', () => {
  const both = ['10.244.1.2', 'fd00::2'];
  assert.deepEqual(summary(lease('a', both, [{ ...TCP, hostIP: 'fd00::1' }])), [
    'IPv6 at-address fd00::1 . tcp . 80 : fd00::2 . 8080',
    'IPv6 own fd00::2 . fd00::2',
  ]);
  assert.equal(
    summary(lease('a', both, [{ ...TCP, hostIP: '0.0.0.0' }]))[0],
    'IPv4 at-any tcp . 80 : 10.244.1.2 . 8080',
  );
});

test('only what differs is changed, old elements first; of two pods with one port the later has it', () => {
  const [a, b] = [lease('a', ['10.244.1.2'], [TCP]), lease('b', ['10.244.1.3'], [TCP])];
  const [before, both] = [desiredHostPorts([a], POD_CIDRS), desiredHostPorts([a, b], POD_CIDRS)];
  assert.equal(printHostPortChange(before, before), '');
  const table = 'element ip postern-host-ports';
  assert.equal(
    printHostPortChange(before, both),
    `delete ${table} at-any { tcp . 80 }\n` +
      `add ${table} at-any { tcp . 80 : 10.244.1.3 . 8080 }\nadd ${table} own { 10.244.1.3 . 10.244.1.3 }\n`,
  );
});

const NODE = '192.0.2.1';
const flow = (sport: number, to: { saddr: string; sport: number }, protocol: 'tcp' | 'udp' = 'udp') => ({
  ...({ family: 'IPv4', protocol } as const),
  original: { saddr: '192.0.2.9', sport, daddr: NODE, dport: 53 },
  reply: { ...to, daddr: '192.0.2.9', dport: sport },
});

test('UDP flows end that lead to the pod that is gone, or that began before the port was there; no others', async () => {
  const conntrack = new MemoryConntrack();
  const [old, other] = [
    { saddr: '10.244.1.2', sport: 5353 },
    { saddr: '10.244.1.9', sport: 5353 },
  ];
  const here = { saddr: NODE, sport: 53 };
  for (const each of [flow(1, old), flow(2, other), flow(3, here), flow(4, old, 'tcp')]) conntrack.add(each);
  const a = desiredHostPorts([lease('a', ['10.244.1.2'], [UDP])], POD_CIDRS);
  const b = desiredHostPorts([lease('b', ['10.244.1.3'], [UDP])], POD_CIDRS);
  assert.equal(await endOldFlows(conntrack, a, a), 0);
  assert.equal(await endOldFlows(conntrack, a, new Map()), 1);
  assert.equal(await endOldFlows(conntrack, new Map(), b), 1);
  const left = conntrack.remaining();
  assert.deepEqual(
    left.map(({ original }) => original.sport),
    [2, 4],
  );
});
