/** Making and reading certificates: ECDSA P-256 keys, PEM texts, times in milliseconds since 1970. */
import { type webcrypto, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { x509 } from '../../host/x509.ts';
import { messageOf } from '../../lib/errors.ts';

/** A certificate and its private key (PKCS #8), both PEM. */
export interface KeyPair {
  readonly certificate: string;
  readonly key: string;
}

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const DAY = 24 * 60 * 60 * 1000;
/** Certificates begin a little in the past, for clients whose clock is behind. */
const BACKDATE = 60 * 60 * 1000;
const CA_DAYS = 3650;
/** Of certificates that are asked for: those that live for minutes are not to be old when they are made. */
const REQUEST_BACKDATE = 5 * 60 * 1000;
const LEAF_DAYS = 365;

/** What a certificate proves, and to whom. */
export type Purpose =
  | { readonly kind: 'server'; readonly commonName: string; readonly hosts: readonly string[] }
  | { readonly kind: 'client'; readonly commonName: string; readonly organizations: readonly string[] };

/** A new certificate authority. */
export async function makeAuthority(commonName: string, now: number): Promise<KeyPair> {
  const lib = await x509();
  const keys = await generateKeys();
  const certificate = await lib.X509CertificateGenerator.createSelfSigned({
    name: [{ CN: [commonName] }],
    keys,
    notBefore: new Date(now - BACKDATE),
    notAfter: new Date(now + CA_DAYS * DAY),
    signingAlgorithm: ALGORITHM,
    extensions: [
      new lib.BasicConstraintsExtension(true, 0, true),
      new lib.KeyUsagesExtension(lib.KeyUsageFlags.keyCertSign | lib.KeyUsageFlags.cRLSign, true),
      await lib.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certificate: `${certificate.toString('pem').trimEnd()}\n`, key: await printKey(keys.privateKey) };
}

/** A certificate for `purpose`, signed by the authority. */
export async function issue(authority: KeyPair, purpose: Purpose, now: number): Promise<KeyPair> {
  const lib = await x509();
  const keys = await generateKeys();
  const issuer = new lib.X509Certificate(authority.certificate);
  const usage = purpose.kind === 'server' ? lib.ExtendedKeyUsage.serverAuth : lib.ExtendedKeyUsage.clientAuth;
  const organizations = purpose.kind === 'client' ? purpose.organizations : [];
  const certificate = await lib.X509CertificateGenerator.create({
    subject: [...organizations.map((name) => ({ O: [name] })), { CN: [purpose.commonName] }],
    issuer: issuer.subjectName,
    publicKey: keys.publicKey,
    signingKey: await readKey(authority.key),
    notBefore: new Date(now - BACKDATE),
    notAfter: new Date(Math.min(now + LEAF_DAYS * DAY, issuer.notAfter.getTime())),
    signingAlgorithm: ALGORITHM,
    extensions: [
      new lib.BasicConstraintsExtension(false, undefined, true),
      new lib.KeyUsagesExtension(lib.KeyUsageFlags.digitalSignature, true),
      new lib.ExtendedKeyUsageExtension([usage]),
      await lib.AuthorityKeyIdentifierExtension.create(issuer.publicKey),
      ...(purpose.kind === 'server'
        ? [new lib.SubjectAlternativeNameExtension(purpose.hosts.map((value) => ({ type: nameType(value), value })))]
        : []),
    ],
  });
  return { certificate: `${certificate.toString('pem').trimEnd()}\n`, key: await printKey(keys.privateKey) };
}

/** What is signed for somebody who has the key: the subject is said by us, the key is the request's. */
export interface RequestedCertificate {
  /** The request: PKCS #10, DER. */
  readonly der: Uint8Array;
  readonly commonName: string;
  readonly organizations: readonly string[];
  /** Milliseconds. */
  readonly lifetime: number;
}

/** A request that is not to be signed: the message says why. */
export class RequestError extends Error {
  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'RequestError';
  }
}

/** A client's certificate for the key of a request; PEM. Throws {@link RequestError} for one that its key has not signed. */
export async function signRequest(authority: KeyPair, wanted: RequestedCertificate, now: number): Promise<string> {
  const lib = await x509();
  const publicKey = await provenKey(wanted.der);
  const issuer = new lib.X509Certificate(authority.certificate);
  const backdate = Math.min(REQUEST_BACKDATE, wanted.lifetime / 10);
  const certificate = await lib.X509CertificateGenerator.create({
    subject: [...wanted.organizations.map((name) => ({ O: [name] })), { CN: [wanted.commonName] }],
    issuer: issuer.subjectName,
    publicKey,
    signingKey: await readKey(authority.key),
    notBefore: new Date(now - backdate),
    notAfter: new Date(Math.min(now + wanted.lifetime, issuer.notAfter.getTime())),
    signingAlgorithm: ALGORITHM,
    extensions: [
      new lib.BasicConstraintsExtension(false, undefined, true),
      new lib.KeyUsagesExtension(lib.KeyUsageFlags.digitalSignature, true),
      new lib.ExtendedKeyUsageExtension([lib.ExtendedKeyUsage.clientAuth]),
      await lib.AuthorityKeyIdentifierExtension.create(issuer.publicKey),
    ],
  });
  return `${certificate.toString('pem').trimEnd()}\n`;
}

/** The key of a request, which has signed it: so whoever asks has it. */
async function provenKey(der: Uint8Array) {
  const lib = await x509();
  try {
    const request = new lib.Pkcs10CertificateRequest(der);
    if (await request.verify()) return request.publicKey;
  } catch (cause) {
    throw new RequestError(`the signature of the request cannot be checked: ${messageOf(cause)}`, { cause });
  }
  throw new RequestError('the request is not signed by the key that it is for');
}

/** Whether a certificate is signed by the authority and not yet in the last fifth of its life. */
export function isCurrent(
  pair: KeyPair,
  { authority, now }: { readonly authority: KeyPair; readonly now: number },
): boolean {
  const certificate = new X509Certificate(pair.certificate);
  const end = certificate.validToDate.getTime();
  const renewFrom = end - (end - certificate.validFromDate.getTime()) / 5;
  return now < renewFrom && certificate.checkIssued(new X509Certificate(authority.certificate));
}

/** Whether a certificate is good for all these hosts. */
export function servesHosts(pair: KeyPair, hosts: readonly string[]): boolean {
  const certificate = new X509Certificate(pair.certificate);
  return hosts.every((host) => matches(certificate, host));
}

function matches(certificate: X509Certificate, host: string): boolean {
  const found = isIP(host) === 0 ? certificate.checkHost(host) : certificate.checkIP(host);
  return found !== undefined;
}

function nameType(host: string): 'ip' | 'dns' {
  return isIP(host) === 0 ? 'dns' : 'ip';
}

function generateKeys(): Promise<webcrypto.CryptoKeyPair> {
  return crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
}

async function printKey(key: webcrypto.CryptoKey): Promise<string> {
  const der = Buffer.from(await crypto.subtle.exportKey('pkcs8', key)).toString('base64');
  return `-----BEGIN PRIVATE KEY-----\n${der.replace(/.{64}(?=.)/g, '$&\n')}\n-----END PRIVATE KEY-----\n`;
}

function readKey(pem: string): Promise<webcrypto.CryptoKey> {
  const der = Buffer.from(pem.replace(/-----[^-]+-----|\s/g, ''), 'base64');
  return crypto.subtle.importKey('pkcs8', der, ALGORITHM, false, ['sign']);
}
