/**
 * authentication.k8s.io/v1 TokenReview and SelfSubjectReview: who a token, or the asker, is.
 * https://kubernetes.io/docs/reference/access-authn-authz/authentication/
 */
import { defineKind, type Resource } from '../../kind.ts';
import { boolean, list, map, object, string, type TypeOf } from '../../schema.ts';

const userInfo = object({
  username: string(),
  uid: string(),
  groups: list(string()),
  extra: map(list(string()), 'What else is known of the user, by names such as authentication.kubernetes.io/pod-name.'),
});
export type UserInfo = TypeOf<typeof userInfo>;

const tokenReviewFields = object(
  {
    spec: object({ token: string(), audiences: list(string(), 'Whom it should be for. Default: the API server.') }),
    status: object({ authenticated: boolean(), user: userInfo, audiences: list(string()), error: string() }),
  },
  'Asks who a token is from.',
);
export type TokenReview = Resource<TypeOf<typeof tokenReviewFields>>;

const GROUP = { group: 'authentication.k8s.io', version: 'v1', namespaced: false, called: true } as const;

export const TokenReview = defineKind({
  ...GROUP,
  kind: 'TokenReview',
  plural: 'tokenreviews',
  schema: tokenReviewFields,
});

const selfSubjectReviewFields = object({ status: object({ userInfo }) }, 'Asks who the asker is.');
export type SelfSubjectReview = Resource<TypeOf<typeof selfSubjectReviewFields>>;

export const SelfSubjectReview = defineKind({
  ...GROUP,
  kind: 'SelfSubjectReview',
  plural: 'selfsubjectreviews',
  schema: selfSubjectReviewFields,
});
