/** Progress of what takes longer than two seconds: one updating line on a terminal, a line now and then elsewhere. */
import { printDuration } from '../lib/duration.ts';

const QUIET_FIRST = 2000;
const TERMINAL_EVERY = 200;
const PLAIN_EVERY = 5000;

export class Progress {
  readonly #out: NodeJS.WriteStream;

  constructor(out: NodeJS.WriteStream) {
    this.#out = out;
  }

  /** Runs `work`; once it has lasted two seconds, shows what it is, what it said last, and for how long it has run. */
  async during<T>(what: string, work: (tell: (detail: string) => void) => Promise<T>): Promise<T> {
    const started = Date.now();
    let detail = '';
    let shown = 0;
    const show = () => {
      const now = Date.now();
      if (now - started < QUIET_FIRST) return;
      if (now - shown < (this.#out.isTTY ? TERMINAL_EVERY : PLAIN_EVERY)) return;
      shown = now;
      const line = `  ${what}: ${detail === '' ? 'working' : detail} (${printDuration(now - started)})`;
      this.#out.write(this.#out.isTTY ? `\r\u001b[2K${line.slice(0, (this.#out.columns ?? 80) - 1)}` : `${line}\n`);
    };
    const timer = setInterval(show, TERMINAL_EVERY);
    try {
      return await work((text) => {
        detail = text;
      });
    } finally {
      clearInterval(timer);
      if (shown > 0 && this.#out.isTTY) this.#out.write('\r\u001b[2K');
    }
  }
}
