/** Keeps one process of the lab running: started again when it ends, later and later while it keeps failing. */
import { type ChildProcess, spawn } from 'node:child_process';
import { type Clock, systemClock } from '../host/clock.ts';
import { signalChild } from '../host/process.ts';
import { untilAborted } from '../lib/abort.ts';
import { type BoundedLog, lastLines } from './bounded-log.ts';
import { LabError } from './error.ts';

export interface ProcessState {
  readonly name: string;
  /** `stopped`: it does not run, and is not to. */
  readonly phase: 'starting' | 'ready' | 'backing-off' | 'stopped';
  /** Undefined while it is not running. */
  readonly pid: number | undefined;
  /** How often it was started again. */
  readonly restarts: number;
  /** How it last ended: `exit status 1`, `SIGKILL`. */
  readonly lastEnd: string | undefined;
}

export interface SupervisorOptions {
  readonly name: string;
  /** The command for the next start. */
  readonly argv: () => readonly string[];
  readonly log: BoundedLog;
  /** Called at every change. */
  readonly onChange: (state: ProcessState) => void;
  /** Called with the rest of the line each time the process prints a line that begins with `ready`. */
  readonly onReady?: (rest: string) => void;
  readonly clock?: Clock;
}

/** Milliseconds before the first restart; doubles with each failure in a row. */
const FIRST_DELAY = 100;
const LONGEST_DELAY = 5_000;
/** A process that has run this long has not failed to start: its next restart is quick again. */
const SETTLED = 10_000;
/** Failures in a row, before it was ever ready, after which nobody should wait for it any longer. */
const HOPELESS = 3;
/** Milliseconds between SIGTERM and SIGKILL. */
const GRACE = 5_000;
/** Begins the line with which a log tells one life of the process from the next. */
const END_MARK = '[lab]';
/** Milliseconds for what a process printed before its end to arrive after it. */
const LAST_WORDS = 100;
/** The longest line of which the beginning is looked at. */
const LINE_LIMIT = 4096;

export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #clock: Clock;
  readonly #ready = Promise.withResolvers<string>();
  #state: ProcessState;
  #everReady = false;
  #child: ChildProcess | undefined;
  /** Settled when the process is to run again; undefined while it is to run. */
  #held: PromiseWithResolvers<void> | undefined;

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#state = { name: options.name, phase: 'stopped', pid: undefined, restarts: 0, lastEnd: undefined };
    // Whoever waits sees the rejection; when nobody does, it is in the log and the state.
    this.#ready.promise.catch(() => {});
  }

  get state(): ProcessState {
    return this.#state;
  }

  /** Resolves when the process has said `ready` for the first time; rejects when it only ever fails. */
  get firstReady(): Promise<string> {
    return this.#ready.promise;
  }

  /** Runs the process until the signal is aborted; resolves when it has ended for good. */
  async run(signal: AbortSignal): Promise<void> {
    let failures = 0;
    while (!signal.aborted) {
      if (this.#held !== undefined) {
        this.#change({ phase: 'stopped', pid: undefined });
        await untilAborted(this.#held.promise, signal);
        failures = 0;
        continue;
      }
      const started = this.#clock.now();
      this.#change({ phase: 'starting' });
      const end = await this.#runOnce(signal);
      if (signal.aborted) break;
      if (this.#held !== undefined) {
        this.#change({ lastEnd: end });
        continue;
      }
      failures = this.#clock.now() - started >= SETTLED ? 1 : failures + 1;
      if (failures >= HOPELESS && !this.#everReady) this.#giveUpWaiting(end);
      this.#change({ phase: 'backing-off', pid: undefined, lastEnd: end });
      const delay = Math.min(LONGEST_DELAY, FIRST_DELAY * 2 ** (failures - 1));
      await this.#clock.sleep(delay, signal).catch(() => {});
      if (!signal.aborted && this.#held === undefined) this.#change({ restarts: this.#state.restarts + 1 });
    }
    this.#change({ phase: 'stopped', pid: undefined });
    this.#ready.reject(new LabError(`${this.#options.name} was stopped before it was ready`));
  }

  /** Ends the process, which does not run again before it is {@link release}d. */
  hold(how: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): void {
    if (this.#held !== undefined) return;
    this.#held = Promise.withResolvers();
    const child = this.#child;
    if (child === undefined) {
      this.#change({ phase: 'stopped', pid: undefined });
      return;
    }
    signalChild(child, how);
    const killTimer = setTimeout(() => signalChild(child, 'SIGKILL'), GRACE);
    child.once('exit', () => clearTimeout(killTimer));
  }

  /** Undoes {@link hold}. */
  release(): void {
    this.#held?.resolve();
    this.#held = undefined;
  }

  /** One life of the process: resolves to how it ended. Its end is SIGTERM, and SIGKILL when it does not heed that. */
  #runOnce(signal: AbortSignal): Promise<string> {
    const [program = '', ...args] = this.#options.argv();
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child = child;
    this.#change({ pid: child.pid });
    child.stdout.on('data', (chunk: Buffer) => this.#options.log.write(chunk));
    child.stderr.on('data', (chunk: Buffer) => this.#options.log.write(chunk));
    this.#watchForReady(child);
    let killTimer: NodeJS.Timeout | undefined;
    const onAbort = () => {
      signalChild(child, 'SIGTERM');
      killTimer = setTimeout(() => signalChild(child, 'SIGKILL'), GRACE);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    return new Promise((resolve) => {
      const ended = (end: string) => {
        this.#child = undefined;
        clearTimeout(killTimer);
        child.removeAllListeners('close');
        signal.removeEventListener('abort', onAbort);
        this.#options.log.write(Buffer.from(`${END_MARK} ${this.#options.name} ended: ${end}\n`));
        resolve(end);
      };
      child.once('error', (error) => ended(`cannot run ${program}: ${error.message}`));
      child.once('exit', (code, killedBy) => {
        const end = code === null ? String(killedBy) : `exit status ${code}`;
        // Its last words may still be on their way, but its children may hold its output open long after it has ended.
        const waited = setTimeout(() => ended(end), LAST_WORDS);
        child.once('close', () => {
          clearTimeout(waited);
          ended(end);
        });
      });
    });
  }

  #watchForReady(child: ChildProcess): void {
    let line = '';
    child.stdout?.on('data', (chunk: Buffer) => {
      const lines = (line + chunk.toString('utf8')).split('\n');
      line = (lines.pop() ?? '').slice(0, LINE_LIMIT);
      for (const text of lines) {
        const rest = /^ready\b(.*)$/.exec(text)?.[1];
        if (rest !== undefined) this.#sayReady(rest.trim());
      }
    });
  }

  #sayReady(rest: string): void {
    this.#everReady = true;
    this.#change({ phase: 'ready' });
    this.#options.onReady?.(rest);
    this.#ready.resolve(rest);
  }

  #giveUpWaiting(end: string): void {
    const { name, log } = this.#options;
    this.#ready.reject(
      new LabError(`${name} does not start (${end}). Its last lines (${log.path}):\n${lastWords(log.path)}`),
    );
  }

  #change(change: Partial<ProcessState>): void {
    this.#state = { ...this.#state, ...change };
    this.#options.onChange(this.#state);
  }
}

/** What the process said in the last of its lives. */
function lastWords(path: string): string {
  const lines = lastLines(path, 13).split('\n').slice(0, -1);
  return lines.slice(lines.findLastIndex((line) => line.startsWith(END_MARK)) + 1).join('\n');
}
