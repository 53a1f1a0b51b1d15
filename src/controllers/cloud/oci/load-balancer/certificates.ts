/** Certificates for load balancers, out of Secrets. */
import { createHash } from 'node:crypto';
import type { Secret } from '../../../../api/core/v1/secret.ts';
import type { RequestedTls } from '../request.ts';
import type { Refused } from './keeper.ts';

/** What goes to OCI once, and is kept nowhere. All in PEM. */
export interface Certificate {
  readonly name: string;
  readonly publicCertificate: string;
  readonly privateKey: string;
  readonly caCertificate?: string;
  readonly passphrase?: string;
}

export interface Certificates {
  readonly listener?: Certificate;
  readonly backendSet?: Certificate;
}

/** Undefined: there is none. */
export type ReadSecret = (key: { readonly namespace: string; readonly name: string }) => Promise<Secret | undefined>;

const PREFIX = 'postern-';
const MAX_NAME = 255;
const HASH_LENGTH = 16;

/** Whether we have put a certificate of this name on a load balancer. */
export function isOurs(name: string): boolean {
  return name.startsWith(PREFIX);
}

export async function certificatesFor(
  tls: RequestedTls | undefined,
  read: ReadSecret,
): Promise<{ readonly kind: 'certificates'; readonly certificates: Certificates } | Refused> {
  const certificates: { listener?: Certificate; backendSet?: Certificate } = {};
  for (const use of ['listener', 'backendSet'] as const) {
    const key = tls?.[use];
    if (key === undefined) continue;
    const secret = await read(key);
    const certificate = secret === undefined ? 'there is no such Secret' : certificateOf(key.name, secret);
    if (typeof certificate === 'string') {
      return { kind: 'refused', reason: 'InvalidSecret', why: `Secret ${key.namespace}/${key.name}: ${certificate}` };
    }
    certificates[use] = certificate;
  }
  return { kind: 'certificates', certificates };
}

/**
 * OCI changes no certificate: another one has another name, which is why it has a digest of what is in it. Answers with what is
 * wrong with the Secret.
 */
function certificateOf(secretName: string, { data = {} }: Secret): Certificate | string {
  const text = (key: string) => {
    const value = Buffer.from(data[key] ?? '', 'base64').toString('utf8');
    return value === '' ? undefined : value;
  };
  const [publicCertificate, privateKey] = [text('tls.crt'), text('tls.key')];
  if (publicCertificate === undefined || privateKey === undefined) return 'it must have tls.crt and tls.key';
  const [caCertificate, passphrase] = [text('ca.crt'), text('passphrase')];
  const contents = [publicCertificate, privateKey, caCertificate ?? '', passphrase ?? ''];
  const digest = createHash('sha256').update(JSON.stringify(contents)).digest('hex').slice(0, HASH_LENGTH);
  const readable = secretName.replace(/[^\w-]/g, '_').slice(0, MAX_NAME - PREFIX.length - HASH_LENGTH - 1);
  return {
    name: `${PREFIX}${readable}-${digest}`,
    publicCertificate,
    privateKey,
    ...(caCertificate === undefined ? {} : { caCertificate }),
    ...(passphrase === undefined ? {} : { passphrase }),
  };
}
