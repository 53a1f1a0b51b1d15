/** Things to do about keys: each once however often it comes up, in order, and in turns of the event loop where it is much. */
import { paced } from '../../host/paced.ts';

export class Work {
  readonly #keys = new Set<string>();
  readonly #step: (key: string) => void;
  #isRunning = false;
  #signal: AbortSignal = AbortSignal.abort();

  /** `step` does what is to be done about a key, and does not throw. */
  constructor(step: (key: string) => void) {
    this.#step = step;
  }

  get isDone(): boolean {
    return this.#keys.size === 0;
  }

  /** Nothing is done before, nor once the signal is aborted. */
  start(signal: AbortSignal): void {
    this.#signal = signal;
    void this.#run();
  }

  /** To be done at once, or after what is being done now. */
  add(keys: Iterable<string>): void {
    for (const key of keys) this.#keys.add(key);
    void this.#run();
  }

  async #run(): Promise<void> {
    if (this.#isRunning || this.#signal.aborted) return;
    this.#isRunning = true;
    const breathe = paced();
    for (const key of this.#keys) {
      this.#keys.delete(key);
      this.#step(key);
      const pause = breathe();
      if (pause !== undefined) await pause;
      if (this.#signal.aborted) break;
    }
    this.#isRunning = false;
  }
}
