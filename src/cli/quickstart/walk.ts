/** A walkthrough as it happens: commands that a user would type, what came back, and what was checked. */
import { CommandError, runCommand } from '../../host/process.ts';
import { messageOf } from '../../lib/errors.ts';

export interface CommandRecord {
  /** As a user would type it. */
  readonly command: string;
  readonly output: string;
  /** 0 when it succeeded. */
  readonly code: number;
  readonly milliseconds: number;
}

export interface CheckRecord {
  readonly what: string;
  readonly ok: boolean;
  /** What was found; shown when it was not what was wanted. */
  readonly found: string;
}

export interface StepRecord {
  readonly number: number;
  readonly title: string;
  readonly milliseconds: number;
  readonly commands: readonly CommandRecord[];
  readonly checks: readonly CheckRecord[];
}

/** Told of everything as it happens, so that a person sees progress. */
export interface Listener {
  stepBegins(number: number, title: string): void;
  said(text: string): void;
  ran(command: CommandRecord): void;
  checked(check: CheckRecord): void;
  /** Every two seconds of waiting: for what, for how long so far, and what it is that is not yet as it should be. */
  waiting(what: string, milliseconds: number, why: string): void;
}

/** How a command is shown, where it differs from what is run: paths of this machine are written as a user would. */
export interface RunOptions {
  readonly shown?: string;
  readonly input?: string;
  readonly timeout?: number;
  readonly env?: Readonly<Record<string, string>>;
  /** Do not show it: one of many alike. */
  readonly quiet?: boolean;
}

const POLL_EVERY = 50;
const TELL_EVERY = 2000;

export class Walk {
  readonly #listener: Listener;
  readonly #signal: AbortSignal;
  readonly #steps: StepRecord[] = [];
  #commands: CommandRecord[] = [];
  #checks: CheckRecord[] = [];

  constructor(listener: Listener, signal: AbortSignal) {
    this.#listener = listener;
    this.#signal = signal;
  }

  get steps(): readonly StepRecord[] {
    return this.#steps;
  }

  /** Whether every check so far held. */
  get ok(): boolean {
    return this.#steps.every((step) => step.checks.every((check) => check.ok));
  }

  /** Runs one step. What it throws becomes a check that failed, so that the table at the end has it. */
  async step(number: number, title: string, work: () => Promise<void>): Promise<StepRecord> {
    const started = performance.now();
    this.#commands = [];
    this.#checks = [];
    this.#listener.stepBegins(number, title);
    try {
      await work();
    } catch (error) {
      if (this.#signal.aborted) throw error;
      this.check('the step runs to its end', false, messageOf(error));
    }
    const record = {
      number,
      title,
      milliseconds: Math.round(performance.now() - started),
      commands: this.#commands,
      checks: this.#checks,
    };
    this.#steps.push(record);
    return record;
  }

  say(text: string): void {
    this.#listener.said(text);
  }

  check(what: string, ok: boolean, found: unknown = ''): void {
    const record = { what, ok, found: typeof found === 'string' ? found : JSON.stringify(found) };
    this.#checks.push(record);
    this.#listener.checked(record);
  }

  /** Runs a command, shows it and what came back, and returns it whether it succeeded or not. */
  async run(argv: readonly string[], options: RunOptions = {}): Promise<CommandRecord> {
    const started = performance.now();
    const outcome = await runCommand(argv, {
      timeout: options.timeout ?? 60_000,
      signal: this.#signal,
      ...(options.input === undefined ? {} : { input: options.input }),
      ...(options.env === undefined ? {} : { env: options.env }),
    }).then(
      ({ stdout, stderr }) => ({ output: stdout + stderr, code: 0 }),
      (error: unknown) => {
        if (!(error instanceof CommandError) || this.#signal.aborted) throw error;
        return { output: error.stdout + error.stderr, code: error.code ?? 1 };
      },
    );
    const record = {
      command: options.shown ?? argv.join(' '),
      ...outcome,
      milliseconds: Math.round(performance.now() - started),
    };
    this.#commands.push(record);
    if (!options.quiet) this.#listener.ran(record);
    return record;
  }

  /**
   * Looks again and again until `look` returns something, and returns that; fails after `limit` milliseconds. `why` says
   * what is not yet as it should be: to whoever waits for long, and in the failure.
   */
  async until<T>(
    what: string,
    limit: number,
    look: () => Promise<T | undefined>,
    why: () => Promise<string> = async () => '',
  ): Promise<T> {
    const started = performance.now();
    let told = 0;
    for (;;) {
      this.#signal.throwIfAborted();
      const found = await look();
      if (found !== undefined) return found;
      const waited = performance.now() - started;
      if (waited > limit) throw new Error(`waited ${Math.round(limit / 1000)} s for ${what}${because(await why())}`);
      if (waited > told + TELL_EVERY) {
        told = waited;
        this.#listener.waiting(what, waited, await why());
      }
      await new Promise((resolve) => setTimeout(resolve, POLL_EVERY));
    }
  }
}

function because(why: string): string {
  return why === '' ? '' : `: ${why}`;
}
