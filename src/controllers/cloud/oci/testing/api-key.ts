/** A user's signing key, and what the cloud knows it by. */
import { createHash, generateKeyPair, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';

export interface ApiKey {
  /** PKCS #1, in PEM. */
  readonly privateKey: string;
  readonly publicKey: KeyObject;
  /** MD5 of the public half in DER, with colons. */
  readonly fingerprint: string;
}

let made: Promise<ApiKey> | undefined;

/** Making one takes a tenth of a second or more, so all servers of a process have the same. */
export function apiKey(): Promise<ApiKey> {
  made ??= makeApiKey();
  return made;
}

export async function makeApiKey(): Promise<ApiKey> {
  // 2,048 bits are the fewest that OCI takes.
  const { privateKey, publicKey } = await promisify(generateKeyPair)('rsa', { modulusLength: 2048 });
  const der = publicKey.export({ type: 'spki', format: 'der' });
  const hash = createHash('md5').update(der).digest('hex');
  return {
    privateKey: privateKey.export({ type: 'pkcs1', format: 'pem' }).toString(),
    publicKey,
    fingerprint: hash.match(/../g)?.join(':') ?? '',
  };
}
