/** Making a key, and asking for a certificate for it: PKCS #10, RFC 2986. Light enough for every agent. */
import { generateKeyPair, sign } from 'node:crypto';
import { promisify } from 'node:util';
import { TAG } from '../lib/der.ts';
import { writeBits, writeDER, writeOID, writeUTF8 } from '../lib/der-write.ts';
import { printPEM } from '../lib/pem.ts';

const COMMON_NAME = '2.5.4.3';
const ORGANIZATION = '2.5.4.10';
const ECDSA_WITH_SHA256 = '1.2.840.10045.4.3.2';

export interface KeyAndRequest {
  /** PEM, PKCS #8: P-256. */
  readonly key: string;
  /** PEM. */
  readonly request: string;
}

/** A new key, and a request for a certificate that proves to be this user. */
export async function makeCertificateRequest(subject: {
  readonly commonName: string;
  readonly organizations: readonly string[];
}): Promise<KeyAndRequest> {
  const { publicKey, privateKey } = await promisify(generateKeyPair)('ec', { namedCurve: 'P-256' });
  const names = [
    ...subject.organizations.map((name) => namePart(ORGANIZATION, name)),
    namePart(COMMON_NAME, subject.commonName),
  ];
  const info = writeDER(
    TAG.sequence,
    writeDER(TAG.integer, Uint8Array.of(0)),
    writeDER(TAG.sequence, ...names),
    publicKey.export({ type: 'spki', format: 'der' }),
    writeDER(0xa0),
  );
  const signature = sign('sha256', info, privateKey);
  const algorithm = writeDER(TAG.sequence, writeOID(ECDSA_WITH_SHA256));
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    request: printPEM('CERTIFICATE REQUEST', writeDER(TAG.sequence, info, algorithm, writeBits(signature))),
  };
}

function namePart(type: string, text: string): Uint8Array {
  return writeDER(TAG.set, writeDER(TAG.sequence, writeOID(type), writeUTF8(text)));
}
