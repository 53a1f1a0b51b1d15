/** Whether a request for a certificate, PKCS #10 of RFC 2986, is signed by the key that it is for: so whoever asks has that key. */
import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import { DERError, type DERValue, readAll, readBits, readDER, readOID, TAG } from '../../lib/der.ts';
import { messageOf } from '../../lib/errors.ts';

/** A request that is not to be signed: the message says why. */
export class RequestError extends Error {
  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'RequestError';
  }
}

/** How it may be signed: by a key of which kind, with which digest. RFC 5758, RFC 4055, RFC 8410. */
const ALGORITHMS: ReadonlyMap<string, { readonly type: string; readonly digest: string | null }> = new Map([
  ['1.2.840.10045.4.3.2', { type: 'ec', digest: 'sha256' }],
  ['1.2.840.10045.4.3.3', { type: 'ec', digest: 'sha384' }],
  ['1.2.840.10045.4.3.4', { type: 'ec', digest: 'sha512' }],
  ['1.2.840.113549.1.1.11', { type: 'rsa', digest: 'sha256' }],
  ['1.2.840.113549.1.1.12', { type: 'rsa', digest: 'sha384' }],
  ['1.2.840.113549.1.1.13', { type: 'rsa', digest: 'sha512' }],
  ['1.3.101.112', { type: 'ed25519', digest: null }],
]);

/** The key of a request in DER. Throws {@link RequestError}. */
export function provenKey(der: Uint8Array): KeyObject {
  let isSigned: boolean;
  let key: KeyObject;
  try {
    const [info = MISSING, algorithm = MISSING, signature = MISSING] = readAll(readDER(der), TAG.sequence);
    const [, , publicKey = MISSING] = readAll(info, TAG.sequence);
    key = createPublicKey({ key: Buffer.from(publicKey.bytes), format: 'der', type: 'spki' });
    isSigned = verify(digestFor(algorithm, key), info.bytes, key, readBits(signature));
  } catch (cause) {
    if (cause instanceof RequestError) throw cause;
    throw new RequestError(`the signature of the request cannot be checked: ${messageOf(cause)}`, { cause });
  }
  if (!isSigned) throw new RequestError('the request is not signed by the key that it is for');
  return key;
}

/** Stands for what is not there: whoever reads it is told so. */
const MISSING: DERValue = { tag: 0, content: new Uint8Array(), bytes: new Uint8Array() };

function digestFor(algorithm: DERValue, key: KeyObject): string | null {
  const [oid = MISSING] = readAll(algorithm, TAG.sequence);
  const name = readOID(oid);
  const found = ALGORITHMS.get(name);
  if (found === undefined) {
    throw new DERError(
      `it is made by ${name}; allowed are ECDSA and RSA with SHA-256, SHA-384 or SHA-512, and Ed25519`,
    );
  }
  if (found.type !== key.asymmetricKeyType) {
    throw new DERError(`it is one of a key of type ${found.type}, and the key is of type ${key.asymmetricKeyType}`);
  }
  return found.digest;
}
