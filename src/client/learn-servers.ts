/**
 * Which API servers there are, from the API itself: the endpoints of `default/kubernetes`, which the servers keep. So a process that was
 * told of one server knows all, and those that came after it was started.
 */
import { type EndpointSlice, SERVICE_NAME_LABEL } from '../api/discovery/v1/endpointslice.ts';
import type { Logger } from '../host/log.ts';
import { messageOf } from '../lib/errors.ts';
import type { ApiServers } from './api-servers.ts';
import type { Informer } from './informer.ts';

export interface LearnServersOptions {
  readonly servers: ApiServers;
  /** Of all namespaces or of `default`. It may be shared, and started before or after. */
  readonly slices: Informer<EndpointSlice>;
  /**
   * Keeps them for the next start, and with them the server in use: what was learned may not be reached from here, as behind a load balancer.
   * Called once at a time, with those of now. Default: they are not kept.
   */
  readonly save?: (urls: readonly string[]) => Promise<void>;
  readonly log: Logger;
}

/** Tells `servers` of the API servers that there are, whenever that changes. One that is alone tells nothing that was not known. */
export function learnServers({ servers, slices, save, log }: LearnServersOptions): void {
  const ofKubernetes = slices.index(({ metadata }) =>
    metadata.namespace === 'default' && metadata.labels?.[SERVICE_NAME_LABEL] === 'kubernetes' ? ['kubernetes'] : [],
  );
  let saving = Promise.resolve();
  let known: readonly string[] = [];
  slices.onChange(({ object, previous }) => {
    if (!isOfKubernetes(object) && !isOfKubernetes(previous)) return;
    const urls = serverURLs(ofKubernetes('kubernetes'));
    if (urls.length === 0 || (urls.length === 1 && known.length === 0)) return;
    if (urls.join(' ') === known.join(' ')) return;
    known = urls;
    servers.learn(urls);
    log.info({ servers: urls }, 'these are the API servers now');
    if (save === undefined) return;
    saving = saving
      .then(() => (known === urls ? save(withServerInUse(urls, servers)) : undefined))
      .catch((error: unknown) => {
        log.warn({ reason: messageOf(error) }, 'could not keep the list of API servers for the next start');
      });
  });
}

function withServerInUse(urls: readonly string[], { inUse }: ApiServers): readonly string[] {
  return inUse === undefined || urls.includes(inUse) ? urls : [...urls, inUse];
}

/** The servers that slices of `default/kubernetes` name, in an order that is always the same. */
export function serverURLs(slices: readonly EndpointSlice[]): readonly string[] {
  const urls = slices.flatMap(({ endpoints, ports }) => {
    const port = ports?.find(({ name }) => name === 'https')?.port;
    if (port === undefined) return [];
    const ready = (endpoints ?? []).filter(({ conditions }) => conditions?.ready !== false);
    return ready.flatMap(({ addresses }) => addresses.map((address) => `https://${urlHost(address)}:${port}`));
  });
  return [...new Set(urls)].sort();
}

function isOfKubernetes(slice: EndpointSlice | undefined): boolean {
  return slice?.metadata.namespace === 'default' && slice.metadata.labels?.[SERVICE_NAME_LABEL] === 'kubernetes';
}

function urlHost(address: string): string {
  return address.includes(':') ? `[${address}]` : address;
}
