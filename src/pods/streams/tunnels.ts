/**
 * A way from every API server to this node: whoever asks one of them for the logs of a pod is answered there, whichever server the
 * agent itself talks to.
 */
import type { Endpoint } from '../../client/client.ts';
import { aborted } from '../../lib/abort.ts';
import { keepTunnel, type TunnelOptions } from './tunnel.ts';

/** The API servers that there are. */
export interface Servers {
  /** Each as an endpoint of its own, with the credentials of now. */
  all(): readonly Endpoint[];
  /** Calls back whenever `all` answers otherwise than before, until what is returned is called. */
  onChange(listener: () => void): () => void;
}

class Tunnel {
  /** With the credentials of now. */
  endpoint: Endpoint;
  readonly ended = new AbortController();

  constructor(endpoint: Endpoint) {
    this.endpoint = endpoint;
  }

  keep(options: Omit<TunnelOptions, 'endpoint'>, signal: AbortSignal): Promise<void> {
    return keepTunnel({ ...options, endpoint: () => this.endpoint }, AbortSignal.any([signal, this.ended.signal]));
  }
}

/** Keeps a tunnel to each server, as they come and go, until the signal is aborted. */
export async function keepTunnels(
  servers: Servers,
  options: Omit<TunnelOptions, 'endpoint'>,
  signal: AbortSignal,
): Promise<void> {
  const tunnels = new Map<string, Tunnel>();
  const running = new Set<Promise<void>>();
  const begin = (key: string, tunnel: Tunnel) => {
    tunnels.set(key, tunnel);
    const kept = tunnel.keep(options, signal);
    running.add(kept);
    void kept.finally(() => running.delete(kept));
  };
  const update = () => {
    const wanted = new Map(servers.all().map((endpoint) => [keyOf(endpoint), endpoint]));
    for (const [key, { ended }] of tunnels) {
      if (wanted.has(key)) continue;
      ended.abort();
      tunnels.delete(key);
    }
    for (const [key, endpoint] of wanted) {
      const tunnel = tunnels.get(key);
      if (tunnel !== undefined) tunnel.endpoint = endpoint;
      else begin(key, new Tunnel(endpoint));
    }
  };
  const forget = servers.onChange(update);
  update();
  await aborted(signal);
  forget();
  await Promise.all(running);
}

/** Tells servers apart; credentials are no part of it. */
function keyOf({ server, connectTo = '', socketPath = '' }: Endpoint): string {
  return `${server} ${connectTo} ${socketPath}`;
}
