/**
 * Acting as somebody else: `kubectl --as`. Each part of who it is to be is allowed by itself, with the verb impersonate.
 * https://kubernetes.io/docs/reference/access-authn-authz/authentication/#user-impersonation
 */
import type { IncomingMessage } from 'node:http';
import { badRequest } from '../../api/status.ts';
import { authorize } from './authorize.ts';
import type { Attempt, Authorizer } from './authorizer.ts';
import { ANONYMOUS, AUTHENTICATED, parseServiceAccountUser, serviceAccountGroups, type User } from './user.ts';

const USER = 'impersonate-user';
const GROUP = 'impersonate-group';
const UID = 'impersonate-uid';
const EXTRA = 'impersonate-extra-';

/** Far more than anybody has; each is asked for by itself. */
const PARTS_MAX = 256;

/** Whom a request acts as: its own user, unless headers name another. Throws an ApiError: 400, 401 or 403. */
export function actingUser({ rawHeaders }: Pick<IncomingMessage, 'rawHeaders'>, user: User, by: Authorizer): User {
  const headers = impersonation(rawHeaders);
  if (headers === undefined) return user;
  const name = headers[USER]?.[0] ?? '';
  const groups = headers[GROUP] ?? [];
  const uid = headers[UID]?.[0];
  const extra = extraOf(headers);
  if (name === '') {
    const rest = [
      ...(headers[GROUP] ? [GROUP] : []),
      ...(uid ? [UID] : []),
      ...Object.keys(extra).map((key) => EXTRA + key),
    ];
    if (rest.length === 0) return user;
    throw badRequest(
      `the headers ${rest.slice(0, 8).join(', ')} say who to act as, but ${USER}, the user's name, is missing`,
    );
  }
  const wanted = attempts({ name, groups, uid, extra });
  if (wanted.length > PARTS_MAX) throw badRequest(`a user to act as has more than ${PARTS_MAX} groups and other parts`);
  for (const attempt of wanted) {
    const refused = authorize(by, user, attempt);
    if (refused !== undefined) throw refused;
  }
  return {
    name,
    groups: withUsual(name, groups),
    ...(uid === undefined ? {} : { uid }),
    ...(Object.keys(extra).length === 0 ? {} : { extra }),
  };
}

interface Wanted {
  readonly name: string;
  readonly groups: readonly string[];
  readonly uid: string | undefined;
  readonly extra: Readonly<Record<string, readonly string[]>>;
}

function attempts({ name, groups, uid, extra }: Wanted): readonly Attempt[] {
  const account = parseServiceAccountUser(name);
  return [
    account === undefined
      ? impersonate('', 'users', name)
      : { ...impersonate('', 'serviceaccounts', account.name), namespace: account.namespace },
    ...groups.map((group) => impersonate('', 'groups', group)),
    ...Object.entries(extra).flatMap(([key, values]) =>
      values.map((value) => ({ ...impersonate(AUTHENTICATION, 'userextras', value), subresource: key })),
    ),
    ...(uid === undefined ? [] : [impersonate(AUTHENTICATION, 'uids', uid)]),
  ];
}

const AUTHENTICATION = 'authentication.k8s.io';

function impersonate(group: string, resource: string, name: string) {
  return {
    kind: 'resource',
    verb: 'impersonate',
    group,
    resource,
    subresource: undefined,
    namespace: undefined,
    name,
  } as const;
}

/** With the groups that everybody of a kind has; those of a service account only when none are named. */
function withUsual(name: string, given: readonly string[]): readonly string[] {
  const account = given.length === 0 ? parseServiceAccountUser(name) : undefined;
  if (account !== undefined) return serviceAccountGroups(account.namespace);
  if (given.some((group) => group === AUTHENTICATED || ANONYMOUS.groups.includes(group))) return given;
  return [...given, ...(name === ANONYMOUS.name ? ANONYMOUS.groups : [AUTHENTICATED])];
}

type Headers = Readonly<Record<string, readonly string[]>>;

/** The headers that say whom to act as, each of its values by itself, as a group's name may hold a comma. Most requests have none. */
function impersonation(raw: readonly string[]): Headers | undefined {
  let found: Map<string, string[]> | undefined;
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] ?? '';
    if (!/^impersonate-/i.test(name)) continue;
    found ??= new Map();
    const key = name.toLowerCase();
    found.set(key, [...(found.get(key) ?? []), raw[i + 1] ?? '']);
  }
  return found && Object.fromEntries(found);
}

function extraOf(headers: Headers): Readonly<Record<string, readonly string[]>> {
  const found = Object.entries(headers).filter(([name]) => name.startsWith(EXTRA));
  return Object.fromEntries(found.map(([name, values = []]) => [decoded(name.slice(EXTRA.length)), values]));
}

/** Keys hold what names of headers may not: they are percent-encoded. One that is not well encoded counts as it is, as in Kubernetes. */
function decoded(key: string): string {
  try {
    return decodeURIComponent(key);
  } catch {
    return key;
  }
}
