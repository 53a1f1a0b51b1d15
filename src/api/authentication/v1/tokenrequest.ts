/**
 * authentication.k8s.io/v1 TokenRequest: asks for a token of a service account.
 * https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/token-request-v1/
 */
import { invalidValue } from '../../field-errors.ts';
import { defineKind, type Resource } from '../../kind.ts';
import { int64, list, object, required, string, type TypeOf, time } from '../../schema.ts';
import type { Cause } from '../../status.ts';

/** Seconds that a token lives when its request does not say, at least, and at most. */
export const TOKEN_SECONDS = { usual: 3600, least: 600, most: 2 ** 32 };

const boundObjectRef = object(
  { apiVersion: string(), kind: string('Pod, Secret or Node.'), name: string(), uid: string() },
  'The object whose end is the end of the token.',
);
export type BoundObjectRef = TypeOf<typeof boundObjectRef>;

const fields = object(
  {
    spec: object({
      audiences: list(string(), 'Whom the token is for. Default: the API server.'),
      expirationSeconds: int64('How long it is wanted for. Default: an hour.'),
      boundObjectRef,
    }),
    status: object({ token: required(string()), expirationTimestamp: required(time()) }),
  },
  'Asks for a token of a service account.',
);
export type TokenRequest = Resource<TypeOf<typeof fields>>;

function validate({ spec = {} }: TokenRequest): readonly Cause[] {
  const { expirationSeconds: seconds = TOKEN_SECONDS.usual } = spec;
  const field = 'spec.expirationSeconds';
  if (seconds < TOKEN_SECONDS.least) {
    return [invalidValue(field, seconds, 'may not specify a duration less than 10 minutes')];
  }
  if (seconds <= TOKEN_SECONDS.most) return [];
  return [invalidValue(field, seconds, 'may not specify a duration larger than 2^32 seconds')];
}

export const TokenRequest = defineKind({
  group: 'authentication.k8s.io',
  version: 'v1',
  kind: 'TokenRequest',
  plural: 'tokenrequests',
  namespaced: true,
  called: true,
  schema: fields,
  defaults: (request) => ({
    ...request,
    spec: { ...request.spec, expirationSeconds: request.spec?.expirationSeconds ?? TOKEN_SECONDS.usual },
  }),
  validate,
});
