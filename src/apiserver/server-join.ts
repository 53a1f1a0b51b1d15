/** Gives a machine that has a token for it what makes it one more server of the cluster: `POST /apis/postern.dev/v1/serverjoin`. */
import { SERVER_JOINERS } from '../api/core/v1/bootstrap-token.ts';
import { failure } from '../api/status.ts';
import type { Logger } from '../host/log.ts';
import { MASTERS } from './auth/authorize.ts';
import type { User } from './auth/user.ts';
import type { ClusterKeys } from './pki/cluster-keys.ts';

/** What is asked, and by whom. */
export interface ServerJoinRequest {
  readonly method: string | undefined;
  readonly user: User;
  readonly remote: string | undefined;
  readonly log: Logger;
}

/** The body of the answer: the cluster's keys. Throws an ApiError: 403 for whoever has no token for servers. */
export function serveServerJoin(keys: ClusterKeys, { method, user, remote, log }: ServerJoinRequest): string {
  // With these keys one can be anybody: that roles let somebody do something is not enough.
  if (!user.groups.some((group) => group === SERVER_JOINERS || group === MASTERS)) {
    const text = `forbidden: User ${JSON.stringify(user.name)} cannot become a server: that takes a token that was made for servers`;
    throw failure(403, 'Forbidden', text, {});
  }
  if (method !== 'POST') throw failure(405, 'MethodNotAllowed', 'use POST to become a server', {});
  log.warn({ user: user.name, remote }, 'gave the keys of the cluster to one more server');
  const { authority, tokenKey } = keys;
  return JSON.stringify({ certificate: authority.certificate, key: authority.key, tokenKey });
}
