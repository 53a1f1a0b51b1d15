/** How commands that talk to a server find it: `--kubeconfig`, else $KUBECONFIG, as kubectl does; else they are in a pod. */
import { Option } from 'commander';
import type { Client, Endpoint } from '../client/client.ts';
import { UserError } from './errors.ts';

export const kubeconfigOption = (): Option =>
  new Option('--kubeconfig <file>', 'the server to talk to').env('KUBECONFIG');

export const namespaceOption = (): Option =>
  new Option('-n, --namespace <namespace>', 'its namespace').default('default');

/** Whether there is one: $KUBECONFIG may be set, and be empty. */
export const isNamed = (kubeconfig: string | undefined): kubeconfig is string =>
  kubeconfig !== undefined && kubeconfig !== '';

/** The server that the user named; in a pod where none is named, that of the pod's own cluster. */
export async function loadEndpoint(kubeconfig: string | undefined): Promise<Endpoint> {
  if (!isNamed(kubeconfig)) {
    const { inClusterEndpoint } = await import('../client/in-cluster.ts');
    const own = await inClusterEndpoint();
    if (own !== undefined) return own;
    throw new UserError(
      'which server? No kubeconfig was given',
      'Add --kubeconfig DIR/kubeconfig, or: export KUBECONFIG=DIR/kubeconfig',
    );
  }
  const { loadKubeconfig } = await import('../client/kubeconfig.ts');
  return loadKubeconfig(kubeconfig);
}

/** Runs `use` with a client of the server that the user named, and closes it. */
export async function withClient<T>(kubeconfig: string | undefined, use: (client: Client) => Promise<T>): Promise<T> {
  return withClientOf(await loadEndpoint(kubeconfig), use);
}

/** Runs `use` with a client of these servers, and closes it. Once that has taken two seconds, says on standard error what is waited for. */
export async function withClientOf<T>(endpoint: Endpoint, use: (client: Client) => Promise<T>): Promise<T> {
  const [{ createClient }, { Progress }] = await Promise.all([
    import('../client/http-client.ts'),
    import('./progress.ts'),
  ]);
  const client = createClient(endpoint);
  try {
    return await new Progress(process.stderr).during('asking the API', (tell) => {
      tell(`waiting for ${endpoint.server}`);
      return use(client);
    });
  } finally {
    client.close();
  }
}
