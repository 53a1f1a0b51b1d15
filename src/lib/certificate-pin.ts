/** What a certificate is known by to those who have nothing but a word: the digest of its public key. */
import { createHash, X509Certificate } from 'node:crypto';

/** SHA-256 of the SubjectPublicKeyInfo of a certificate in PEM, base64url: 43 letters. What kubeadm calls `ca-cert-hash`. */
export function certificatePin(certificate: string): string {
  const spki = new X509Certificate(certificate).publicKey.export({ type: 'spki', format: 'der' });
  return createHash('sha256').update(spki).digest('base64url');
}
