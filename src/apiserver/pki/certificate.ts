/** Making and reading certificates: ECDSA P-256 keys, PEM texts, times in milliseconds since 1970. */
import { generateKeyPair, type KeyObject, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { promisify } from 'node:util';
import { provenKey } from './proven-key.ts';
import { readIssuer, selfSigned, signed } from './x509.ts';

/** A certificate and its private key (PKCS #8), both PEM. */
export interface KeyPair {
  readonly certificate: string;
  readonly key: string;
}

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
  const { publicKey, privateKey } = await generateKeys();
  const certificate = selfSigned(
    {
      ...{ commonName, organizations: [], publicKey, usage: { kind: 'authority' } },
      notBefore: now - BACKDATE,
      notAfter: now + CA_DAYS * DAY,
    },
    privateKey,
  );
  return { certificate, key: printKey(privateKey) };
}

/** A certificate for `purpose`, signed by the authority. */
export async function issue(authority: KeyPair, purpose: Purpose, now: number): Promise<KeyPair> {
  const { publicKey, privateKey } = await generateKeys();
  const certificate = signed(
    {
      commonName: purpose.commonName,
      organizations: purpose.kind === 'client' ? purpose.organizations : [],
      ...{ publicKey, usage: purpose },
      notBefore: now - BACKDATE,
      notAfter: Math.min(now + LEAF_DAYS * DAY, endOf(authority)),
    },
    readIssuer(authority.certificate, authority.key),
  );
  return { certificate, key: printKey(privateKey) };
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

/** A client's certificate for the key of a request; PEM. Throws {@link RequestError} for one that its key has not signed. */
export function signRequest(authority: KeyPair, wanted: RequestedCertificate, now: number): string {
  const { commonName, organizations, lifetime } = wanted;
  return signed(
    {
      ...{ commonName, organizations, publicKey: provenKey(wanted.der), usage: { kind: 'client' } },
      notBefore: now - Math.min(REQUEST_BACKDATE, lifetime / 10),
      notAfter: Math.min(now + lifetime, endOf(authority)),
    },
    readIssuer(authority.certificate, authority.key),
  );
}

/** Milliseconds. Nothing that it signs is good for longer. */
function endOf(authority: KeyPair): number {
  return new X509Certificate(authority.certificate).validToDate.getTime();
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

const generateKeys = () => promisify(generateKeyPair)('ec', { namedCurve: 'P-256' });

function printKey(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString();
}
