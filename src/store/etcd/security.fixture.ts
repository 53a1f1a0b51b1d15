/** What an etcd that lets in few needs: certificates, users and roles. */
import type { webcrypto } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client, credentials, loadPackageDefinition, type ServiceClientConstructor } from '@grpc/grpc-js';
import { load } from '@grpc/proto-loader';
import { x509 } from '../../host/x509.ts';

export interface Pair {
  readonly certificate: string;
  readonly key: string;
}

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

/** An authority, and what it signs. */
export interface Authority extends Pair {
  /** `until`: wall-clock milliseconds; default: an hour from now. */
  issue(name: string, until?: number): Promise<Pair>;
}

export async function makeAuthority(): Promise<Authority> {
  const { X509CertificateGenerator, BasicConstraintsExtension, SubjectAlternativeNameExtension } = await x509();
  const pem = async (key: webcrypto.CryptoKey): Promise<string> => {
    const bytes = Buffer.from(await crypto.subtle.exportKey('pkcs8', key)).toString('base64');
    return `-----BEGIN PRIVATE KEY-----\n${bytes.replace(/(.{64})/g, '$1\n').trim()}\n-----END PRIVATE KEY-----\n`;
  };
  const dates = { notBefore: new Date(Date.now() - 60_000), notAfter: new Date(Date.now() + 3_600_000) };
  const keys = await crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const own = await X509CertificateGenerator.createSelfSigned({
    ...dates,
    name: 'CN=authority',
    keys,
    signingAlgorithm: ALGORITHM,
    extensions: [new BasicConstraintsExtension(true, undefined, true)],
  });
  return {
    certificate: own.toString('pem'),
    key: await pem(keys.privateKey),
    issue: async (name, until = dates.notAfter.getTime()) => {
      const ownKeys = await crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
      const certificate = await X509CertificateGenerator.create({
        notBefore: new Date(Math.min(dates.notBefore.getTime(), until - 60_000)),
        notAfter: new Date(until),
        subject: `CN=${name}`,
        issuer: own.subject,
        signingKey: keys.privateKey,
        publicKey: ownKeys.publicKey,
        signingAlgorithm: ALGORITHM,
        extensions: [new SubjectAlternativeNameExtension([{ type: 'ip', value: '127.0.0.1' }])],
      });
      return { certificate: certificate.toString('pem'), key: await pem(ownKeys.privateKey) };
    },
  };
}

/** Arguments of an etcd that speaks TLS with clients that have certificates of the authority. */
export async function tlsArguments(dir: string, authority: Authority): Promise<string[]> {
  const { certificate, key } = await authority.issue('etcd');
  const files = { 'ca.pem': authority.certificate, 'cert.pem': certificate, 'key.pem': key };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, name), text, { mode: 0o600 });
  return [
    `--cert-file=${join(dir, 'cert.pem')}`,
    `--key-file=${join(dir, 'key.pem')}`,
    `--trusted-ca-file=${join(dir, 'ca.pem')}`,
    '--client-cert-auth',
  ];
}

/** Switches authentication on: `root` may do everything, `postern` what is under `/postern`; the passwords are `secret`. */
export async function enableAuthentication(endpoint: string): Promise<void> {
  const definitions = await load(join(import.meta.dirname, 'proto', 'admin.fixture.proto'), { enums: String });
  const { etcdserverpb } = loadPackageDefinition(definitions) as unknown as {
    etcdserverpb: { Auth: ServiceClientConstructor };
  };
  const client = new etcdserverpb.Auth(new URL(endpoint).host, credentials.createInsecure());
  const call = (method: string, request: object): Promise<void> =>
    new Promise((resolve, reject) => {
      const deadline = Date.now() + 5000;
      // Waits until the server listens.
      Client.prototype.waitForReady.call(client, deadline, (late) => {
        if (late) reject(late);
        else client[method]?.(request, (error: Error | null) => (error === null ? resolve() : reject(error)));
      });
    });
  try {
    for (const name of ['root', 'postern']) {
      await call('RoleAdd', { name });
      await call('UserAdd', { name, password: 'secret' });
      await call('UserGrantRole', { user: name, role: name });
    }
    const perm = { permType: 'READWRITE', key: Buffer.from('/postern'), rangeEnd: Buffer.from('/posterno') };
    await call('RoleGrantPermission', { name: 'postern', perm });
    await call('AuthEnable', {});
  } finally {
    client.close();
  }
}
