/** What became of a client's HTTP requests, as a test sees it. */
import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Load, Outcome } from './requests.program.ts';

export interface Answer {
  readonly url: string;
  readonly milliseconds: number;
  readonly answered: boolean;
  /** What was answered, or what went wrong. */
  readonly text: string;
}

/** The program and its arguments: to be started at the client's place. */
export function loadArgv(load: Load): readonly string[] {
  return [process.execPath, fileURLToPath(new URL('requests.program.ts', import.meta.url)), JSON.stringify(load)];
}

/** Requests that are sent until {@link stop}. */
export class Requests {
  readonly answers: Answer[] = [];
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;

  constructor(child: ChildProcess, { urls }: Load) {
    if (child.stdout === null) throw new Error('the requests have no output');
    this.#child = child;
    this.#ended = new Promise((resolve) => child.once('close', resolve));
    createInterface({ input: child.stdout }).on('line', (line) => {
      const [index, milliseconds, answered, text] = JSON.parse(line) as Outcome;
      this.answers.push({ url: urls[index] ?? '', milliseconds, answered, text });
    });
  }

  /** Sends no more, waits for what is outstanding, and tells everything. */
  async stop(): Promise<readonly Answer[]> {
    this.#child.stdin?.end();
    await this.#ended;
    return this.answers;
  }
}
