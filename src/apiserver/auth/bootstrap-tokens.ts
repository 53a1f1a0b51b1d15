/**
 * Bootstrap tokens: Secrets of kube-system whose bearers may ask to join the cluster, until they expire.
 * https://kubernetes.io/docs/reference/access-authn-authz/bootstrap-tokens/
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import {
  BOOTSTRAP_NAMESPACE,
  BOOTSTRAP_TOKEN_TYPE,
  bootstrapSecretName,
  readBootstrapToken,
} from '../../api/core/v1/bootstrap-token.ts';
import { Secret } from '../../api/core/v1/secret.ts';
import type { Store } from '../../store/store.ts';
import type { Codec } from '../storage/codec.ts';
import { objectKey } from '../storage/keys.ts';
import { AUTHENTICATED, type User } from './user.ts';

const BOOTSTRAPPERS = 'system:bootstrappers';

/** `ID.SECRET`: no token of another kind looks like that. */
const FORM = /^([a-z0-9]{6})\.([a-z0-9]{16})$/;

export interface BootstrapParts {
  readonly store: Store;
  readonly codec: Codec;
  /** Wall-clock milliseconds. */
  readonly now: () => number;
}

/** What comes of a bearer token: it is none of these, it is not good, or it is somebody's. */
export type BootstrapResult = 'other' | 'refused' | User;

export class BootstrapTokens {
  readonly #parts: BootstrapParts;

  constructor(parts: BootstrapParts) {
    this.#parts = parts;
  }

  /** Looks the token up each time: one that was deleted is nobody's from then on. */
  async authenticate(bearer: string): Promise<BootstrapResult> {
    const [, id, secret] = FORM.exec(bearer) ?? [];
    if (id === undefined || secret === undefined) return 'other';
    const { store, codec, now } = this.#parts;
    const entry = await store.get(objectKey(Secret, BOOTSTRAP_NAMESPACE, bootstrapSecretName(id)));
    const found = entry && (codec.decode(entry).object as Secret);
    const token = found === undefined ? undefined : readBootstrapToken(found);
    const isGood =
      found?.type === BOOTSTRAP_TOKEN_TYPE &&
      found.metadata.deletionTimestamp === undefined &&
      token !== undefined &&
      token.id === id &&
      same(token.secret, secret) &&
      (token.expires === undefined || token.expires > now()) &&
      token.usages.includes('authentication');
    if (!isGood) return 'refused';
    return { name: `system:bootstrap:${id}`, groups: [BOOTSTRAPPERS, ...token.groups, AUTHENTICATED] };
  }
}

/** In a time that tells nothing of where they differ. */
function same(a: string, b: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}
