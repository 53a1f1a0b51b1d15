/** Which ServiceCIDRs there are, and which addresses can be given from them. */

import { type Family, RANGES, type RangeName } from './actions.ts';
import type { Expected } from './service-model.ts';

/** The usable addresses of the ranges, written down. */
const ADDRESSES: Readonly<Record<RangeName, Readonly<Partial<Record<Family, readonly string[]>>>>> = {
  kubernetes: { IPv4: numbered('10.0.0.', 6), IPv6: numbered('fd00::', 7) },
  more4: { IPv4: numbered('10.0.1.', 6) },
  more6: { IPv6: numbered('fd00:1::', 7) },
};

export class RangeModel {
  /** A range that is leaving gives no address any more, and stays while one of its addresses is in use. */
  readonly #ranges = new Map<RangeName, 'ready' | 'leaving'>([['kubernetes', 'ready']]);

  addresses(family: Family): readonly string[] {
    const ready = [...this.#ranges].filter(([, state]) => state === 'ready');
    return ready.flatMap(([name]) => ADDRESSES[name][family] ?? []);
  }

  has(ip: string): boolean {
    return this.addresses(ip.includes(':') ? 'IPv6' : 'IPv4').includes(ip);
  }

  add(name: RangeName): Expected {
    if (this.#ranges.has(name)) return { code: 409, reason: 'AlreadyExists' };
    this.#ranges.set(name, 'ready');
    return { code: 201 };
  }

  remove(name: RangeName, taken: ReadonlySet<unknown>): Expected {
    if (!this.#ranges.has(name)) return { code: 404, reason: 'NotFound' };
    this.#ranges.set(name, 'leaving');
    this.release(taken);
    return { code: 200 };
  }

  /** Those that are leaving go when nothing of theirs is taken any more. */
  release(taken: ReadonlySet<unknown>): void {
    for (const [name, state] of this.#ranges) {
      const all = Object.values(ADDRESSES[name]).flat();
      if (state === 'leaving' && !all.some((ip) => taken.has(ip))) this.#ranges.delete(name);
    }
  }

  /** `name state`, sorted. */
  print(): readonly string[] {
    return [...this.#ranges].map((range) => range.join(' ')).sort();
  }
}

export const cidrsOf = (name: RangeName): readonly string[] => RANGES[name];

function numbered(prefix: string, count: number): readonly string[] {
  return Array.from({ length: count }, (_, i) => `${prefix}${i + 1}`);
}
