/** Options by which a server becomes one more of a cluster. */
import { type Command, Option } from 'commander';
import { UserError } from './errors.ts';
import type { ServerJoin } from './join/server-join.ts';
import { parseServers } from './options.ts';
import type { StoreFlags } from './store-options.ts';

export interface ServerJoinFlags extends Pick<StoreFlags, 'store'> {
  readonly join?: readonly string[];
  readonly token?: string;
  readonly tokenFile?: string;
}

export function addServerJoinOptions(command: Command): Command {
  return command
    .addOption(
      new Option(
        '--join <urls>',
        'servers of the cluster to become one more server of, separated by commas; it keeps its objects in the same etcd',
      ).argParser(parseServers),
    )
    .option('--token <token>', 'with --join: what `postern token create --for server` prints. A restart needs none')
    .option('--token-file <file>', 'the file that holds the token: no other process sees it');
}

/** Undefined for a server that joins nobody. Throws {@link UserError}. */
export async function serverJoinOf(flags: ServerJoinFlags): Promise<ServerJoin | undefined> {
  const { join, store } = flags;
  if (join === undefined) {
    if (flags.token === undefined && flags.tokenFile === undefined) return undefined;
    throw new UserError('a token says nothing without the servers to join', 'Add --join https://HOST:PORT.');
  }
  if (store !== 'etcd') {
    throw new UserError(
      'servers of one cluster keep their objects in one etcd, and this one would keep its own',
      'Add --store etcd --etcd-endpoints …, as the other servers have it.',
    );
  }
  const { readToken } = await import('./join/credentials.ts');
  return { servers: join, token: await readToken(flags, true) };
}
