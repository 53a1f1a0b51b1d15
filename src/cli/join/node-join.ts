/** A machine becomes a node of a cluster, or takes up again what it has been. */
import { X509Certificate } from 'node:crypto';
import { nodeOfUser } from '../../api/certificates/v1/signers.ts';
import { nameMistake } from '../../api/names.ts';
import { ApiError } from '../../api/status.ts';
import { createClient } from '../../client/http-client.ts';
import { type Clock, systemClock } from '../../host/clock.ts';
import type { Logger } from '../../host/log.ts';
import { certificatePin } from '../../lib/certificate-pin.ts';
import { UserError } from '../errors.ts';
import { firstAuthority, serverURL } from './authority.ts';
import { CertificateRefusedError, obtainCertificate } from './certificate.ts';
import { type JoinToken, parseJoinToken } from './join-token.ts';
import { agentId, type Membership, readMembership, writeMembership } from './membership.ts';

export interface JoinOptions {
  /** URLs of servers; empty: those that were kept. */
  readonly servers: readonly string[];
  /** What was given to join with; undefined: what was kept has to do. */
  readonly token: string | undefined;
  readonly nodeName: string;
  readonly stateDir: string;
  /** The way to the server, where it is not that of its URL. */
  readonly socketPath?: string | undefined;
  readonly log: Logger;
  readonly clock?: Clock;
}

const NEW_TOKEN = 'Make a token on a server, postern token create, and start the agent with what it prints.';

const STAYS =
  'none of the servers of --server is one that this node knows: it stays a node of the cluster that it joined, whose authority alone it ' +
  'trusts. If they are of another cluster: stop this agent, end what it left (--on-stop end), move the state directory away, and start it with a token of that cluster';

/** The node's membership: what was kept, while that is good, else a new one. Throws {@link UserError}, saying what to do. */
export async function joinCluster(options: JoinOptions, signal: AbortSignal): Promise<Membership> {
  const { servers, stateDir, nodeName, log, clock = systemClock } = options;
  const mistake = nameMistake('dns-subdomain', nodeName);
  if (mistake !== undefined) {
    throw new UserError(
      `a node cannot be called ${JSON.stringify(nodeName)}: ${mistake}`,
      'Give it another name: --node-name NAME',
    );
  }
  for (const server of servers) serverURL(server);
  const token = options.token === undefined ? undefined : parseJoinToken(options.token);
  const kept = await readMembership(stateDir);
  const isKept = kept !== undefined && isGood(kept, { ...options, token, now: clock.now() });
  if (isKept) {
    log.info({ node: nodeName, servers: kept.servers }, 'is a node of this cluster already');
    if (servers.length > 0 && !servers.some((server) => kept.servers.includes(server))) {
      log.warn({ node: nodeName, named: servers, servers: kept.servers, stateDir }, STAYS);
    }
    // What was typed comes first: the others may all have moved.
    return { ...kept, servers: [...new Set([...servers, ...kept.servers])] };
  }
  // Whose certificate has ended knows where the servers are.
  const where = servers.length > 0 ? servers : (kept?.servers ?? []);
  if (token === undefined || where.length === 0) throw nothingToJoinWith(kept, stateDir);
  const joined = await join({ ...options, servers: where, token, clock }, signal);
  await writeMembership(stateDir, joined);
  log.info({ node: nodeName, servers: where }, 'has joined the cluster');
  return joined;
}

interface Given {
  readonly token: JoinToken | undefined;
  readonly nodeName: string;
  readonly stateDir: string;
  readonly now: number;
}

/** Whether what was kept lets the node go on. Throws when it is of another cluster or of another node than what is asked for. */
function isGood(kept: Membership, { token, nodeName, stateDir, now }: Given): boolean {
  if (token !== undefined && certificatePin(kept.authority) !== token.pin) {
    throw new UserError(
      `${stateDir} is the state of a node of another cluster than the token's`,
      'To leave that cluster, stop its agent, end what it left (--on-stop end), and move the directory away.',
    );
  }
  const certificate = new X509Certificate(kept.certificate);
  const name = nodeOfUser(/^CN=(.*)$/m.exec(certificate.subject)?.[1] ?? '');
  if (name !== nodeName) {
    throw new UserError(
      `${stateDir} is the state of node ${JSON.stringify(name)}, not of ${JSON.stringify(nodeName)}`,
      `Give it its name, --node-name ${name}, or another --state-dir.`,
    );
  }
  return now < certificate.validToDate.getTime();
}

function nothingToJoinWith(kept: Membership | undefined, stateDir: string): UserError {
  if (kept === undefined) {
    return new UserError(
      `${stateDir} does not say which cluster this node is of, and no --server and --token were given`,
      NEW_TOKEN,
    );
  }
  const ended = new X509Certificate(kept.certificate).validToDate.toISOString();
  return new UserError(`the certificate of this node has ended, at ${ended}: it was away for too long`, NEW_TOKEN);
}

interface Joining {
  readonly servers: readonly string[];
  readonly token: JoinToken;
  readonly nodeName: string;
  readonly stateDir: string;
  readonly socketPath?: string | undefined;
  readonly log: Logger;
  readonly clock: Clock;
}

async function join({ servers, token, ...options }: Joining, signal: AbortSignal): Promise<Membership> {
  const { clock, log, nodeName, stateDir, socketPath } = options;
  const authority = await firstAuthority(servers, { pin: token.pin, now: () => clock.now(), socketPath });
  const [server = '', ...otherServers] = servers;
  const client = createClient(
    { server, otherServers, caData: authority, token: token.bearer, ...(socketPath && { socketPath }) },
    { clock },
  );
  try {
    const parts = { client, nodeName, agentId: await agentId(stateDir), clock, log: log.child({ component: 'join' }) };
    return { servers, authority, ...(await obtainCertificate(parts, signal)) };
  } catch (error) {
    throw explained(error, options.nodeName);
  } finally {
    client.close();
  }
}

function explained(error: unknown, nodeName: string): unknown {
  if (error instanceof ApiError && error.code === 401) {
    return new UserError(
      'the server does not know the token: it has expired, has been deleted, or was changed on its way',
      `${NEW_TOKEN} Tokens that there are: postern token list`,
      { cause: error },
    );
  }
  if (error instanceof ApiError && error.code === 403) {
    return new UserError(
      `the token is not for nodes: ${error.message}`,
      'Make one that is: postern token create --for node',
      {
        cause: error,
      },
    );
  }
  if (!(error instanceof CertificateRefusedError)) return error;
  if (error.reason !== 'NameTaken') {
    const why = `the cluster does not make ${JSON.stringify(nodeName)} one of its nodes: ${error.message}`;
    return new UserError(why, 'Who denied it may say why: kubectl get csr', { cause: error });
  }
  return new UserError(
    `this machine cannot be the node ${JSON.stringify(nodeName)}: ${error.message}`,
    `Choose another name, --node-name NAME. If that node is gone for good, or is this very machine: kubectl delete node ${nodeName}, then start again.`,
    { cause: error },
  );
}
