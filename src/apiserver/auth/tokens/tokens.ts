/** Tokens of service accounts: given, and known again. */
import { createHash, randomUUID } from 'node:crypto';
import type { Clock } from '../../../host/clock.ts';
import type { User } from '../user.ts';
import { type AccountClaims, ISSUER, readClaims, type Token, userOf } from './claims.ts';
import { TokenError, type TokenKeys } from './token-keys.ts';

/** Whether what a token names is still there; undefined when it is, else what is not. */
export type StillThere = (account: AccountClaims) => Promise<string | undefined>;

export interface TokensOptions {
  readonly keys: TokenKeys;
  readonly clock: Clock;
  readonly stillThere: StillThere;
}

/** What a token is to be. */
export interface Wanted {
  readonly account: AccountClaims;
  readonly audiences: readonly string[];
  readonly seconds: number;
}

/** Tokens whose signature need not be checked again: each pod has one, and uses it for an hour. */
const KNOWN_MAX = 4096;

/** Gives tokens, and says whose one is. */
export class Tokens {
  readonly #options: TokensOptions;
  /** By digest, so that a dump of memory holds no token. The least recently used comes first. */
  readonly #known = new Map<string, Token>();

  constructor(options: TokensOptions) {
    this.#options = options;
  }

  /** A new token. `expires` is in seconds since 1970. */
  async issue({ account, audiences, seconds }: Wanted): Promise<{ readonly token: string; readonly expires: number }> {
    const issued = Math.floor(this.#options.clock.now() / 1000);
    const { namespace, serviceaccount } = account;
    const expires = issued + seconds;
    const token = await this.#options.keys.sign({
      aud: audiences,
      exp: expires,
      iat: issued,
      nbf: issued,
      jti: randomUUID(),
      sub: `system:serviceaccount:${namespace}:${serviceaccount.name}`,
      'kubernetes.io': account,
    });
    return { token, expires };
  }

  /**
   * Who the bearer is, and for whom of `audiences` the token is. That what it names is there is looked up each time, so that a
   * token ends with its pod. Throws {@link TokenError}.
   */
  async authenticate(
    text: string,
    audiences: readonly string[] = [ISSUER],
  ): Promise<{ readonly user: User; readonly audiences: readonly string[] }> {
    const token = await this.#read(text);
    const common = audiences.filter((audience) => token.audiences.includes(audience));
    if (common.length === 0) {
      throw new TokenError(
        `token audiences ${list(token.audiences)} is invalid for the target audiences ${list(audiences)}`,
      );
    }
    const missing = await this.#options.stillThere(token.account);
    if (missing !== undefined) throw new TokenError(missing);
    return { user: userOf(token), audiences: common };
  }

  async #read(text: string): Promise<Token> {
    const now = this.#options.clock.now();
    const key = createHash('sha256').update(text).digest('base64');
    const known = this.#known.get(key);
    this.#known.delete(key);
    if (known !== undefined && known.expires * 1000 > now) {
      this.#known.set(key, known);
      return known;
    }
    const token = readClaims(await this.#options.keys.verify(text, now));
    if (token === undefined) throw new TokenError('the token is not that of a service account');
    this.#known.set(key, token);
    const [oldest] = this.#known.keys();
    if (this.#known.size > KNOWN_MAX && oldest !== undefined) this.#known.delete(oldest);
    return token;
  }
}

function list(audiences: readonly string[]): string {
  return JSON.stringify(audiences);
}
