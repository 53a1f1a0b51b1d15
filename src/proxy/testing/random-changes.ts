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
const PROTOCOLS = ['TCP', 'TCP', 'UDP', 'SCTP'] as const;
const TYPES = ['LoadBalancer', 'LoadBalancer', 'NodePort', 'ClusterIP'] as const;
const CONDITIONS = [
  { ready: true },
  { ready: true },
  { ready: true },
  { ready: false },
  { ready: false, serving: true, terminating: true },
] as const;

const affinity = (timeoutSeconds: number) =>
  ({ sessionAffinity: 'ClientIP', sessionAffinityConfig: { clientIP: { timeoutSeconds } } }) as const;

/** Choices, by a source of random numbers. */
class Dice {
  readonly #random: () => number;

  constructor(random: () => number) {
    this.#random = random;
  }

  below(count: number): number {
    return Math.floor(this.#random() * count);
  }

  chance(share: number): boolean {
    return this.#random() < share;
  }

  one<T>(of: readonly [T, ...T[]]): T {
    return of[this.below(of.length)] ?? of[0];
  }
}

/** Few names, addresses and ports, so that changes meet: Services claim the same addresses, and come and go. */
export function randomChange(random: () => number): RandomChange {
  const dice = new Dice(random);
  const number = dice.below(SERVICES);
  const name = `s${number}`;
  if (dice.chance(0.15)) return { name, service: undefined, slices: [] };
  const ports = [randomPort(dice, '', 80), ...(dice.chance(0.3) ? [randomPort(dice, 'b', 81)] : [])];
  return {
    name,
    service: randomService(dice, number, ports),
    slices: ports.flatMap((port) => [
      randomSlice(dice, name, port, { addressType: 'IPv4', prefix: '10.244.1.' }),
      randomSlice(dice, name, port, { addressType: 'IPv6', prefix: 'fd00:10:244:1::' }),
    ]),
  };
}

type Port = ReturnType<typeof randomPort>;

function randomPort(dice: Dice, name: string, port: number) {
  const nodePort = dice.chance(0.5) ? { nodePort: 30000 + dice.below(3) } : {};
  return { name, port, protocol: dice.one(PROTOCOLS), ...nodePort };
}

function randomService(dice: Dice, number: number, ports: Port[]): Service {
  const both = (ipv4: string, ipv6: string) => [ipv4, ...(dice.chance(0.7) ? [ipv6] : [])];
  const [outside, balanced] = [dice.below(2), 200 + dice.below(2)];
  // Often one within the other.
  const ranges = () =>
    Array.from({ length: 1 + dice.below(3) }, () => `10.${dice.below(2)}.0.0/${dice.one([8, 15, 16])}`);
  const built = service(
    `s${number}`,
    {
      type: dice.one(TYPES),
      clusterIPs: both(`10.96.0.${number + 1}`, `fd00:10:96::${number + 1}`),
      externalIPs: dice.chance(0.4) ? both(`198.51.100.${outside}`, `fd00:51::${outside + 1}`) : [],
      externalTrafficPolicy: dice.chance(0.4) ? 'Local' : 'Cluster',
      loadBalancerSourceRanges: dice.chance(0.4) ? [...ranges(), ...(dice.chance(0.5) ? ['fd00::/16'] : [])] : [],
      internalTrafficPolicy: dice.chance(0.2) ? 'Local' : 'Cluster',
      ...(dice.chance(0.3) ? affinity(60 * (1 + dice.below(2))) : {}),
      ports,
    },
    dice.chance(0.5) ? both(`192.168.50.${balanced}`, `fd00:50::${balanced}`) : [],
  );
  const creationTimestamp = `2026-01-0${dice.below(9) + 1}T00:00:00Z`;
  return { ...built, metadata: { ...built.metadata, creationTimestamp } };
}

function randomSlice(
  dice: Dice,
  of: string,
  { name, protocol }: Port,
  { addressType, prefix }: { readonly addressType: 'IPv4' | 'IPv6'; readonly prefix: string },
): EndpointSlice {
  const endpoints = Array.from({ length: dice.below(6) }, () => ({
    addresses: [`${prefix}${dice.below(6) + 2}`],
    nodeName: dice.one(['node1', 'node2']),
    conditions: dice.one(CONDITIONS),
  }));
  const built = slice(of, endpoints, { name, protocol, addressType });
  return { ...built, metadata: { ...built.metadata, name: `${built.metadata.name}-${name}` } };
}
