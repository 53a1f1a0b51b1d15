import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { tempDir } from '../../test/support/temp-dir.ts';
import { etcdEndpoints, memberArgv } from './etcd.ts';
import { etcdCertificates } from './etcd-certificates.ts';
import { topologyOf } from './topology.ts';

const { servers } = topologyOf({ nodes: 1, servers: 3, ipFamilies: ['IPv6', 'IPv4'] });
const [first, second] = servers;
assert.ok(first && second);

test('a server asks the member beside it first', () => {
  assert.deepEqual(etcdEndpoints(servers, second), [
    'https://[fd00:77::4]:2379',
    'https://[fd00:77::3]:2379',
    'https://[fd00:77::5]:2379',
  ]);
});

test('a member listens at its own address, and lets in only who has a certificate', () => {
  const pair = { certificate: 'c', key: 'k' };
  const argv = memberArgv({ server: first, servers, dataDir: 'd', files: { ca: 'ca', member: pair, client: pair } });
  assert.ok(argv.includes('--listen-peer-urls=https://[fd00:77::3]:2380'));
  assert.ok(argv.some((word) => word.startsWith('--initial-cluster=server1=') && word.includes('server3=')));
  for (const word of ['--client-cert-auth', '--peer-client-cert-auth', '--trusted-ca-file=ca']) {
    assert.ok(argv.includes(word), word);
  }
});

test('certificates are made once, for the addresses of all members, and their keys are nobody else’s to read', async (t) => {
  const dir = join(tempDir(t), 'tls');
  const files = await etcdCertificates(dir, ['192.168.77.3', 'fd00:77::3']);
  const member = new X509Certificate(readFileSync(files.member.certificate));
  assert.ok(member.checkIP('fd00:77::3') && member.checkIP('192.168.77.3') && member.checkIP('127.0.0.1'));
  assert.ok(member.verify(new X509Certificate(readFileSync(files.ca)).publicKey));
  assert.equal(statSync(files.client.key).mode & 0o777, 0o600);
  assert.deepEqual(await etcdCertificates(dir, []), files);
  assert.equal(new X509Certificate(readFileSync(files.member.certificate)).serialNumber, member.serialNumber);
});
