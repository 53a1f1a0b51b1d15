/** A random history of Services and endpoints; the same seed, the same history. */
import type { Service } from '../../api/core/v1/service.ts';
import type { EndpointSlice } from '../../api/discovery/v1/endpointslice.ts';
import { service, slice } from './builders.ts';

/** Numbers in [0, 1), from a seed: mulberry32. */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** One change: what a Service is from now on. No Service: it is deleted. */
export interface RandomChange {
  readonly name: string;
  readonly service: Service | undefined;
  readonly slices: readonly EndpointSlice[];
}

const SERVICES = 6;
const affinity = (timeoutSeconds: number) =>
  ({ sessionAffinity: 'ClientIP', sessionAffinityConfig: { clientIP: { timeoutSeconds } } }) as const;

/** Few names, addresses and ports, so that changes meet: Services claim the same addresses, and come and go. */
export function randomChange(random: () => number): RandomChange {
  const below = (count: number) => Math.floor(random() * count);
  const chance = (share: number) => random() < share;
  const number = below(SERVICES);
  const name = `s${number}`;
  if (chance(0.15)) return { name, service: undefined, slices: [] };
  // Often one within the other.
  const ranges = () => Array.from({ length: 1 + below(3) }, () => `10.${below(2)}.0.0/${[8, 15, 16][below(3)]}`);
  const protocol = chance(0.3) ? ('UDP' as const) : ('TCP' as const);
  const nodePort = chance(0.5) ? { nodePort: 30000 + below(3) } : {};
  const built = service(
    name,
    {
      type: 'LoadBalancer',
      clusterIPs: [`10.96.0.${number + 1}`, ...(chance(0.7) ? [`fd00:10:96::${number + 1}`] : [])],
      externalIPs: chance(0.4) ? [`198.51.100.${below(2)}`] : [],
      externalTrafficPolicy: chance(0.4) ? 'Local' : 'Cluster',
      loadBalancerSourceRanges: chance(0.4) ? ranges() : [],
      internalTrafficPolicy: chance(0.2) ? 'Local' : 'Cluster',
      ...(chance(0.3) ? affinity(60 * (1 + below(2))) : {}),
      ports: [{ port: 80, protocol, ...nodePort }, ...(chance(0.3) ? [{ name: 'b', port: 81, protocol }] : [])],
    },
    chance(0.5) ? [`192.168.50.${200 + below(2)}`] : [],
  );
  const endpoints = (prefix: string) =>
    Array.from({ length: below(6) }, () => below(6)).map((host) => ({
      addresses: [`${prefix}${host + 2}`],
      nodeName: chance(0.5) ? 'node1' : 'node2',
      conditions: { ready: chance(0.8) },
    }));
  const metadata = { ...built.metadata, creationTimestamp: `2026-01-0${below(9) + 1}T00:00:00Z` };
  return {
    name,
    service: { ...built, metadata },
    slices: [
      slice(name, endpoints('10.244.1.'), { protocol, addressType: 'IPv4' }),
      slice(name, endpoints('fd00:10:244:1::'), { protocol, addressType: 'IPv6' }),
    ],
  };
}
