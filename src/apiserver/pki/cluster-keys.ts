/** What is the same on all servers of a cluster: its authority, and the key that signs tokens. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { writePrivateFile } from '../../host/private-file.ts';
import { certificatePin } from '../../lib/certificate-pin.ts';
import type { KeyPair } from './certificate.ts';
import { AUTHORITY, keepPair, readPair, TOKEN_KEY } from './files.ts';

export interface ClusterKeys {
  readonly authority: KeyPair;
  /** PEM, PKCS #8. */
  readonly tokenKey: string;
}

/**
 * Whether the folder is already that of a server of a cluster: of the one whose authority has the pin, where one is given. Throws when it is
 * of another.
 */
export async function holdsClusterKeys(dir: string, pin: string | undefined): Promise<boolean> {
  const found = await readPair(dir, AUTHORITY);
  if (found !== undefined && pin !== undefined && certificatePin(found.certificate) !== pin) throw another(dir);
  return found !== undefined;
}

/** Makes the folder that of a server of a cluster that is there already. Throws when it is of another cluster. */
export async function adoptClusterKeys(dir: string, { authority, tokenKey }: ClusterKeys): Promise<void> {
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const found = await readPair(dir, AUTHORITY);
  if (found !== undefined && found.certificate !== authority.certificate) throw another(dir);
  // The authority last: where that is, all is there.
  await writePrivateFile(join(dir, TOKEN_KEY), tokenKey);
  if (found === undefined) await keepPair(dir, AUTHORITY, authority);
}

function another(dir: string): Error {
  return new Error(
    `${join(dir, `${AUTHORITY}.pem`)} is the authority of another cluster than the one to join. To leave that cluster, move the data directory away, or name another.`,
  );
}
