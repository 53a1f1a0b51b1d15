/** Nodes of which there is news. It comes for thousands at once, and is looked at in short turns of the event loop. */
import type { Pace } from '../../host/paced.ts';

export class News {
  readonly #names = new Set<string>();

  add(name: string): void {
    this.#names.add(name);
  }

  /** Looks at each node that there is news of, each once, and at those that there comes to be meanwhile. */
  async each(look: (name: string) => void, pace: Pace): Promise<void> {
    for (const name of this.#names) {
      this.#names.delete(name);
      look(name);
      await pace();
    }
  }
}
