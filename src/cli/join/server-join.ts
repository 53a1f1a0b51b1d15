/** A machine becomes one more server of a cluster: it is given what all servers have, and keeps it. */

import { SERVER_JOIN_PATH } from '../../api/server-join.ts';
import { ApiError } from '../../api/status.ts';
import { adoptClusterKeys, type ClusterKeys, holdsClusterKeys } from '../../apiserver/pki/cluster-keys.ts';
import { createClient } from '../../client/http-client.ts';
import { type Clock, systemClock } from '../../host/clock.ts';
import type { Logger } from '../../host/log.ts';
import { UserError } from '../errors.ts';
import { firstAuthority } from './authority.ts';
import { parseJoinToken } from './join-token.ts';

/** What was said on the command line. */
export interface ServerJoin {
  /** URLs of servers that are there. */
  readonly servers: readonly string[];
  /** Undefined: it has joined before. */
  readonly token: string | undefined;
}

export interface ServerJoinOptions extends ServerJoin {
  /** Where the server keeps its keys. */
  readonly pkiDir: string;
  readonly log: Logger;
  readonly clock?: Clock;
}

const NEW_TOKEN =
  'Make a token on a server, postern token create --for server, and start this one with what it prints.';

/** Fetches the cluster's keys, unless they are here. Throws {@link UserError}, saying what to do. */
export async function joinAsServer(options: ServerJoinOptions): Promise<void> {
  const { servers, pkiDir, log, clock = systemClock } = options;
  const token = options.token === undefined ? undefined : parseJoinToken(options.token);
  if (await holdsClusterKeys(pkiDir, token?.pin)) {
    log.info({ pki: pkiDir }, 'has the keys of a cluster already, and goes on with them');
    return;
  }
  if (token === undefined)
    throw new UserError(`${pkiDir} does not hold the cluster’s keys yet, and no token was given`, NEW_TOKEN);
  const authority = await firstAuthority(servers, { pin: token.pin, now: () => clock.now() });
  const [server = '', ...otherServers] = servers;
  const client = createClient({ server, otherServers, caData: authority, token: token.bearer }, { clock });
  try {
    await adoptClusterKeys(pkiDir, readKeys(await client.raw('POST', SERVER_JOIN_PATH, {})));
  } catch (error) {
    throw explained(error);
  } finally {
    client.close();
  }
  log.info({ servers }, 'is a server of this cluster now');
}

function readKeys(answer: unknown): ClusterKeys {
  const { certificate, key, tokenKey } = (answer ?? {}) as Partial<Record<string, unknown>>;
  if (typeof certificate !== 'string' || typeof key !== 'string' || typeof tokenKey !== 'string') {
    throw new UserError(
      'the server answered with something else than the cluster’s keys',
      'Is it of the same version as this one?',
    );
  }
  return { authority: { certificate, key }, tokenKey };
}

function explained(error: unknown): unknown {
  if (!(error instanceof ApiError)) return error;
  switch (error.code) {
    case 401:
      return new UserError(
        'the server does not know the token: it has expired, has been deleted, or was changed on its way',
        `${NEW_TOKEN} Tokens that there are: postern token list`,
        { cause: error },
      );
    case 403:
      return new UserError('the token is not for servers', 'Make one that is: postern token create --for server', {
        cause: error,
      });
    case 404:
      return new UserError(
        'the server does not let others join it: it is of an older version',
        'Bring it up to date first.',
        {
          cause: error,
        },
      );
    default:
      return error;
  }
}
