/** Where other machines reach the servers, for the command that they are to run. */
import { EndpointSlice, SERVICE_NAME_LABEL } from '../../api/discovery/v1/endpointslice.ts';
import type { Client, Endpoint } from '../../client/client.ts';
import { serverURLs } from '../../client/learn-servers.ts';
import { certificatePin } from '../../lib/certificate-pin.ts';
import { seconds } from '../../lib/duration.ts';
import { fetchAuthority } from './authority.ts';

/** How long an address has to answer: they are this machine's, or its neighbours'. */
const LIMIT = seconds(1);

/** Whether only this machine reaches all of them. */
export function areLocal(urls: readonly string[]): boolean {
  return urls.every((url) => /^(localhost|127\.|\[::1\])/.test(new URL(url).host));
}

/**
 * The servers of a kubeconfig; where those are this machine's loopback, the addresses that the API tells pods and nodes, as far as a server
 * of the cluster does answer there.
 */
export async function serversForOthers(client: Client, endpoint: Endpoint): Promise<readonly string[]> {
  const known = [endpoint.server, ...(endpoint.otherServers ?? [])];
  const { caData } = endpoint;
  if (!areLocal(known) || caData === undefined) return known;
  const labelSelector = `${SERVICE_NAME_LABEL}=kubernetes`;
  const { items } = await client.list(EndpointSlice, { namespace: 'default', labelSelector });
  const told = serverURLs(items).filter((url) => !areLocal([url]));
  const answers = await Promise.all(told.map((url) => answersAt(url, certificatePin(caData))));
  const good = told.filter((_, i) => answers[i]);
  return good.length > 0 ? good : known;
}

function answersAt(url: string, pin: string): Promise<boolean> {
  const answered = fetchAuthority(url, { pin, now: () => Date.now() }).then(
    () => true,
    () => false,
  );
  const late = new Promise<boolean>((resolve) => {
    setTimeout(() => resolve(false), LIMIT).unref();
  });
  return Promise.race([answered, late]);
}
