/** Who somebody is: TokenReview and SelfSubjectReview. */
import { SelfSubjectReview, TokenReview, type UserInfo } from '../../api/authentication/v1/reviews.ts';
import { badRequest } from '../../api/status.ts';
import type { Answer } from '../answer.ts';
import { ISSUER } from '../auth/tokens/claims.ts';
import { TokenError } from '../auth/tokens/token-keys.ts';
import type { User } from '../auth/user.ts';
import type { Api, ResourceRequest } from '../context.ts';
import { answered, received } from './called.ts';

/** `kubectl auth whoami`. */
export async function reviewSelf(_: Api, request: ResourceRequest): Promise<Answer> {
  const review = received<SelfSubjectReview>(request, SelfSubjectReview);
  return answered(SelfSubjectReview, { ...review, status: { userInfo: infoOf(request.user) } } as SelfSubjectReview);
}

/** Says whose a token is, or that it is nobody's: whether it is good is the answer, and no error. */
export async function reviewToken(api: Api, request: ResourceRequest): Promise<Answer> {
  const { spec = {}, ...review } = received<TokenReview>(request, TokenReview);
  if (!spec.token) throw badRequest('token is required for TokenReview in authentication');
  const status = await judged(api, spec.token, spec.audiences ?? []);
  // The token is not told again: the answer may be logged.
  return answered(TokenReview, { ...review, spec: { ...spec, token: '' }, status } as TokenReview);
}

async function judged(api: Api, token: string, audiences: readonly string[]): Promise<TokenReview['status']> {
  try {
    const wanted = audiences.length > 0 ? audiences : [ISSUER];
    const found = await api.tokens.authenticate(token, wanted);
    return { authenticated: true, user: infoOf(found.user), audiences: found.audiences };
  } catch (error) {
    if (!(error instanceof TokenError)) throw error;
    return { authenticated: false, error: error.message };
  }
}

function infoOf({ name, uid, groups, extra }: User): UserInfo {
  return {
    username: name,
    ...(uid === undefined ? {} : { uid }),
    groups,
    ...(extra === undefined ? {} : { extra }),
  };
}
