/**
 * Signing tokens and checking signatures: JSON Web Tokens (RFC 7519) with one P-256 key, ES256. The library for it is loaded at once: a
 * server that has given up root cannot read it any more where the program lies in a directory of root's.
 */
import { createHash, createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { SignJWT } from 'jose/jwt/sign';
import { jwtVerify } from 'jose/jwt/verify';
import type { Mapping } from '../../../api/value.ts';

const ALGORITHM = 'ES256';
/** Longer texts are no tokens of ours, and not looked into. */
const TOKEN_MAX = 16 * 1024;
/** Seconds by which the clocks of several servers may differ. */
const CLOCK_TOLERANCE = 10;

/** A token that is not good: not ours, changed, or out of date. The message says why, and nothing of the token. */
export class TokenError extends Error {
  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'TokenError';
  }
}

/** The key that signs tokens, and its public half. */
export class TokenKeys {
  readonly #private: KeyObject;
  readonly #public: KeyObject;
  readonly #issuer: string;
  /** Names the key in tokens: a digest of its public half, as Kubernetes does. */
  readonly #id: string;

  /** `pem`: the private key, PKCS #8. */
  constructor(pem: string, issuer: string) {
    this.#private = createPrivateKey(pem);
    this.#public = createPublicKey(this.#private);
    this.#issuer = issuer;
    const der = this.#public.export({ type: 'spki', format: 'der' });
    this.#id = createHash('sha256').update(der).digest('base64url');
  }

  /** The token with these claims; `iss` is added. */
  sign(claims: Mapping): Promise<string> {
    return new SignJWT({ ...claims, iss: this.#issuer })
      .setProtectedHeader({ alg: ALGORITHM, kid: this.#id })
      .sign(this.#private);
  }

  /** The claims of a token that this key has signed. `now` is wall-clock milliseconds. Throws {@link TokenError}. */
  async verify(token: string, now: number): Promise<Mapping> {
    if (token.length > TOKEN_MAX) throw new TokenError('the token is too long');
    try {
      const { payload } = await jwtVerify(token, this.#public, {
        algorithms: [ALGORITHM],
        issuer: this.#issuer,
        currentDate: new Date(now),
        clockTolerance: CLOCK_TOLERANCE,
        requiredClaims: ['exp', 'sub', 'aud'],
      });
      return payload;
    } catch (cause) {
      throw new TokenError((cause as Error).message, { cause });
    }
  }

  /** The public key, as RFC 7517 writes sets of keys: what others check tokens with. */
  get jwks(): object {
    const { kty, crv, x, y } = this.#public.export({ format: 'jwk' });
    return { keys: [{ use: 'sig', kty, kid: this.#id, crv, alg: ALGORITHM, x, y }] };
  }
}
