/** A library that knows all of X.509 reads what is written here, and makes what has to be read. */
import assert from 'node:assert/strict';
import { generateKeyPairSync, type webcrypto, X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import { x509 } from '../../host/x509.ts';
import { issue, makeAuthority, signRequest } from './certificate.ts';
import { provenKey, RequestError } from './proven-key.ts';
import { type Certificate, selfSigned } from './x509.ts';

const DAY = 24 * 60 * 60 * 1000;
const now = Date.parse('2026-01-02T03:04:05Z');
const P256 = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

test('an authority signs certificates and nothing below it does', async () => {
  const lib = await x509();
  const authority = new lib.X509Certificate((await makeAuthority('ca', now)).certificate);
  assert.equal(authority.subject, 'CN=ca');
  assert.deepEqual([authority.notBefore, authority.notAfter], [new Date(now - DAY / 24), new Date(now + 3650 * DAY)]);
  const constraints = authority.getExtension(lib.BasicConstraintsExtension);
  assert.deepEqual([constraints?.ca, constraints?.pathLength, constraints?.critical], [true, 0, true]);
  const usages = authority.getExtension(lib.KeyUsagesExtension);
  assert.deepEqual(
    [usages?.usages, usages?.critical],
    [lib.KeyUsageFlags.keyCertSign | lib.KeyUsageFlags.cRLSign, true],
  );
  assert.ok(await authority.verify());
});

test('the certificate of a server is good for its names and addresses, of a client for its user and groups', async () => {
  const lib = await x509();
  const authority = await makeAuthority('ca', now);
  const hosts = ['localhost', '192.0.2.1', '2001:db8::1'];
  const server = await issue(authority, { kind: 'server', commonName: 'postern', hosts }, now);
  const client = await issue(authority, { kind: 'client', commonName: 'Jürgen', organizations: ['a', 'b'] }, now);
  const issuer = new lib.X509Certificate(authority.certificate);
  for (const [pair, usage] of [
    [server, lib.ExtendedKeyUsage.serverAuth],
    [client, lib.ExtendedKeyUsage.clientAuth],
  ] as const) {
    const certificate = new lib.X509Certificate(pair.certificate);
    assert.equal(certificate.getExtension(lib.BasicConstraintsExtension)?.ca, false);
    assert.equal(certificate.getExtension(lib.KeyUsagesExtension)?.usages, lib.KeyUsageFlags.digitalSignature);
    assert.deepEqual([...(certificate.getExtension(lib.ExtendedKeyUsageExtension)?.usages ?? [])], [usage]);
    assert.equal(
      certificate.getExtension(lib.AuthorityKeyIdentifierExtension)?.keyId,
      issuer.getExtension(lib.SubjectKeyIdentifierExtension)?.keyId,
    );
    assert.ok(await certificate.verify({ publicKey: issuer.publicKey, date: new Date(now) }));
    assert.match(certificate.serialNumber, /^[4-7][0-9a-f]{31}$/);
  }
  const names = new lib.X509Certificate(server.certificate).getExtension(lib.SubjectAlternativeNameExtension)?.names;
  assert.deepEqual(names?.toJSON(), [
    { type: 'dns', value: 'localhost' },
    { type: 'ip', value: '192.0.2.1' },
    { type: 'ip', value: '2001:db8::1' },
  ]);
  assert.equal(new X509Certificate(client.certificate).subject, 'O=a\nO=b\nCN=Jürgen');
  await assert.rejects(issue(authority, { kind: 'server', commonName: 'x', hosts: ['bücher.example'] }, now), /ASCII/);
});

test('an authority that others made signs too, and its key is named as its own certificate names it', async () => {
  const lib = await x509();
  const keys = await crypto.subtle.generateKey(P256, true, ['sign', 'verify']);
  const made = await lib.X509CertificateGenerator.createSelfSigned({
    name: 'C=DE, O=Ours, CN=Root',
    keys,
    notBefore: new Date(now),
    notAfter: new Date(now + 10 * DAY),
    signingAlgorithm: P256,
    extensions: [
      new lib.BasicConstraintsExtension(true, undefined, true),
      new lib.SubjectKeyIdentifierExtension('0102030405'),
    ],
  });
  const key = Buffer.from(await crypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64');
  const authority = {
    certificate: made.toString('pem'),
    key: `-----BEGIN PRIVATE KEY-----\n${key}\n-----END PRIVATE KEY-----\n`,
  };
  const { certificate } = await issue(authority, { kind: 'client', commonName: 'a', organizations: [] }, now);
  const parsed = new X509Certificate(certificate);
  assert.ok(parsed.checkIssued(new X509Certificate(authority.certificate)));
  assert.ok(parsed.verify(new X509Certificate(authority.certificate).publicKey));
  const read = new lib.X509Certificate(certificate);
  assert.equal(read.getExtension(lib.AuthorityKeyIdentifierExtension)?.keyId, '0102030405');
  assert.deepEqual(read.notAfter, made.notAfter, 'not longer than the authority');
});

test('times are written with two digits of the year until 2049, and with four from then on', () => {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const [notBefore, notAfter] = [Date.parse('2049-12-31T23:59:59Z'), Date.parse('2050-01-01T00:00:00Z')];
  const wanted: Certificate = {
    ...{ commonName: 'a', organizations: [], publicKey, usage: { kind: 'authority' } },
    ...{ notBefore, notAfter },
  };
  const read = new X509Certificate(selfSigned(wanted, privateKey));
  assert.deepEqual([read.validFromDate.getTime(), read.validToDate.getTime()], [notBefore, notAfter]);
  assert.deepEqual(read.raw.toString('latin1').match(/\d{12,14}Z/g), ['491231235959Z', '20500101000000Z']);
});

test('requests are signed for the key that signed them, of every common kind', async () => {
  const lib = await x509();
  const authority = await makeAuthority('ca', now);
  const rsa = { publicExponent: Uint8Array.of(1, 0, 1), modulusLength: 2048 };
  for (const algorithm of [
    P256,
    { name: 'ECDSA', namedCurve: 'P-384', hash: 'SHA-384' },
    { name: 'ECDSA', namedCurve: 'P-521', hash: 'SHA-512' },
    { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256', ...rsa },
    { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-512', ...rsa },
    { name: 'Ed25519' },
  ]) {
    const keys = (await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])) as webcrypto.CryptoKeyPair;
    const request = await lib.Pkcs10CertificateRequestGenerator.create({
      name: 'CN=asked',
      keys,
      signingAlgorithm: algorithm,
    });
    const der = new Uint8Array(request.rawData);
    const wanted = { der, commonName: 'told', organizations: ['us'], lifetime: DAY };
    const certificate = new lib.X509Certificate(signRequest(authority, wanted, now));
    assert.equal(certificate.subject, 'O=us, CN=told', algorithm.name);
    assert.deepEqual(Buffer.from(certificate.publicKey.rawData), Buffer.from(request.publicKey.rawData));
    const changed = der.slice();
    const at = Buffer.from(der).indexOf('asked');
    changed[at] = 0x41;
    assert.throws(
      () => signRequest(authority, { ...wanted, der: changed }, now),
      (error) => error instanceof RequestError && /not signed by the key/.test(error.message),
    );
  }
});

test('a request that cannot be checked is refused with what is wrong with it', async () => {
  const lib = await x509();
  const sha1 = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-1' };
  const keys = await crypto.subtle.generateKey(sha1, true, ['sign', 'verify']);
  const { rawData } = await lib.Pkcs10CertificateRequestGenerator.create({
    name: 'CN=a',
    keys,
    signingAlgorithm: sha1,
  });
  const refused = (der: Uint8Array, why: RegExp) =>
    assert.throws(
      () => provenKey(der),
      (error) => error instanceof RequestError && why.test(error.message),
    );
  refused(new Uint8Array(rawData), /made by 1\.2\.840\.10045\.4\.1; allowed are ECDSA and RSA with SHA-256/);
  refused(new Uint8Array(rawData).subarray(0, 40), /cannot be checked: it is cut off/);
  refused(new Uint8Array(), /cannot be checked/);
  refused(Uint8Array.of(0x30, 0), /cannot be checked/);
});
