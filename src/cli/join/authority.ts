/**
 * Finding out the cluster's authority from a server that nothing is known of but a pin: the server sends it in its handshake, with
 * the certificate that it signed. Nothing is told to the server before that is found good.
 */
import { X509Certificate } from 'node:crypto';
import { connect, type DetailedPeerCertificate, type TLSSocket } from 'node:tls';
import { TransportError } from '../../client/client.ts';
import { certificatePin } from '../../lib/certificate-pin.ts';
import { printDuration, seconds } from '../../lib/duration.ts';
import { codeOf, messageOf, whyUnreachable } from '../../lib/errors.ts';
import { UserError } from '../errors.ts';

const LIMIT = seconds(5);
/** Two clocks that differ by no more are right: certificates begin some minutes before they are made. */
const CLOCKS = seconds(60);
/** Bytes of an answer that are looked at. */
const HEAD_MAX = 16 * 1024;

/** Whom to expect, and the way there. */
export interface Expected {
  /** Digest of the authority's public key. */
  readonly pin: string;
  /** Wall-clock milliseconds. */
  readonly now: () => number;
  /** Connect through this Unix socket instead. */
  readonly socketPath?: string | undefined;
}

/**
 * The authority that the server has, in PEM, when it is the one that the pin names. Throws {@link TransportError} when the server cannot
 * be reached, {@link UserError} for what the user has to see to.
 */
export async function fetchAuthority(server: string, expected: Expected): Promise<string> {
  const { pin, now, socketPath } = expected;
  const url = serverURL(server);
  const socket = await handshake(url, socketPath);
  try {
    const { leaf, authority } = chainOf(socket, server);
    if (certificatePin(authority.toString()) !== pin) throw anotherCluster(server);
    if (!leaf.checkIssued(authority) || !leaf.verify(authority.publicKey)) throw anotherCluster(server);
    const [here, there] = [now(), await clockOf(socket, url)];
    checkTimes({ server, leaf, here, there: there ?? here });
    return authority.toString();
  } finally {
    socket.destroy();
  }
}

/** As {@link fetchAuthority}, from whichever server answers first of those that were named. */
export async function firstAuthority(servers: readonly string[], expected: Expected): Promise<string> {
  const failures: unknown[] = [];
  for (const server of servers) {
    try {
      return await fetchAuthority(server, expected);
    } catch (error) {
      // A server that is away may have others beside it; what the user has to see to is told.
      if (!(error instanceof TransportError)) throw error;
      failures.push(error);
    }
  }
  throw new UserError(
    failures.map(messageOf).join('\n'),
    failures.every(isNameUnknown)
      ? NAME_UNKNOWN
      : 'Is a server running there, and does a firewall let this machine reach it? A server listens on loopback unless told otherwise: postern server --listen 0.0.0.0:6443',
    { cause: failures[0] },
  );
}

const NAME_UNKNOWN =
  'Is the name right, and does this machine resolve it (getent hosts NAME)? An address does as well, such as https://192.0.2.1:6443.';

const isNameUnknown = (error: unknown): boolean =>
  error instanceof Error && ['ENOTFOUND', 'EAI_AGAIN'].includes(codeOf(error.cause) ?? '');

/** Reads a URL of a server. Throws {@link UserError}. */
export function serverURL(server: string): URL {
  const url = URL.canParse(server) ? new URL(server) : undefined;
  if (url?.protocol === 'https:' && (url.pathname === '/' || url.pathname === '')) return url;
  throw new UserError(
    `${JSON.stringify(server)} is not the URL of a server`,
    'It is https://HOST:PORT, such as https://192.0.2.1:6443 or https://[2001:db8::1]:6443; several are separated by commas.',
  );
}

