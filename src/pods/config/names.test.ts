import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PodSpec } from '../../api/core/v1/pod-spec.ts';
import { dnsConfig } from './dns.ts';
import { kernelHostname, podNames } from './hostname.ts';
import { hostsFile } from './hosts-file.ts';
import { nodeDNS, parseResolvConf } from './node-files.ts';
import { isProblem } from './problems.ts';
import { pod } from './testing.ts';

const node = { servers: ['192.0.2.53'], searches: ['example.com'], options: ['rotate'] };

function dns(spec: PodSpec) {
  return dnsConfig({ pod: pod(spec), clusterDNS: ['10.244.1.1', 'fd00::1'], clusterDomain: 'cluster.local', node });
}

const CLUSTER = ['shop.svc.cluster.local', 'svc.cluster.local', 'cluster.local', 'example.com'];

test('the DNS policy says whom a pod asks', () => {
  const cluster = { servers: ['10.244.1.1', 'fd00::1'], searches: CLUSTER, options: ['ndots:5'] };
  assert.deepEqual(dns({}).config, cluster);
  assert.deepEqual(dns({ hostNetwork: true }).config, node);
  assert.deepEqual(dns({ hostNetwork: true, dnsPolicy: 'ClusterFirstWithHostNet' }).config, cluster);
  assert.deepEqual(dns({ dnsPolicy: 'Default' }).config, node);
  assert.deepEqual(dns({ dnsPolicy: 'None' }).config, { servers: [], searches: [], options: [] });
});

test('what a pod adds comes after the policy’s, and its options count more', () => {
  const dnsConfig = {
    nameservers: ['10.244.1.1', '192.0.2.99'],
    searches: ['my.example', 'cluster.local'],
    options: [{ name: 'ndots', value: '2' }, { name: 'edns0' }],
  };
  const { config, warnings } = dns({ dnsConfig });
  assert.deepEqual(config.servers, ['10.244.1.1', 'fd00::1', '192.0.2.99']);
  assert.deepEqual(config.searches, [...CLUSTER, 'my.example']);
  assert.deepEqual(config.options, ['ndots:2', 'edns0']);
  assert.deepEqual(warnings, []);
});

test('more servers and searches than resolvers take are left out, and that is said', () => {
  const searches = Array.from({ length: 40 }, (_, i) => `d${i}.example`);
  const many = dns({ dnsPolicy: 'None', dnsConfig: { nameservers: ['::1', '::2', '::3', '::4'], searches } });
  assert.deepEqual(many.config.servers, ['::1', '::2', '::3']);
  assert.equal(many.config.searches.length, 32);
  assert.match(many.warnings[0] ?? '', /^Nameserver limits were exceeded.* line is: ::1 ::2 ::3$/);
  assert.match(many.warnings[1] ?? '', /^Search Line limits were exceeded/);
  const long = dns({ dnsPolicy: 'None', dnsConfig: { searches: ['a', 'b', 'c'].map((l) => l.repeat(1000)) } });
  assert.equal(long.config.searches.length, 2);
});

test('a resolv.conf is read with its comments, and the last search counts', () => {
  const text =
    '# made by hand\nnameserver 192.0.2.1\n;x\nsearch a.example\nsearch b.example c.example\noptions ndots:2\n';
  assert.deepEqual(parseResolvConf(text), {
    servers: ['192.0.2.1'],
    searches: ['b.example', 'c.example'],
    options: ['ndots:2'],
  });
});

test('a DNS server that only the node itself can reach is not a pod’s', () => {
  const conf = (...servers: string[]) => ({ servers, searches: ['example.com'], options: [] });
  const servers = (...args: Parameters<typeof nodeDNS>) => nodeDNS(...args).servers;
  assert.deepEqual(servers(conf('192.0.2.1', '127.0.0.53'), conf('192.0.2.9'), ['10.244.1.1']), ['192.0.2.1']);
  assert.deepEqual(servers(conf('127.0.0.53'), conf('192.0.2.9'), ['10.244.1.1']), ['192.0.2.9']);
  assert.deepEqual(servers(conf('::1'), conf(), ['10.244.1.1']), ['10.244.1.1']);
  assert.deepEqual(nodeDNS(conf(), conf(), ['10.244.1.1']), conf('10.244.1.1'));
});

test('a pod is called by its hostname, else by as much of its name as fits into a label', () => {
  const names = (spec: PodSpec, name = 'web') => podNames(pod(spec, { name }), 'cluster.local');
  assert.deepEqual(names({}), { hostname: 'web', domain: undefined });
  assert.equal(names({}, `${'a'.repeat(62)}.${'b'.repeat(20)}`).hostname, 'a'.repeat(62));
  assert.deepEqual(names({ hostname: 'db-0', subdomain: 'db' }), {
    hostname: 'db-0',
    domain: 'db.shop.svc.cluster.local',
  });
});

test('a pod that wants its full name as hostname gets it where the kernel takes it', () => {
  const spec = { hostname: 'db-0', subdomain: 'db', setHostnameAsFQDN: true };
  assert.equal(kernelHostname(pod(spec), 'cluster.local'), 'db-0.db.shop.svc.cluster.local');
  const long = kernelHostname(pod({ ...spec, subdomain: 'd'.repeat(50) }), 'cluster.local');
  assert.ok(isProblem(long));
  assert.match(long.message, /is too long \(64 characters is the max, 78 characters requested\)$/);
});

test('the hosts file has the pod’s addresses of both families, and its aliases', () => {
  const spec = {
    hostname: 'db-0',
    subdomain: 'db',
    hostAliases: [{ ip: '192.0.2.7', hostnames: ['foo', 'foo.example'] }],
  };
  const inputs = { podIPs: ['10.244.1.7', 'fd00::7'], clusterDomain: 'cluster.local', nodeHosts: '127.0.0.1 n1\n' };
  const lines = hostsFile({ pod: pod(spec), ...inputs }).split('\n');
  assert.equal(lines[0], '# Kubernetes-managed hosts file.');
  assert.ok(lines.includes('127.0.0.1\tlocalhost'));
  assert.ok(lines.includes('10.244.1.7\tdb-0.db.shop.svc.cluster.local\tdb-0'));
  assert.ok(lines.includes('fd00::7\tdb-0.db.shop.svc.cluster.local\tdb-0'));
  assert.deepEqual(lines.slice(-3), ['# Entries added by HostAliases.', '192.0.2.7\tfoo\tfoo.example', '']);
  const own = hostsFile({ pod: pod({ ...spec, hostNetwork: true }), ...inputs });
  assert.equal(
    own,
    '# Kubernetes-managed hosts file (host network).\n127.0.0.1 n1\n\n' +
      '# Entries added by HostAliases.\n192.0.2.7\tfoo\tfoo.example\n',
  );
});
