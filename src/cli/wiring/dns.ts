/** A DNS server that runs alone, put together: from which API, and where it answers. */
import { existsSync } from 'node:fs';
import type { Endpoint } from '../../client/client.ts';
import { createClient } from '../../client/http-client.ts';
import { startDNS } from '../../dns/dns.ts';
import { ListenError } from '../../dns/server/listener.ts';
import { systemClock } from '../../host/clock.ts';
import { createLogger } from '../../host/log.ts';
import { aborted, untilAborted } from '../../lib/abort.ts';
import { type ListenAddress, listenHTTP } from '../../proxy/health/listen.ts';
import { serveDNS } from '../dns/serve.ts';
import { UserError } from '../errors.ts';
import { keepMemorySmall } from './memory.ts';

export interface LoneDNSOptions {
  readonly endpoint: Endpoint;
  /** Addresses of this machine; wildcards are `0.0.0.0` and `::`. */
  readonly listen: readonly ListenAddress[];
  readonly clusterDomain: string;
  /** Servers for other names; undefined: those of this machine. */
  readonly upstream: readonly string[] | undefined;
  /** Prefixes of those who may ask for other names; undefined: everyone. */
  readonly clients: readonly string[] | undefined;
  /** Where it is asked how it is, and for its metrics. */
  readonly serve: readonly ListenAddress[];
}

/**
 * Runs until the signal is aborted. Other names are answered at once, those of the cluster once the API has told them:
 * `ready` is called then, with where it answers. Throws {@link UserError} where it cannot listen.
 */
export async function runLoneDNS(
  options: LoneDNSOptions,
  signal: AbortSignal,
  ready: (at: readonly ListenAddress[]) => void,
): Promise<void> {
  const { clusterDomain, upstream, clients } = options;
  const log = createLogger('dns');
  const client = createClient(options.endpoint);
  let isSynced = false;
  try {
    const settings = { client, log, clusterDomain, ...(upstream && { upstream }), ...(clients && { clients }) };
    const dns = await startDNS({ ...settings, listen: withoutMissingFamily(options.listen) }, signal).catch(explain);
    const served = serveDNS({
      ...{ dns, at: options.serve, isSynced: () => isSynced },
      ...{ listen: listenHTTP, clock: systemClock, log },
    });
    await untilAborted(dns.synced, signal);
    isSynced = true;
    void keepMemorySmall({ log }, signal);
    if (!signal.aborted) ready(dns.addresses());
    await aborted(signal);
    await served.close();
  } finally {
    client.close();
  }
}

/** A kernel that was told to know no IPv6 cannot listen at all of its addresses: there are none. */
function withoutMissingFamily(listen: readonly ListenAddress[]): readonly ListenAddress[] {
  const hasIPv6 = existsSync('/proc/net/if_inet6');
  return hasIPv6 || listen.length === 1 ? listen : listen.filter(({ address }) => address !== '::');
}

function explain(error: unknown): never {
  if (!(error instanceof ListenError)) throw error;
  throw new UserError(error.message, 'Say where with --listen, such as 127.0.0.1:5353.', { cause: error });
}
