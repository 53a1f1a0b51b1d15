/** Tokens to join with, as they are made, told and taken back by `postern token`. */
import { randomInt } from 'node:crypto';
import {
  BOOTSTRAP_NAMESPACE,
  BOOTSTRAP_TOKEN_TYPE,
  type BootstrapToken,
  bootstrapSecret,
  bootstrapSecretName,
  NODE_JOINERS,
  readBootstrapToken,
  SERVER_JOINERS,
} from '../../api/core/v1/bootstrap-token.ts';
import { Secret } from '../../api/core/v1/secret.ts';
import { isNotFound } from '../../api/status.ts';
import type { Client, Endpoint } from '../../client/client.ts';
import { certificatePin } from '../../lib/certificate-pin.ts';
import { printDuration } from '../../lib/duration.ts';
import { UserError } from '../errors.ts';
import { printJoinToken } from './join-token.ts';

/** What a token lets a machine become. */
export type JoinRole = 'node' | 'server';

const GROUPS: Readonly<Record<JoinRole, string>> = { node: NODE_JOINERS, server: SERVER_JOINERS };

export interface NewToken {
  readonly role: JoinRole;
  /** Milliseconds; undefined: it never ends. */
  readonly ttl: number | undefined;
  readonly description: string;
  /** Wall-clock milliseconds. */
  readonly now: number;
}

/** Makes a token. */
export async function makeToken(client: Client, { role, ttl, description, now }: NewToken): Promise<BootstrapToken> {
  const token: BootstrapToken = {
    id: randomWord(6),
    secret: randomWord(16),
    expires: ttl === undefined ? undefined : now + ttl,
    usages: ['authentication'],
    groups: [GROUPS[role]],
    description: description || `lets a ${role} join`,
  };
  await client.create(Secret, bootstrapSecret(token));
  return token;
}

/** Where the other machine puts the token: arguments of a command are seen by every user of a machine. */
const TOKEN_FILE = 'token';

/** The command that the other machine is to run. Throws {@link UserError} when the cluster's authority is not known here. */
export function joinCommand(endpoint: Endpoint, token: BootstrapToken, role: JoinRole): JoinCommand {
  if (endpoint.caData === undefined) {
    throw new UserError(
      'the kubeconfig does not say by which authority the server is known',
      'Use the one that the server wrote: DATA/kubeconfig.',
    );
  }
  const servers = [endpoint.server, ...(endpoint.otherServers ?? [])];
  const word = printJoinToken({ pin: certificatePin(endpoint.caData), bearer: `${token.id}.${token.secret}` });
  const list = servers.join(',');
  const command =
    role === 'node'
      ? `postern agent --server ${list} --token-file ${TOKEN_FILE} --state-dir /var/lib/postern/agent`
      : `postern server --join ${list} --token-file ${TOKEN_FILE} --store etcd --etcd-endpoints ENDPOINTS --data-dir /var/lib/postern/server --listen 0.0.0.0:6443`;
  return { token: word, command, servers };
}

export interface JoinCommand {
  /** The one word. */
  readonly token: string;
  /** Reads the token from a file in the directory that it is run in. */
  readonly command: string;
  readonly servers: readonly string[];
}

/** What a person does on the other machine, step by step. The token is typed into a file, and is in no command. */
export function joinSteps({ token, command }: JoinCommand): string {
  return [
    'On the other machine, as root, write the token into a file that nobody else reads:',
    '',
    `  (umask 077; cat > ${TOKEN_FILE})`,
    '',
    'Paste this line, then press Enter and Ctrl-D:',
    '',
    token,
    '',
    'Then start it, and delete the file once it has joined:',
    '',
    `  ${command}`,
  ].join('\n');
}

/** A token as it is told: never its secret. */
export interface ListedToken {
  readonly id: string;
  readonly for: string;
  readonly expires: string | undefined;
  readonly description: string;
}

/** Every bootstrap token that there is, those of others such as kubeadm among them. */
export async function listTokens(client: Client): Promise<readonly ListedToken[]> {
  const options = { namespace: BOOTSTRAP_NAMESPACE, fieldSelector: `type=${BOOTSTRAP_TOKEN_TYPE}` };
  const { items } = await client.list(Secret, options);
  return items.flatMap((secret) => {
    const token = readBootstrapToken(secret);
    return token === undefined ? [] : [listed(token)];
  });
}

function listed({ id, groups, expires, description }: BootstrapToken): ListedToken {
  const roles = (['node', 'server'] as const).filter((role) => groups.includes(GROUPS[role]));
  const at = expires === undefined ? undefined : new Date(expires).toISOString().replace(/\.\d+Z$/, 'Z');
  return { id, for: roles.join(',') || groups.join(','), expires: at, description };
}

/** How long a token is good yet, for people. */
export function printLeft({ expires }: ListedToken, now: number): string {
  if (expires === undefined) return 'never ends';
  const left = Date.parse(expires) - now;
  return left > 0 ? printDuration(left) : 'has ended';
}

/** Takes a token back: from then on nobody joins with it. Given by its id, or as a whole. Throws {@link UserError}. */
export async function deleteToken(client: Client, given: string): Promise<string> {
  const id = /^(?:postern1\.[\w-]+\.)?([a-z0-9]{6})(?:\.[a-z0-9]{16})?$/.exec(given.trim())?.[1];
  if (id === undefined)
    throw new UserError('that is neither a token nor its id', 'Ids are what postern token list shows.');
  try {
    await client.delete(Secret, { namespace: BOOTSTRAP_NAMESPACE, name: bootstrapSecretName(id) });
  } catch (error) {
    if (!isNotFound(error)) throw error;
    throw new UserError(`there is no token ${id}`, 'It may have ended. Those that there are: postern token list', {
      cause: error,
    });
  }
  return id;
}

const LETTERS = 'abcdefghijklmnopqrstuvwxyz0123456789';

function randomWord(length: number): string {
  return Array.from({ length }, () => LETTERS[randomInt(LETTERS.length)]).join('');
}
