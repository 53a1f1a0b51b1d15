/** API signing keys. https://docs.oracle.com/en-us/iaas/Content/API/Concepts/apisigningkey.htm */
import { createHash, createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { Secret } from './secret.ts';

/** Bits, as OCI asks for. */
const LEAST_BITS = 2048;
/** PKCS #8, and what was before it. https://www.rfc-editor.org/rfc/rfc7468#section-11 https://www.rfc-editor.org/rfc/rfc1421#section-4.6.1.1 */
const ENCRYPTED = /BEGIN ENCRYPTED PRIVATE KEY|Proc-Type: 4,ENCRYPTED/;
const NO_KEY = 'is no private key in PEM: it begins with a line -----BEGIN PRIVATE KEY----- (or RSA PRIVATE KEY)';

export type KeyReading =
  | { readonly kind: 'key'; readonly privateKey: Secret; readonly fingerprint: string }
  | { readonly kind: 'mistake'; readonly of: 'key' | 'passphrase'; readonly why: string };

/** Reads a PEM, whose key is then one that the SDK surely can read: PKCS #1, and no longer encrypted. */
export function readPrivateKey(pem: Secret, passphrase: Secret | undefined): KeyReading {
  const isEncrypted = ENCRYPTED.test(pem.reveal());
  if (isEncrypted && passphrase === undefined) return mistake('passphrase', 'is missing: the key is encrypted');
  let key: KeyObject;
  try {
    key = createPrivateKey({ key: pem.reveal(), format: 'pem', passphrase: passphrase?.reveal() ?? '' });
  } catch {
    // OpenSSL's own words are left out: they help nobody, and nothing is known of what they hold.
    return isEncrypted ? mistake('passphrase', 'does not open the key') : mistake('key', NO_KEY);
  }
  const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
  if (key.asymmetricKeyType !== 'rsa' || bits < LEAST_BITS) {
    const found = `${key.asymmetricKeyType} key${bits > 0 ? ` of ${bits} bits` : ''}`;
    return mistake('key', `is an ${found}; OCI takes RSA keys of ${LEAST_BITS} bits or more`);
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

function mistake(of: 'key' | 'passphrase', why: string): KeyReading {
  return { kind: 'mistake', of, why };
}
