/** What was found out by trying: for each target and owner the last outcome of each port. */
import type { Try } from './desired.ts';
import { isBlocked, type Outcome, outcomeText } from './outcome.ts';
import { type BlockedPort, portKey, type Summary } from './summary.ts';

/** A try, and what came of it. */
export interface Result {
  readonly try: Try;
  readonly outcome: Outcome;
}

interface Page {
  readonly target: string;
  readonly owner: string;
  readonly at: number;
  readonly results: readonly Result[];
}

export class Book {
  readonly #pages = new Map<string, Page>();

  /** Puts these in place of what was known of the target's ports of this owner. Whether anything but the time is new. */
  write(key: string, page: Page): boolean {
    const before = this.#pages.get(key);
    this.#pages.set(key, page);
    return before === undefined || essence(before) !== essence(page);
  }

  /** False: nothing was known. */
  erase(key: string): boolean {
    return this.#pages.delete(key);
  }

  /** How many ports nothing gets to. */
  blocked(): number {
    let count = 0;
    for (const { results } of this.#pages.values()) for (const { outcome } of results) if (isBlocked(outcome)) count++;
    return count;
  }

  summary(): Summary {
    const targets = new Map<string, { ports: Set<number | string>; at: number; blocked: BlockedPort[] }>();
    for (const { target, owner, at, results } of this.#pages.values()) {
      const known = targets.get(target) ?? { ports: new Set(), at: 0, blocked: [] };
      targets.set(target, known);
      known.at = Math.max(known.at, at);
      for (const { try: one, outcome } of results) {
        const { address, port } = one.opening;
        if (outcome.kind !== 'unclear') known.ports.add(one.pastProxy ? portKey(one.opening) : port);
        if (isBlocked(outcome)) known.blocked.push({ owner, address, port, why: outcomeText(outcome) });
      }
    }
    return new Map([...targets].map(([name, { ports, at, blocked }]) => [name, { ports: sorted(ports), at, blocked }]));
  }
}

/** Numbers ascend, and come first. */
function sorted(ports: Iterable<number | string>): readonly (number | string)[] {
  const all = [...ports];
  const numbers = all.filter((port) => typeof port === 'number').sort((a, b) => a - b);
  return [...numbers, ...all.filter((port) => typeof port === 'string').sort()];
}

const essence = ({ results }: Page): string =>
  results
    .map(({ try: { opening }, outcome }) => `${opening.address} ${opening.port} ${outcomeText(outcome)}`)
    .join('\n');
