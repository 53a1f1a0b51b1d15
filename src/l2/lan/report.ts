/** Lines of the log about addresses, which often have the same thing happen to very many at once. */
import type { Clock } from '../../host/clock.ts';
import type { Logger } from '../../host/log.ts';
import { milliseconds } from '../../lib/duration.ts';

/** What happens within this time is one line. */
const GATHERED = milliseconds(100);
/** Addresses that a line names. */
const NAMED = 10;

interface Line {
  readonly fields: Readonly<Record<string, unknown>>;
  readonly message: string;
  readonly addresses: string[];
  count: number;
}

export class Report {
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #lines = new Map<string, Line>();

  constructor(clock: Clock, log: Logger) {
    this.#clock = clock;
    this.#log = log;
  }

  /** Something has happened to an address, and maybe to others as well. */
  add(address: string, fields: Readonly<Record<string, unknown>>, message: string): void {
    const key = JSON.stringify([message, fields]);
    const line = this.#lines.get(key) ?? { fields, message, addresses: [], count: 0 };
    line.count++;
    if (line.addresses.length < NAMED) line.addresses.push(address);
    if (this.#lines.size === 0) void this.#clock.sleep(GATHERED).then(() => this.#write());
    this.#lines.set(key, line);
  }

  #write(): void {
    for (const { fields, message, addresses, count } of this.#lines.values()) {
      const more = count > addresses.length ? { count } : {};
      this.#log.info({ addresses, ...more, ...fields }, message);
    }
    this.#lines.clear();
  }
}
