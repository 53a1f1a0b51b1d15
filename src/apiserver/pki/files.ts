/** The files of a server's keys and certificates, which only their owner can read. */
import { generateKeyPair } from 'node:crypto';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { readIfThere, writePrivateFile } from '../../host/private-file.ts';
import type { KeyPair } from './certificate.ts';

/** The name of the cluster's authority, which signs all certificates. */
export const AUTHORITY = 'ca';
/** The file of the key that signs the tokens of service accounts. */
export const TOKEN_KEY = 'service-account.pem';

/** Certificate and key stand in one file, so that a crash cannot leave one without the other. */
export async function readPair(dir: string, name: string): Promise<KeyPair | undefined> {
  const path = join(dir, `${name}.pem`);
  const text = await readIfThere(path);
  if (text === undefined) return undefined;
  const certificate = block(text, 'CERTIFICATE');
  const key = block(text, 'PRIVATE KEY');
  if (certificate === undefined || key === undefined) {
    throw new Error(
      `${path} should hold a certificate and a private key in PEM and does not. Restore it from a backup, or delete it: ` +
        `a new one is then made${name === AUTHORITY ? ', and every kubeconfig made so far stops working' : ''}.`,
    );
  }
  return { certificate, key };
}

/** A key without a certificate: others are given its public half by the API. */
export async function readKey(dir: string, name: string): Promise<string | undefined> {
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

/** Makes a key and keeps it. */
export async function keepKey(dir: string, name: string): Promise<string> {
  const { privateKey } = await promisify(generateKeyPair)('ec', { namedCurve: 'P-256' });
  const key = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  await writePrivateFile(join(dir, name), key);
  return key;
}

/** Keeps a pair under a name. */
export async function keepPair(dir: string, name: string, pair: KeyPair): Promise<KeyPair> {
  await writePrivateFile(join(dir, `${name}.pem`), pair.certificate + pair.key);
  return pair;
}

function block(text: string, label: string): string | undefined {
  return new RegExp(`-----BEGIN ${label}-----[^-]+-----END ${label}-----\n?`).exec(text)?.[0];
}