function handshake(url: URL, socketPath: string | undefined): Promise<TLSSocket> {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const port = Number(url.port || 443);
  return new Promise((resolve, reject) => {
    // Who it is, is found out from the pin.
    const options = {
      ...(socketPath === undefined ? { host, port } : { path: socketPath }),
      rejectUnauthorized: false,
      ALPNProtocols: ['http/1.1'],
      minVersion: 'TLSv1.2',
    } as const;
    const socket = connect(options, () => {
      clearTimeout(timer);
      socket.off('error', fail);
      socket.on('error', () => {});
      resolve(socket);
    });
    const fail = (cause: unknown) => {
      clearTimeout(timer);
      socket.destroy();
      reject(unreachable(url, cause));
    };
    const timer = setTimeout(() => fail(new Error(`no answer within ${LIMIT / 1000} s`)), LIMIT);
    socket.on('error', fail);
  });
}

function unreachable(url: URL, cause: unknown): Error {
  const why = messageOf(cause);
  if (/wrong version number|packet length too long/i.test(why)) {
    return new UserError(
      `what answers at ${url.origin} does not speak TLS`,
      'Is that the address of a Postern server?',
    );
  }
  return new TransportError(`cannot reach ${url.origin}: ${whyUnreachable(cause)}`, { cause });
}

function chainOf(socket: TLSSocket, server: string) {
  const peer: DetailedPeerCertificate | undefined = socket.getPeerCertificate(true);
  const issuer = peer?.issuerCertificate;
  if (peer?.raw === undefined || issuer?.raw === undefined || issuer.raw.equals(peer.raw)) throw anotherCluster(server);
  return { leaf: new X509Certificate(peer.raw), authority: new X509Certificate(issuer.raw) };
}

function anotherCluster(server: string): UserError {
  return new UserError(
    `the server at ${server} is not of the cluster that the token is for: its authority is another one. Nothing was told to it`,
    'Is the URL right? Then either the token is of another cluster, or somebody answers in the place of the server: make the token on that very server, with postern token create.',
  );
}

interface Times {
  readonly server: string;
  readonly leaf: X509Certificate;
  /** Wall-clock milliseconds of this machine, and of the server. */
  readonly here: number;
  readonly there: number;
}

/** With a clock that is far off, every certificate would look too young or too old. */
function checkTimes({ server, leaf, here, there }: Times): void {
  const isGoodAt = (at: number) => leaf.validFromDate.getTime() <= at && at <= leaf.validToDate.getTime();
  if (isGoodAt(here)) return;
  const off = Math.abs(here - there);
  if (off > CLOCKS) {
    const how = `${printDuration(off)} ${here < there ? 'behind' : 'ahead of'}`;
    throw new UserError(
      `the clock of this machine is ${how} that of the server ${server}: it says ${new Date(here).toISOString()}`,
      'Set it (timedatectl set-ntp true), and try again.',
    );
  }
  throw new UserError(
    `the certificate of the server ${server} is good from ${leaf.validFromDate.toISOString()} to ${leaf.validToDate.toISOString()}, and it is ${new Date(here).toISOString()}`,
    'Start that server again: it makes itself a new one. If the date is wrong, set the clocks of both machines.',
  );
}

/** The time that the server says it is, in milliseconds; undefined when it does not say. */
function clockOf(socket: TLSSocket, url: URL): Promise<number | undefined> {
  return new Promise((resolve) => {
    let head = '';
    const timer = setTimeout(() => resolve(undefined), LIMIT);
    const done = (time: number | undefined) => {
      clearTimeout(timer);
      resolve(time !== undefined && Number.isFinite(time) ? time : undefined);
    };
    socket.on('data', (chunk: Buffer) => {
      head += chunk.toString('latin1');
      const date = /\r\ndate: ([^\r\n]+)\r\n/i.exec(head)?.[1];
      if (date !== undefined) done(Date.parse(date));
      else if (head.includes('\r\n\r\n') || head.length > HEAD_MAX) done(undefined);
    });
    socket.once('close', () => done(undefined));
    socket.write(`GET /livez HTTP/1.1\r\nHost: ${url.host}\r\nConnection: close\r\n\r\n`);
  });
}
