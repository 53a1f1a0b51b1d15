/** The certificates with which etcd is spoken to, looked at before they are used. */
import { X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';

/** How connections are secured; PEM. */
export interface Security {
  /** The authority that the members' certificates are from; default: those that the system trusts. */
  readonly ca?: string | Buffer;
  /** The client's own certificate, for members that ask for one, and its key. */
  readonly certificate?: string | Buffer;
  readonly key?: string | Buffer;
}

/** Whether both are the same text. */
export function isSameSecurity(a: Security, b: Security): boolean {
  return (['ca', 'certificate', 'key'] as const).every((part) => String(a[part] ?? '') === String(b[part] ?? ''));
}

/**
 * Throws for what is no certificate or key, or no pair. gRPC would find out with the first connection, and say so as if etcd
 * could not be reached.
 */
export function checkPEM({ ca, certificate, key }: Security): void {
  if (ca !== undefined) new X509Certificate(ca);
  if (certificate !== undefined && key !== undefined) createSecureContext({ cert: certificate, key });
}

/** Throws for a certificate that is of no use now. etcd would close the connection without a word. */
export function checkTime({ certificate }: Security): void {
  if (certificate === undefined) return;
  const { validFrom, validTo } = new X509Certificate(certificate);
  const now = Date.now();
  if (now > Date.parse(validTo)) throw new Error(`the certificate to show to etcd ended at ${validTo}; renew it`);
  if (now < Date.parse(validFrom)) {
    throw new Error(`the certificate to show to etcd begins at ${validFrom}; is the clock right?`);
  }
}
