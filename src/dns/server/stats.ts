/** What a DNS server counts. */
import { RCODE } from '../wire/message.ts';

const NAMES = new Map<number, string>(Object.entries(RCODE).map(([name, code]) => [code, name]));

export class DnsStats {
  /** Messages that came in. */
  queries = 0;
  /** Questions that were passed to an upstream server. */
  forwarded = 0;
  /** Messages that got no answer: they were answers themselves, or too short to have a header. */
  dropped = 0;
  readonly #responses = new Map<string, number>();

  count(rcode: number): void {
    const name = NAMES.get(rcode) ?? `RCODE${rcode}`;
    this.#responses.set(name, (this.#responses.get(name) ?? 0) + 1);
  }

  /** Answers by the name of their response code. */
  responses(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#responses);
  }
}
