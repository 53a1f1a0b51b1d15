/**
 * The server's own certificate authority and serving certificate, kept in a folder of PEM files that only the owner can
 * read. Made once; the serving certificate is renewed when the hosts change or its last fifth begins.
 */
import { createHash } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { type Clock, systemClock } from '../../host/clock.ts';
import { codeOf } from '../../lib/errors.ts';
import {
  isCurrent,
  issue,
  type KeyPair,
  makeAuthority,
  type RequestedCertificate,
  servesHosts,
  signRequest,
} from './certificate.ts';
import type { ClusterKeys } from './cluster-keys.ts';
import { AUTHORITY, keepKey, keepPair, readKey, readPair, TOKEN_KEY } from './files.ts';

export interface Pki {
  /** PEM: what clients trust, and what client certificates are checked against. */
  readonly caCertificate: string;
  readonly serving: KeyPair;
  /** What makes a server one of this cluster: given to those that join, and to nobody else. */
  readonly clusterKeys: ClusterKeys;
  /** PEM, PKCS #8: signs the tokens of service accounts. */
  readonly tokenKey: string;
  /** A certificate that authenticates as user `commonName` in groups `organizations`. Nothing is kept. */
  issueClientCertificate(subject: ClientSubject): Promise<KeyPair>;
  /** As {@link issueClientCertificate}, but kept in the folder, and the same again until its end is near. */
  keptClientCertificate(subject: ClientSubject): Promise<KeyPair>;
  /** A client's certificate for the key of a request; PEM. Throws {@link RequestError} when the key has not signed it. */
  signRequest(wanted: RequestedCertificate): Promise<string>;
  /**
   * The serving certificate for these hosts: the same while it is good for them and not near its end, else a new one, which is
   * kept in the folder if that can still be written.
   */
  currentServing(hosts: readonly string[]): Promise<KeyPair>;
}

export interface ClientSubject {
  readonly commonName: string;
  readonly organizations: readonly string[];
}

export interface PkiOptions {
  /** Names and addresses that clients connect to; `localhost` and the loopback addresses are always included. */
  readonly hosts: readonly string[];
  readonly clock?: Clock;
}

const ALWAYS = ['localhost', '127.0.0.1', '::1', 'kubernetes', 'kubernetes.default', 'kubernetes.default.svc'];
/** Addresses that mean "all of this machine's": nobody connects to them by that name. */
const UNSPECIFIED = new Set(['0.0.0.0', '::', '']);

/** Opens the folder, making what is missing. Throws when files are there but cannot be read or are not ours. */
export async function openPki(dir: string, { hosts, clock = systemClock }: PkiOptions): Promise<Pki> {
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const now = clock.now();
  const authority =
    (await readPair(dir, AUTHORITY)) ?? (await keepPair(dir, AUTHORITY, await makeAuthority('postern-ca', now)));
  const renewServing = async (kept: KeyPair | undefined, wanted: readonly string[]): Promise<KeyPair> => {
    const names = [...new Set([...ALWAYS, ...wanted])].filter((host) => !UNSPECIFIED.has(host));
    const isGood = kept !== undefined && isCurrent(kept, { authority, now: clock.now() }) && servesHosts(kept, names);
    if (isGood) return kept;
    return issue(authority, { kind: 'server', commonName: 'postern', hosts: names }, clock.now());
  };
  const found = await readPair(dir, 'server');
  let serving = await renewServing(found, hosts);
  if (serving !== found) await keepPair(dir, 'server', serving);
  const tokenKey = (await readKey(dir, TOKEN_KEY)) ?? (await keepKey(dir, TOKEN_KEY));
  const clients = new Map<string, KeyPair>();
  // A server that has given up root cannot write there any more: its next start makes one anew.
  const keepIfMay = (name: string, pair: KeyPair) =>
    keepPair(dir, name, pair).catch((error: unknown) => {
      if (codeOf(error) === 'EACCES') return pair;
      throw error;
    });
  const issueClientCertificate = (subject: ClientSubject) =>
    issue(authority, { kind: 'client', ...subject }, clock.now());
  return {
    caCertificate: authority.certificate,
    get serving() {
      return serving;
    },
    tokenKey,
    clusterKeys: { authority, tokenKey },
    issueClientCertificate,
    keptClientCertificate: async (subject) => {
      const name = clientFile(subject);
      const found = clients.get(name) ?? (await readPair(dir, name));
      const isGood = found !== undefined && isCurrent(found, { authority, now: clock.now() });
      const pair = isGood ? found : await keepIfMay(name, await issueClientCertificate(subject));
      clients.set(name, pair);
      return pair;
    },
    signRequest: (wanted) => signRequest(authority, wanted, clock.now()),
    currentServing: async (wanted) => {
      const next = await renewServing(serving, wanted);
      if (next === serving) return serving;
      serving = next;
      return keepIfMay('server', next);
    },
  };
}

/** Names may hold anything, so files are named by their digest. */
function clientFile({ commonName, organizations }: ClientSubject): string {
  const digest = createHash('sha256')
    .update(JSON.stringify([commonName, ...organizations]))
    .digest('hex');
  return `client-${digest.slice(0, 16)}`;
}
