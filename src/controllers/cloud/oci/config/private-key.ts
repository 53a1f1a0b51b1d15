/** API signing keys. https://docs.oracle.com/en-us/iaas/Content/API/Concepts/apisigningkey.htm */
import { createHash, createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { Secret } from './secret.ts';

/** Bits, as OCI asks for. */
const LEAST_BITS = 2048;

export type KeyReading =
  | { readonly kind: 'key'; readonly privateKey: Secret; readonly fingerprint: string }
  | { readonly kind: 'mistake'; readonly of: 'key' | 'passphrase'; readonly why: string };

/** Reads a PEM, whose key is then one that the SDK surely can read: PKCS #1, and no longer encrypted. */
export function readPrivateKey(pem: Secret, passphrase: Secret | undefined): KeyReading {
  let key: KeyObject;
  try {
    const format = { key: pem.reveal(), format: 'pem' as const };
    key = createPrivateKey(passphrase === undefined ? format : { ...format, passphrase: passphrase.reveal() });
  } catch (error) {
    return mistakeOf(error, passphrase !== undefined);
  }
  const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
  if (key.asymmetricKeyType !== 'rsa' || bits < LEAST_BITS) {
    const found = `${key.asymmetricKeyType} key${bits > 0 ? ` of ${bits} bits` : ''}`;
    return { kind: 'mistake', of: 'key', why: `is an ${found}; OCI takes RSA keys of ${LEAST_BITS} bits or more` };
  }
  const privateKey = new Secret(key.export({ type: 'pkcs1', format: 'pem' }).toString());
  return { kind: 'key', privateKey, fingerprint: fingerprintOf(key) };
}

/** What OCI knows a key by: the MD5 of its public half, in DER. */
function fingerprintOf(key: KeyObject): string {
  const der = createPublicKey(key).export({ type: 'spki', format: 'der' });
  const hex = createHash('md5').update(der).digest('hex');
  return hex.match(/../g)?.join(':') ?? hex;
}

/** OpenSSL's own words are left out: they help nobody, and nothing is known of what they hold. */
function mistakeOf(error: unknown, hasPassphrase: boolean): KeyReading {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (code === 'ERR_MISSING_PASSPHRASE' || (!hasPassphrase && /PASSWORD|PASSPHRASE/.test(code))) {
    return { kind: 'mistake', of: 'passphrase', why: 'is missing: the key is encrypted' };
  }
  if (hasPassphrase && /DECRYPT|PASS|PKCS12/.test(code)) {
    return { kind: 'mistake', of: 'passphrase', why: 'does not open the key' };
  }
  const why = 'is no private key in PEM: it begins with a line -----BEGIN PRIVATE KEY----- (or RSA PRIVATE KEY)';
  return { kind: 'mistake', of: 'key', why };
}
