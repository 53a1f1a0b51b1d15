/**
 * The server's own certificate authority and serving certificate, kept in a folder of PEM files that only the owner can
 * read. Made once; the serving certificate is renewed when the hosts change or its last fifth begins.
 */
import { createHash, generateKeyPair, randomBytes } from 'node:crypto';
import { chmod, mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
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

/** The cluster's authority and the key of its tokens: the same on all of its servers. */
export interface ClusterKeys {
  readonly authority: KeyPair;
  /** PEM, PKCS #8. */
  readonly tokenKey: string;
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

const TOKEN_KEY = 'service-account.pem';
const ALWAYS = ['localhost', '127.0.0.1', '::1', 'kubernetes', 'kubernetes.default', 'kubernetes.default.svc'];
/** Addresses that mean "all of this machine's": nobody connects to them by that name. */
const UNSPECIFIED = new Set(['0.0.0.0', '::', '']);

/** Opens the folder, making what is missing. Throws when files are there but cannot be read or are not ours. */
export async function openPki(dir: string, { hosts, clock = systemClock }: PkiOptions): Promise<Pki> {
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const now = clock.now();
  const authority = (await readPair(dir, 'ca')) ?? (await keepPair(dir, 'ca', await makeAuthority('postern-ca', now)));
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
      const found = await readPair(dir, name);
      if (found !== undefined && isCurrent(found, { authority, now: clock.now() })) return found;
      return keepPair(dir, name, await issueClientCertificate(subject));
    },
    signRequest: (wanted) => signRequest(authority, wanted, clock.now()),
    currentServing: async (wanted) => {
      const next = await renewServing(serving, wanted);
      if (next === serving) return serving;
      serving = next;
      // A server that has given up root cannot write there any more: its next start makes one anew.
      return keepPair(dir, 'server', next).catch((error: unknown) => {
        if (codeOf(error) === 'EACCES') return next;
        throw error;
      });
    },
  };
}

/**
 * Makes the folder that of a server of a cluster that is there already. A folder that holds these keys is left as it is; throws
 * when it holds others, which are those of another cluster.
 */
export async function adoptClusterKeys(dir: string, { authority, tokenKey }: ClusterKeys): Promise<void> {
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const found = await readPair(dir, 'ca');
  if (found !== undefined && found.certificate !== authority.certificate) {
    throw new Error(
      `${join(dir, 'ca.pem')} is the authority of another cluster. To leave that one and join this, move the data directory away; its objects go with it.`,
    );
  }
  // The authority last: where that is, all is there.
  await writePrivately(join(dir, TOKEN_KEY), tokenKey);
  if (found === undefined) await keepPair(dir, 'ca', authority);
}

/** Names may hold anything, so files are named by their digest. */
function clientFile({ commonName, organizations }: ClientSubject): string {
  const digest = createHash('sha256')
    .update(JSON.stringify([commonName, ...organizations]))
    .digest('hex');
  return `client-${digest.slice(0, 16)}`;
}

/** Certificate and key stand in one file, so that a crash cannot leave one without the other. */
async function readPair(dir: string, name: string): Promise<KeyPair | undefined> {
  const path = join(dir, `${name}.pem`);
  const text = await readIfThere(path);
  if (text === undefined) return undefined;
  const certificate = block(text, 'CERTIFICATE');
  const key = block(text, 'PRIVATE KEY');
  if (certificate === undefined || key === undefined) {
    throw new Error(
      `${path} should hold a certificate and a private key in PEM and does not. Restore it from a backup, or delete it: ` +
        `a new one is then made${name === 'ca' ? ', and every kubeconfig made so far stops working' : ''}.`,
    );
  }
  return { certificate, key };
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** A key without a certificate: others are given its public half by the API. */
async function readKey(dir: string, name: string): Promise<string | undefined> {
  const path = join(dir, name);
  const text = await readIfThere(path);
  const key = text === undefined ? undefined : block(text, 'PRIVATE KEY');
  if (text !== undefined && key === undefined) {
    throw new Error(
      `${path} should hold a private key in PEM and does not. Restore it from a backup, or delete it: ` +
        'a new one is then made, and pods are given new tokens within the hour.',
    );
  }
  return key;
}

async function keepKey(dir: string, name: string): Promise<string> {
  const { privateKey } = await promisify(generateKeyPair)('ec', { namedCurve: 'P-256' });
  const key = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  await writePrivately(join(dir, name), key);
  return key;
}

async function keepPair(dir: string, name: string, pair: KeyPair): Promise<KeyPair> {
  await writePrivately(join(dir, `${name}.pem`), pair.certificate + pair.key);
  return pair;
}

/** Writes a file that is, at every moment, either the old one or the whole new one. */
async function writePrivately(path: string, text: string): Promise<void> {
  const temporary = `${path}.${randomBytes(6).toString('hex')}`;
  try {
    const file = await open(temporary, 'wx', 0o600);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await chmod(temporary, 0o600);
    await rename(temporary, path);
    const folder = await open(dirname(path), 'r');
    await folder.sync().finally(() => folder.close());
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

function block(text: string, label: string): string | undefined {
  return new RegExp(`-----BEGIN ${label}-----[^-]+-----END ${label}-----\n?`).exec(text)?.[0];
}
