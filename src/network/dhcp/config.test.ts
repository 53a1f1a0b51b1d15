import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mustParseCIDR } from '../../lib/ip.ts';
import type { Lease } from '../leases.ts';
import { desiredDhcp } from './config.ts';

const LEASE = {
  podUID: 'u',
  podKey: 'example-namespace/virt-launcher-example-vm-abcde',
  hostname: 'example-vm',
  device: 'pst0',
  mac: '02:00:00:00:00:05',
  addresses: ['10.244.1.5', 'fd00:10:244:1:0:ff:fe00:5'],
};

function desired(families: readonly string[], leases: readonly Lease[] = [LEASE]) {
  return desiredDhcp({
    podCIDRs: families.map(mustParseCIDR),
    leases,
    clusterDomain: 'cluster.local',
  });
}

test('a guest gets the addresses of its lease, its name, and the search list of its namespace', () => {
  const lines = desired(['10.244.1.0/24', 'fd00:10:244:1::/64']).split('\n');
  const host = '02:00:00:00:00:05,set:ns-example-namespace,10.244.1.5,[fd00:10:244:1:0:ff:fe00:5],example-vm';
  assert.ok(lines.includes(`dhcp-host=${host}`));
  const search = 'example-namespace.svc.cluster.local,svc.cluster.local,cluster.local';
  assert.ok(lines.includes(`dhcp-option=tag:ns-example-namespace,option:domain-search,${search}`));
});

test('a guest is told how long its packets may be, where that is known', () => {
  const told = { podCIDRs: [mustParseCIDR('10.244.1.0/24')], leases: [], clusterDomain: 'cluster.local' };
  assert.match(desiredDhcp({ ...told, mtu: 1450 }), /^dhcp-option=option:mtu,1450$/m);
  assert.doesNotMatch(desiredDhcp(told), /mtu/);
});

test('each family is served alone too', () => {
  const v4 = desired(['10.244.1.0/24']);
  assert.match(v4, /dhcp-range=10\.244\.1\.0,static,255\.255\.255\.0/);
  assert.doesNotMatch(v4, /option6/);
  const v6 = desired(['fd00:10:244:1::/64']);
  assert.match(v6, /dhcp-range=fd00:10:244:1::,static,64/);
  assert.match(v6, /option6:dns-server,\[fd00:10:244:1::1\]/);
  assert.doesNotMatch(v6, /option:router/);
});

test('a name or namespace that could be syntax does not get into the files', () => {
  const hostile = { ...LEASE, hostname: 'a,b\nport=53', podKey: 'x\ny=1/z' };
  const lines = desired(['10.244.1.0/24'], [hostile]).split('\n');
  const hosts = lines.filter((line) => line.startsWith('dhcp-host='));
  assert.deepEqual(hosts, ['dhcp-host=02:00:00:00:00:05,set:ns-default,10.244.1.5,[fd00:10:244:1:0:ff:fe00:5]']);
  assert.equal(lines.length, desired(['10.244.1.0/24']).split('\n').length);
  assert.ok(!lines.includes('port=53'));
});

test('the same leases in another order give the same files', () => {
  const other = { ...LEASE, mac: '02:00:00:00:00:01', hostname: 'b', podKey: 'b/b' };
  assert.deepEqual(desired(['10.244.1.0/24'], [LEASE, other]), desired(['10.244.1.0/24'], [other, LEASE]));
});

test('a pod of containers is none of its business', () => {
  const namespace = { path: '/run/netns/cni-1', interfaceName: 'eth0' };
  const pods = ['10.244.1.0/24', 'fd00:10:244:1::/64'];
  assert.equal(desired(pods, [{ ...LEASE, namespace }]), desired(pods, []));
});
