/**
 * What the token of a service account says. Pure. The names are Kubernetes':
 * https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/#bound-service-account-tokens
 */
import { isMapping, type Mapping } from '../../../api/value.ts';
import { serviceAccountGroups, serviceAccountUser, type User } from '../user.ts';

/** Who signs tokens, and whom they are for unless they say. */
export const ISSUER = 'https://kubernetes.default.svc.cluster.local';

/** An object that a token names. */
export interface Named {
  readonly name: string;
  readonly uid: string;
}

/** What is told in the claim `kubernetes.io`. */
export interface AccountClaims {
  readonly namespace: string;
  readonly serviceaccount: Named;
  /** What the token ends with. */
  readonly pod?: Named;
  readonly secret?: Named;
  /** Where the pod is, or what the token ends with when there is no pod. */
  readonly node?: Named;
}

/** A token that was read: well signed, and neither too old nor too young. */
export interface Token {
  /** Seconds since 1970. */
  readonly expires: number;
  readonly audiences: readonly string[];
  readonly id: string;
  readonly account: AccountClaims;
}

/** The claims of a token; undefined when they are not those of a service account. */
export function readClaims(payload: Mapping): Token | undefined {
  const { exp, aud, jti, sub } = payload;
  const account = payload['kubernetes.io'];
  if (typeof exp !== 'number' || typeof jti !== 'string' || !isMapping(account)) return undefined;
  const { namespace } = account;
  const serviceaccount = named(account['serviceaccount']);
  if (typeof namespace !== 'string' || serviceaccount === undefined) return undefined;
  if (sub !== serviceAccountUser(namespace, serviceaccount.name)) return undefined;
  const others = (['pod', 'secret', 'node'] as const).map((key) => [key, named(account[key])] as const);
  const bound = Object.fromEntries(others.filter(([, value]) => value !== undefined));
  const audiences = (Array.isArray(aud) ? aud : [aud]).filter((text) => typeof text === 'string');
  return { expires: exp, audiences, id: jti, account: { namespace, serviceaccount, ...bound } };
}

function named(value: unknown): Named | undefined {
  if (!isMapping(value)) return undefined;
  const { name, uid } = value;
  return typeof name === 'string' && typeof uid === 'string' ? { name, uid } : undefined;
}

/** Who the bearer of a token is. */
export function userOf({ id, account }: Token): User {
  const { namespace, serviceaccount, pod, node } = account;
  const extra = {
    'authentication.kubernetes.io/credential-id': [`JTI=${id}`],
    ...(node === undefined
      ? {}
      : {
          'authentication.kubernetes.io/node-name': [node.name],
          'authentication.kubernetes.io/node-uid': [node.uid],
        }),
    ...(pod === undefined
      ? {}
      : { 'authentication.kubernetes.io/pod-name': [pod.name], 'authentication.kubernetes.io/pod-uid': [pod.uid] }),
  };
  return {
    name: serviceAccountUser(namespace, serviceaccount.name),
    uid: serviceaccount.uid,
    groups: serviceAccountGroups(namespace),
    extra,
  };
}
