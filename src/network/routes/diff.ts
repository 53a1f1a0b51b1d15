/** What has to change in the kernel for paths to other nodes. */
import { isDeepStrictEqual } from 'node:util';
import type { Path, Route } from './desired.ts';

/** Whom frames for a MAC are sent to: an entry of a VXLAN device's forwarding database. */
export interface Forwarding {
  readonly device: string;
  readonly mac: string;
  readonly address: string;
}

/** Which MAC a next hop has. */
export interface Neighbour {
  readonly device: string;
  readonly address: string;
  readonly mac: string;
}

/** What the kernel has of ours, or is to have. */
export interface Ways {
  readonly routes: readonly Route[];
  readonly forwarding: readonly Forwarding[];
  readonly neighbours: readonly Neighbour[];
}

export interface Changes<T> {
  readonly replace: readonly T[];
  readonly remove: readonly T[];
}

export type WayChanges = { readonly [K in keyof Ways]: Changes<Ways[K][number]> };

/** All of some paths. */
export function waysOf(paths: readonly Path[]): Ways {
  const tunnels = paths.flatMap(({ tunnel }) => tunnel ?? []);
  return {
    routes: paths.flatMap(({ routes }) => routes),
    forwarding: tunnels.map(({ device, mac, address }) => ({ device, mac, address })),
    neighbours: tunnels.flatMap(({ device, mac, neighbours }) =>
      neighbours.map((address) => ({ device, address, mac })),
    ),
  };
}

/** What leads from one to the other. What is removed is named as it was, so that what took its place meanwhile stays. */
export function diffWays(actual: Ways, desired: Ways): WayChanges {
  return {
    routes: diff(actual.routes, desired.routes, (route) => route.destination),
    forwarding: diff(actual.forwarding, desired.forwarding, ({ device, mac }) => `${device} ${mac}`),
    neighbours: diff(actual.neighbours, desired.neighbours, ({ device, address }) => `${device} ${address}`),
  };
}

/** Whether there is anything to do. */
export function isChange(changes: WayChanges): boolean {
  return Object.values(changes).some(({ replace, remove }) => replace.length > 0 || remove.length > 0);
}

/** For people. */
export function countsOf(changes: WayChanges): Readonly<Record<string, number>> {
  const all = Object.values(changes);
  const count = (which: keyof Changes<unknown>) => all.reduce((sum, one) => sum + one[which].length, 0);
  return { replaced: count('replace'), removed: count('remove') };
}

/** Which of the paths, by name, the kernel does not wholly have. */
export function unmadePaths(paths: ReadonlyMap<string, Path>, actual: Ways): ReadonlySet<string> {
  const present = new Set(textsOf(actual));
  const isUnmade = ([, path]: readonly [string, Path]) => textsOf(waysOf([path])).some((text) => !present.has(text));
  return new Set([...paths].filter(isUnmade).map(([name]) => name));
}

const textsOf = ({ routes, forwarding, neighbours }: Ways): readonly string[] => [
  ...routes.map(({ destination, via, device = '' }) => `route ${destination} ${via} ${device}`),
  ...forwarding.map(({ device, mac, address }) => `forwarding ${device} ${mac} ${address}`),
  ...neighbours.map(({ device, address, mac }) => `neighbour ${device} ${address} ${mac}`),
];

function diff<T>(actual: readonly T[], desired: readonly T[], key: (item: T) => string): Changes<T> {
  const wanted = new Set(desired.map(key));
  const present = new Map(actual.map((item) => [key(item), item]));
  return {
    replace: desired.filter((item) => !isDeepStrictEqual(present.get(key(item)), item)),
    remove: actual.filter((item) => !wanted.has(key(item))),
  };
}
