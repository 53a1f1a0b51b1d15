import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { FakeClock } from '../../host/clock.ts';
import { openPki } from './pki.ts';

const DAY = 24 * 60 * 60 * 1000;
let dir: string;
before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'postern-pki-'));
});
after(() => rm(dir, { recursive: true }));

test('makes an authority and a serving certificate once, in files only the owner can read', async () => {
  const first = await openPki(dir, { hosts: ['192.0.2.7', 'api.example'] });
  const second = await openPki(dir, { hosts: ['192.0.2.7', 'api.example'] });
  assert.equal(second.caCertificate, first.caCertificate);
  assert.equal(second.serving.key, first.serving.key);
  for (const name of ['ca.pem', 'server.pem']) assert.equal((await stat(join(dir, name))).mode & 0o777, 0o600);
  const certificate = new X509Certificate(first.serving.certificate);
  for (const host of ['localhost', 'api.example']) assert.equal(certificate.checkHost(host), host);
  for (const ip of ['127.0.0.1', '::1', '192.0.2.7']) assert.equal(certificate.checkIP(ip), ip);
  assert.equal(certificate.checkHost('other.example'), undefined);
});

test('keeps the authority and renews the serving certificate when the hosts change or its end is near', async () => {
  const clock = new FakeClock(Date.now());
  const first = await openPki(dir, { hosts: ['a.example'], clock });
  const moved = await openPki(dir, { hosts: ['b.example'], clock });
  assert.equal(moved.caCertificate, first.caCertificate);
  assert.notEqual(moved.serving.certificate, first.serving.certificate);
  await clock.advance(200 * DAY);
  assert.equal((await openPki(dir, { hosts: ['b.example'], clock })).serving.certificate, moved.serving.certificate);
  await clock.advance(150 * DAY);
  assert.notEqual((await openPki(dir, { hosts: ['b.example'], clock })).serving.certificate, moved.serving.certificate);
});

test('issues client certificates that name the user and the groups, signed by the authority', async () => {
  const pki = await openPki(dir, { hosts: [] });
  const { certificate, key } = await pki.issueClientCertificate({
    commonName: 'system:node:n1',
    organizations: ['system:nodes', 'more'],
  });
  const parsed = new X509Certificate(certificate);
  assert.equal(parsed.subject, 'O=system:nodes\nO=more\nCN=system:node:n1');
  assert.ok(parsed.verify(new X509Certificate(pki.caCertificate).publicKey));
  assert.match(key, /^-----BEGIN PRIVATE KEY-----\n/);
});

test('keeps client certificates when asked to, one for each subject, until their end is near', async () => {
  const clock = new FakeClock(Date.now());
  const admin = { commonName: 'admin', organizations: ['system:masters'] };
  const first = await (await openPki(dir, { hosts: [], clock })).keptClientCertificate(admin);
  const again = await openPki(dir, { hosts: [], clock });
  assert.deepEqual(await again.keptClientCertificate(admin), first);
  assert.notDeepEqual(await again.keptClientCertificate({ ...admin, organizations: [] }), first);
  await clock.advance(350 * DAY);
  assert.notDeepEqual(await again.keptClientCertificate(admin), first);
});

test('says what to do about a file that is not a certificate', async () => {
  const path = join(dir, 'ca.pem');
  const kept = await readFile(path);
  await writeFile(path, 'nonsense');
  await assert.rejects(openPki(dir, { hosts: [] }), /ca\.pem should hold a certificate.*Restore it from a backup/);
  await writeFile(path, kept);
});
