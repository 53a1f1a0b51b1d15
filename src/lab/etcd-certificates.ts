/** Certificates for the members of a lab's etcd, and for the servers that are its clients. */
import type { webcrypto } from 'node:crypto';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { x509 } from '../host/x509.ts';

/** PEM files. */
export interface EtcdCertificates {
  readonly ca: string;
  /** Of every member, towards clients and other members alike. */
  readonly member: KeyFiles;
  readonly client: KeyFiles;
}

interface KeyFiles {
  readonly certificate: string;
  readonly key: string;
}

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const DAY = 24 * 60 * 60 * 1000;
/** A lab is not kept for longer. */
const DAYS = 365;

/** Where they are in `dir`; made when they are not there. `hosts` are the addresses of all members. */
export async function etcdCertificates(dir: string, hosts: readonly string[]): Promise<EtcdCertificates> {
  const path = (name: string) => join(dir, name);
  const files: EtcdCertificates = {
    ca: path('ca.pem'),
    member: { certificate: path('member.pem'), key: path('member-key.pem') },
    client: { certificate: path('client.pem'), key: path('client-key.pem') },
  };
  // Written last.
  if (existsSync(files.client.key)) return files;
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const authority = await makeAuthority();
  write(files.ca, authority.certificate);
  for (const [name, pair] of [
    ['member', files.member],
    ['client', files.client],
  ] as const) {
    const { certificate, key } = await authority.issue(name, hosts);
    write(pair.certificate, certificate);
    write(pair.key, key);
  }
  return files;
}

interface Pair {
  readonly certificate: string;
  readonly key: string;
}

interface Authority {
  readonly certificate: string;
  issue(name: string, hosts: readonly string[]): Promise<Pair>;
}

async function makeAuthority(): Promise<Authority> {
  const lib = await x509();
  const now = Date.now();
  const dates = { notBefore: new Date(now - DAY), notAfter: new Date(now + DAYS * DAY) };
  const keys = await generateKeys();
  const own = await lib.X509CertificateGenerator.createSelfSigned({
    ...dates,
    name: 'CN=lab-etcd',
    keys,
    signingAlgorithm: ALGORITHM,
    extensions: [new lib.BasicConstraintsExtension(true, 0, true)],
  });
  return {
    certificate: own.toString('pem'),
    async issue(name, hosts) {
      const { privateKey, publicKey } = await generateKeys();
      // Without an extended key usage: members show it as servers, and to each other as clients.
      const certificate = await lib.X509CertificateGenerator.create({
        ...dates,
        subject: `CN=${name}`,
        issuer: own.subject,
        signingKey: keys.privateKey,
        publicKey,
        signingAlgorithm: ALGORITHM,
        extensions: [
          new lib.SubjectAlternativeNameExtension(['127.0.0.1', ...hosts].map((value) => ({ type: 'ip', value }))),
        ],
      });
      return { certificate: certificate.toString('pem'), key: await printKey(privateKey) };
    },
  };
}

function generateKeys(): Promise<webcrypto.CryptoKeyPair> {
  return crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
}

async function printKey(key: webcrypto.CryptoKey): Promise<string> {
  const der = Buffer.from(await crypto.subtle.exportKey('pkcs8', key)).toString('base64');
  return `-----BEGIN PRIVATE KEY-----\n${der.replace(/.{64}(?=.)/g, '$&\n')}\n-----END PRIVATE KEY-----\n`;
}

function write(path: string, text: string): void {
  writeFileSync(path, text, { mode: 0o600 });
}
