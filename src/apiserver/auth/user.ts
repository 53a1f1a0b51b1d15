/** Who a request is from. */

export interface User {
  readonly name: string;
  readonly groups: readonly string[];
  /** Of a service account: tells it from one of the same name that was before. */
  readonly uid?: string;
  /** What else its credentials say, by names such as `authentication.kubernetes.io/pod-name`. */
  readonly extra?: Readonly<Record<string, readonly string[]>>;
}

/** The group of those who have not said who they are. */
export const UNAUTHENTICATED = 'system:unauthenticated';

/** A request that proved nothing. */
export const ANONYMOUS: User = { name: 'system:anonymous', groups: [UNAUTHENTICATED] };

/** The group of everybody who has said who they are. */
export const AUTHENTICATED = 'system:authenticated';

const SERVICE_ACCOUNT = 'system:serviceaccount:';

/** `system:serviceaccount:NAMESPACE:NAME`. */
export function serviceAccountUser(namespace: string, name: string): string {
  return `${SERVICE_ACCOUNT}${namespace}:${name}`;
}

/** The account whose user it is; undefined for everybody else. */
export function parseServiceAccountUser(
  user: string,
): { readonly namespace: string; readonly name: string } | undefined {
  if (!user.startsWith(SERVICE_ACCOUNT)) return undefined;
  const [namespace = '', name = '', ...more] = user.slice(SERVICE_ACCOUNT.length).split(':');
  return namespace === '' || name === '' || more.length > 0 ? undefined : { namespace, name };
}

/** The groups of a service account. https://kubernetes.io/docs/reference/access-authn-authz/authentication/#service-account-tokens */
export function serviceAccountGroups(namespace: string): readonly string[] {
  return ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, AUTHENTICATED];
}

/** The node whose agent it is; undefined for everybody else. */
export function nodeOf({ name, groups }: User): string | undefined {
  const prefix = 'system:node:';
  return groups.includes('system:nodes') && name.startsWith(prefix) ? name.slice(prefix.length) : undefined;
}
