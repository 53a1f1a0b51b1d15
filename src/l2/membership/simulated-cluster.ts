/** For tests: clusters on a simulated LAN, and what their nodes see. */
import { seconds } from '../../lib/duration.ts';
import { SimulatedLan } from './simulation.ts';

export const names = (count: number): readonly string[] => Array.from({ length: count }, (_, i) => `n${i + 1}`);

/** A LAN on which so many nodes have been running for a while. */
export function running(count: number, seed = 1): SimulatedLan {
  const lan = new SimulatedLan(seed);
  lan.know(names(count));
  for (const name of names(count)) lan.start(name);
  lan.run(seconds(3));
  settled.set(lan, changes(lan));
  return lan;
}

/** Who lives, as each running node sees it. */
export function views(lan: SimulatedLan): Record<string, string> {
  const up = [...lan.nodes.values()].filter(({ isDown }) => !isDown);
  return Object.fromEntries(up.map(({ name, heartbeats }) => [name, [...heartbeats.alive()].sort().join(' ')]));
}

export const everyone = (lan: SimulatedLan, sees: string): Record<string, string> =>
  Object.fromEntries(Object.keys(views(lan)).map((name) => [name, sees]));

/** How often each running node has seen anything change. */
export function changes(lan: SimulatedLan): Record<string, number> {
  return Object.fromEntries([...lan.nodes.values()].map(({ name, changes }) => [name, changes]));
}

/** Of the nodes of `running`, those that have seen a change since, with how many. */
export function changed(lan: SimulatedLan): Record<string, number> {
  const before = settled.get(lan) ?? {};
  return Object.fromEntries(Object.entries(changes(lan)).filter(([name, count]) => count !== before[name]));
}

const settled = new WeakMap<SimulatedLan, Record<string, number>>();

export function state(lan: SimulatedLan, seenBy: string, name: string): string | undefined {
  return lan.nodes
    .get(seenBy)
    ?.heartbeats.status()
    .find((peer) => peer.name === name)?.state;
}

/** A process stands still from now on. */
export function freeze(lan: SimulatedLan, name: string, duration: number): void {
  const node = lan.nodes.get(name);
  if (node !== undefined) node.frozenUntil = lan.timeline.now + duration;
}

/** A LAN on which heartbeats have never passed. */
export function blocked(count: number): SimulatedLan {
  const lan = new SimulatedLan(1);
  lan.passes = () => false;
  lan.know(names(count));
  for (const name of names(count)) lan.start(name);
  lan.run(seconds(3));
  return lan;
}

/** Milliseconds until something holds, looked at every millisecond. */
export function timeUntil(lan: SimulatedLan, holds: () => boolean, limit = seconds(30)): number {
  for (let passed = 0; passed <= limit; passed++) {
    if (holds()) return passed;
    lan.run(1);
  }
  return Number.POSITIVE_INFINITY;
}
