/**
 * What an agent keeps of the cluster that it has joined: `client.pem`, its certificate and key, and `cluster.json`, the servers and
 * their authority. With both, a restart needs no token.
 */
import { randomUUID, X509Certificate } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Endpoint } from '../../client/client.ts';
import { readIfThere, writePrivateFile } from '../../host/private-file.ts';
import { UserError } from '../errors.ts';

export interface Membership {
  /** `https://HOST:PORT`, the one to begin with first. */
  readonly servers: readonly string[];
  /** PEM. */
  readonly authority: string;
  readonly certificate: string;
  readonly key: string;
}

const [CLIENT, CLUSTER, ID] = ['client.pem', 'cluster.json', 'agent-id'];

/** The endpoint of a member. */
export function endpointOf({ servers, authority, certificate, key }: Membership): Endpoint {
  const [server = '', ...otherServers] = servers;
  return { server, otherServers, caData: authority, clientCertificate: certificate, clientKey: key };
}

/** What was kept; undefined when this machine has not joined. Throws {@link UserError} for files that are damaged. */
export async function readMembership(stateDir: string): Promise<Membership | undefined> {
  const [pair, cluster] = await Promise.all([
    readIfThere(join(stateDir, CLIENT)),
    readIfThere(join(stateDir, CLUSTER)),
  ]);
  // The certificate is written last: without it nothing has been joined.
  if (pair === undefined) return undefined;
  const certificate = block(pair, 'CERTIFICATE');
  const key = block(pair, 'PRIVATE KEY');
  if (certificate === undefined || key === undefined || !isCertificate(certificate)) throw damaged(stateDir, CLIENT);
  const { servers, authority } = parseCluster(stateDir, cluster);
  return { servers, authority, certificate, key };
}

export async function writeMembership(stateDir: string, membership: Membership): Promise<void> {
  await mkdir(stateDir, { recursive: true, mode: 0o700 });
  await writeServers(stateDir, membership);
  await writeCertificate(stateDir, membership);
}

/** Keeps a renewed certificate. */
export async function writeCertificate(
  stateDir: string,
  { certificate, key }: Pick<Membership, 'certificate' | 'key'>,
): Promise<void> {
  await writePrivateFile(join(stateDir, CLIENT), certificate + key);
}

/** Keeps which servers there are now. */
export async function writeServers(
  stateDir: string,
  { servers, authority }: Pick<Membership, 'servers' | 'authority'>,
): Promise<void> {
  await writePrivateFile(join(stateDir, CLUSTER), `${JSON.stringify({ servers, authority }, undefined, 1)}\n`);
}

/** What tells this agent from others of its node's name: made up at its first start, and kept. */
export async function agentId(stateDir: string): Promise<string> {
  const path = join(stateDir, ID);
  const kept = (await readIfThere(path))?.trim();
  if (kept !== undefined && /^[0-9a-f-]{36}$/.test(kept)) return kept;
  const made = randomUUID();
  await mkdir(stateDir, { recursive: true, mode: 0o700 });
  await writePrivateFile(path, `${made}\n`);
  return made;
}

function parseCluster(stateDir: string, text: string | undefined): Pick<Membership, 'servers' | 'authority'> {
  try {
    const { servers, authority } = JSON.parse(text ?? '') as { servers?: unknown; authority?: unknown };
    const isGood =
      Array.isArray(servers) &&
      servers.length > 0 &&
      servers.every((server): server is string => typeof server === 'string' && URL.canParse(server)) &&
      typeof authority === 'string' &&
      isCertificate(authority);
    if (isGood) return { servers, authority };
  } catch (cause) {
    throw damaged(stateDir, CLUSTER, cause);
  }
  throw damaged(stateDir, CLUSTER);
}

function damaged(stateDir: string, name: string, cause?: unknown): UserError {
  return new UserError(
    `${join(stateDir, name)} is damaged: what this node knew of its cluster cannot be read`,
    `Delete ${join(stateDir, CLIENT)}, and start the agent with --server and a new --token: postern token create makes one.`,
    { cause },
  );
}

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).raw.length > 0;
  } catch {
    return false;
  }
}

function block(text: string, label: string): string | undefined {
  return new RegExp(`-----BEGIN ${label}-----[^-]+-----END ${label}-----\n?`).exec(text)?.[0];
}
