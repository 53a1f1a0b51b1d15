/**
 * How a program in a pod finds the API: variables of its environment, and files of its service account.
 * https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { codeOf } from '../lib/errors.ts';
import type { Endpoint } from './client.ts';

/** Where a kubelet puts them. */
const DIRECTORY = '/var/run/secrets/kubernetes.io/serviceaccount';

/** A pod whose service account cannot be used. The message says which file, and what to do. */
export class InClusterError extends Error {
  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'InClusterError';
  }
}

/** The API of the cluster that this program runs in a pod of; undefined when it does not. Throws {@link InClusterError}. */
export async function inClusterEndpoint(
  env: NodeJS.ProcessEnv = process.env,
  directory = DIRECTORY,
): Promise<Endpoint | undefined> {
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = env;
  if (!host || !port) return undefined;
  const server = `https://${host.includes(':') ? `[${host}]` : host}:${port}`;
  if (!URL.canParse(server)) {
    throw new InClusterError(
      `KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are ${JSON.stringify(host)} and ${JSON.stringify(port)}, which is not where an API server can be`,
    );
  }
  const tokenFile = join(directory, 'token');
  // Read once, so that what is missing is told now. The token is read again as the kubelet renews it.
  await readOwn(tokenFile);
  return { server, caData: await readOwn(join(directory, 'ca.crt')), tokenFile };
}

async function readOwn(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    const why = codeOf(cause) === 'ENOENT' ? 'there is no such file' : (cause as Error).message;
    throw new InClusterError(
      `KUBERNETES_SERVICE_HOST says that this runs in a pod, but ${path} cannot be read: ${why}. Let the pod have the token of its service account (automountServiceAccountToken), or name a kubeconfig: --kubeconfig FILE`,
      { cause },
    );
  }
}
