/** What has to change in the kernel for paths to other nodes. */
import type { Pace } from '../../host/paced.ts';
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

/** What leads from one to the other; `pace` is asked for a turn after each item. What is removed is named as it was, so that what took its place meanwhile stays. */
export async function diffWays(actual: Ways, desired: Ways, pace: Pace): Promise<WayChanges> {
  return {
    routes: await diff(actual.routes, desired.routes, { key: KEYS.routes, text: TEXTS.routes }, pace),
    forwarding: await diff(
      actual.forwarding,
      desired.forwarding,
      { key: KEYS.forwarding, text: TEXTS.forwarding },
      pace,
    ),
    neighbours: await diff(
      actual.neighbours,
      desired.neighbours,
      { key: KEYS.neighbours, text: TEXTS.neighbours },
      pace,
    ),
  };
}

type Printers = { readonly [K in keyof Ways]: (item: Ways[K][number]) => string };

/** What there is one of. */
const KEYS: Printers = {
  routes: ({ destination }) => destination,
  forwarding: ({ device, mac }) => `${device} ${mac}`,
  neighbours: ({ device, address }) => `${device} ${address}`,
};

/** All of it: nodes are many, and texts are compared soonest. */
const TEXTS: Printers = {
  routes: ({ destination, via, device = '' }) => `${destination} ${via} ${device}`,
  forwarding: ({ device, mac, address }) => `${device} ${mac} ${address}`,
  neighbours: ({ device, address, mac }) => `${device} ${address} ${mac}`,
};

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
export async function unmadePaths(
  paths: ReadonlyMap<string, Path>,
  actual: Ways,
  pace: Pace,
): Promise<ReadonlySet<string>> {
  const present = {
    routes: await setOf(actual.routes, TEXTS.routes, pace),
    forwarding: await setOf(actual.forwarding, TEXTS.forwarding, pace),
    neighbours: await setOf(actual.neighbours, TEXTS.neighbours, pace),
  };
  const unmade = new Set<string>();
  for (const [name, path] of paths) {
    const { routes, forwarding, neighbours } = waysOf([path]);
    const isMade =
      routes.every((route) => present.routes.has(TEXTS.routes(route))) &&
      forwarding.every((entry) => present.forwarding.has(TEXTS.forwarding(entry))) &&
      neighbours.every((neighbour) => present.neighbours.has(TEXTS.neighbours(neighbour)));
    if (!isMade) unmade.add(name);
    await pace();
  }
  return unmade;
}

interface Printed<T> {
  readonly key: (item: T) => string;
  readonly text: (item: T) => string;
}

async function diff<T>(
  actual: readonly T[],
  desired: readonly T[],
  { key, text }: Printed<T>,
  pace: Pace,
): Promise<Changes<T>> {
  const wanted = await setOf(desired, key, pace);
  const present = await setOf(actual, text, pace);
  return {
    replace: await without(desired, present, text, pace),
    remove: await without(actual, wanted, key, pace),
  };
}

async function setOf<T>(items: readonly T[], print: (item: T) => string, pace: Pace): Promise<ReadonlySet<string>> {
  const texts = new Set<string>();
  for (const item of items) {
    texts.add(print(item));
    await pace();
  }
  return texts;
}

/** Those that are not among the others. */
async function without<T>(
  items: readonly T[],
  others: ReadonlySet<string>,
  print: (item: T) => string,
  pace: Pace,
): Promise<readonly T[]> {
  const left: T[] = [];
  for (const item of items) {
    if (!others.has(print(item))) left.push(item);
    await pace();
  }
  return left;
}
