/** The Secrets that a pod names for pulling its images, read when they are needed. */
import type { Pod } from '../../api/core/v1/pod.ts';
import { Secret } from '../../api/core/v1/secret.ts';
import { ApiError } from '../../api/status.ts';
import type { Client } from '../../client/client.ts';
import type { Logger } from '../../host/log.ts';
import { parsePullSecret, type RegistryCredential } from './credentials.ts';

export interface PullSecrets {
  readonly credentials: readonly RegistryCredential[];
  /** Names of those that are not there, may not be read, or are not what they should be. */
  readonly unread: readonly string[];
}

/** Reads the Secrets that a pod names. One that is of no use is told of, and the others are used. */
export async function pullSecretsOf(pod: Pod, client: Pick<Client, 'get'>, log: Logger): Promise<PullSecrets> {
  const { namespace = '', name: podName } = pod.metadata;
  const credentials: RegistryCredential[] = [];
  const unread: string[] = [];
  for (const { name = '' } of pod.spec?.imagePullSecrets ?? []) {
    if (name === '') continue;
    const parsed = await readSecret(client, namespace, name);
    if (parsed.kind === 'credentials') credentials.push(...parsed.credentials);
    else {
      unread.push(name);
      log.warn(
        { pod: `${namespace}/${podName}`, secret: name, why: parsed.why },
        'a Secret for pulling images is of no use',
      );
    }
  }
  return { credentials, unread };
}

async function readSecret(client: Pick<Client, 'get'>, namespace: string, name: string) {
  try {
    return parsePullSecret(await client.get(Secret, { namespace, name }));
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    return { kind: 'invalid', why: error.message } as const;
  }
}
