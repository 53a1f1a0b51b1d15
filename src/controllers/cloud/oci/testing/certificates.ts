/** Certificates of the test cloud: of its HTTPS server, and those that instances prove themselves with. */
import { webcrypto } from 'node:crypto';
import type { Extension, X509Certificate } from '@peculiar/x509';
import { x509 } from '../../../../host/x509.ts';

/** Both in PEM. */
export interface Certified {
  readonly certificate: string;
  readonly key: string;
}

/** One who signs for others. */
export interface Authority extends Certified {
  readonly signs: {
    readonly certificate: X509Certificate;
    readonly key: webcrypto.CryptoKey;
    readonly algorithm: Algorithm;
  };
}

type Algorithm = typeof ECDSA | typeof RSA;

/** Quick to make. */
export const ECDSA = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
/** What OCI signs and checks requests with. */
export const RSA = {
  name: 'RSASSA-PKCS1-v1_5',
  hash: 'SHA-256',
  publicExponent: new Uint8Array([1, 0, 1]),
  modulusLength: 2048,
};

export async function makeAuthority(name: string, algorithm: Algorithm = ECDSA): Promise<Authority> {
  const { BasicConstraintsExtension, X509CertificateGenerator } = await x509();
  const keys = await generateKeys(algorithm);
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name,
    keys,
    signingAlgorithm: algorithm,
    extensions: [new BasicConstraintsExtension(true, 0, true)],
  });
  return { ...(await printed(certificate, keys)), signs: { certificate, key: keys.privateKey, algorithm } };
}

export async function issue(
  { signs }: Authority,
  {
    subject,
    algorithm = ECDSA,
    host,
  }: { readonly subject: string; readonly algorithm?: Algorithm; readonly host?: string },
): Promise<Certified> {
  const { SubjectAlternativeNameExtension, X509CertificateGenerator } = await x509();
  const keys = await generateKeys(algorithm);
  const extensions: Extension[] =
    host === undefined ? [] : [new SubjectAlternativeNameExtension([{ type: 'ip', value: host }])];
  const certificate = await X509CertificateGenerator.create({
    subject,
    issuer: signs.certificate.subjectName,
    publicKey: keys.publicKey,
    signingKey: signs.key,
    signingAlgorithm: signs.algorithm,
    extensions,
  });
  return printed(certificate, keys);
}

async function generateKeys(algorithm: Algorithm): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
}

async function printed(certificate: X509Certificate, keys: webcrypto.CryptoKeyPair): Promise<Certified> {
  const { PemConverter } = await x509();
  const key = PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey), 'PRIVATE KEY');
  return { certificate: `${certificate.toString('pem')}\n`, key };
}
