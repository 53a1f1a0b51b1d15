/** A client in the server's own process. */
import type { Kind } from '../api/kind.ts';
import type { KubeObject } from '../api/meta/v1.ts';
import type { Client, Listed, ListOptions, WatchEvent } from './client.ts';
import type { ServedClient } from './http-client.ts';

/** What is followed comes from `reads`; all else is asked of the server that `client` is of, the same, which decides who may do it. */
export function nearClient(client: ServedClient, reads: Pick<Client, 'list' | 'watch'>): ServedClient {
  return {
    servers: client.servers,
    get: (kind, key) => client.get(kind, key),
    list: <T extends KubeObject>(kind: Kind<T>, options?: ListOptions): Promise<Listed<T>> => reads.list(kind, options),
    watch: <T extends KubeObject>(
      kind: Kind<T>,
      options: Parameters<Client['watch']>[1],
      signal: AbortSignal,
    ): AsyncIterable<WatchEvent<T>> => reads.watch(kind, options, signal),
    create: (kind, object) => client.create(kind, object),
    update: (kind, object) => client.update(kind, object),
    updateStatus: (kind, object) => client.updateStatus(kind, object),
    patch: (kind, key, patch, subresource) => client.patch(kind, key, patch, subresource),
    delete: (kind, key, options) => client.delete(kind, key, options),
    raw: (method, path, body) => client.raw(method, path, body),
    close: () => client.close(),
  };
}
