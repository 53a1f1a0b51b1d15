/** With what an agent comes to its cluster: what was kept when it joined, a token to join with now, or a kubeconfig. */
import { readFile } from 'node:fs/promises';
import type { Endpoint } from '../../client/client.ts';
import { createLogger } from '../../host/log.ts';
import { codeOf, messageOf } from '../../lib/errors.ts';
import { UserError } from '../errors.ts';
import type { NodeCertificate } from './certificate.ts';
import { agentId, endpointOf, type Membership, readMembership, writeCertificate, writeServers } from './membership.ts';

export interface CredentialFlags {
  readonly server?: readonly string[];
  readonly token?: string;
  readonly tokenFile?: string;
  readonly kubeconfig?: string;
  readonly apiSocket?: string;
  readonly stateDir: string;
  readonly nodeName: string;
}

export interface AgentCredentials {
  readonly endpoint: Endpoint;
  readonly agentId: string;
  readonly keep?: {
    readonly certificate: (next: NodeCertificate) => Promise<void>;
    readonly servers: (urls: readonly string[]) => Promise<void>;
  };
}

/** Joins where that is needed. Throws {@link UserError}. */
export async function agentCredentials(flags: CredentialFlags, signal: AbortSignal): Promise<AgentCredentials> {
  const { kubeconfig, server: servers = [], stateDir, nodeName } = flags;
  if (kubeconfig !== undefined) {
    if (servers.length > 0 || flags.token !== undefined || flags.tokenFile !== undefined) {
      throw new UserError('--kubeconfig does not go with --server, --token or --token-file', 'Give one or the others.');
    }
    const { loadKubeconfig } = await import('../../client/kubeconfig.ts');
    return { endpoint: await loadKubeconfig(kubeconfig), agentId: await agentId(stateDir) };
  }
  const { joinCluster } = await import('./node-join.ts');
  const log = createLogger('agent').child({ component: 'join' });
  const hasJoined = (await readMembership(stateDir)) !== undefined;
  const token = await readToken(flags, hasJoined);
  const membership = await joinCluster(
    { servers, token, nodeName, stateDir, socketPath: flags.apiSocket, log },
    signal,
  );
  return { endpoint: endpointOf(membership), agentId: await agentId(stateDir), keep: keeping(stateDir, membership) };
}

function keeping(stateDir: string, { authority }: Membership): AgentCredentials['keep'] & object {
  return {
    certificate: (next) => writeCertificate(stateDir, next),
    servers: (servers) => writeServers(stateDir, { servers, authority }),
  };
}

/** The token as it was given; undefined when none was, or its file is gone and may be. Throws {@link UserError}. */
export async function readToken(
  { token, tokenFile }: Pick<CredentialFlags, 'token' | 'tokenFile'>,
  mayBeGone = false,
): Promise<string | undefined> {
  if (token !== undefined && tokenFile !== undefined) {
    throw new UserError('--token and --token-file say the same thing twice', 'Give one of them.');
  }
  if (tokenFile === undefined) return token;
  try {
    return await readFile(tokenFile, 'utf8');
  } catch (cause) {
    if (mayBeGone && codeOf(cause) === 'ENOENT') return undefined;
    throw new UserError(
      `--token-file ${tokenFile}: ${messageOf(cause)}`,
      'It holds the one word that `postern token create` prints: (umask 077; postern token create -o json | jq -r .token > token)',
      { cause },
    );
  }
}
