/** Listeners in memory, for tests. */
import type { Answer, Answerer, Listen, ListenAddress } from './listen.ts';

export class FakeListen {
  readonly #open = new Map<string, Answerer>();
  /** Addresses and ports that somebody else has. */
  readonly taken = new Set<string>();

  readonly listen: Listen = async (at, answer) => {
    const key = keyOf(at);
    if (this.taken.has(key) || this.#open.has(key)) {
      throw Object.assign(new Error(`listen EADDRINUSE: address already in use ${key}`), { code: 'EADDRINUSE' });
    }
    this.#open.set(key, answer);
    return {
      port: at.port,
      close: async () => {
        this.#open.delete(key);
      },
    };
  };

  /** Where something listens, sorted. */
  get open(): readonly string[] {
    return [...this.#open.keys()].sort();
  }

  ask(address: string, port: number, path = '/'): Answer | undefined {
    const answer = this.#open.get(keyOf({ address, port }))?.(path);
    if (answer instanceof Promise) throw new Error(`${path} is answered later: await askLater`);
    return answer;
  }

  /** The same where the answer takes time. */
  async askLater(address: string, port: number, path: string): Promise<Answer | undefined> {
    return await this.#open.get(keyOf({ address, port }))?.(path);
  }
}

const keyOf = ({ address, port }: ListenAddress): string => `${address} ${port}`;
