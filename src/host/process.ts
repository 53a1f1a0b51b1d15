/**
 * Running other programs. Arguments are always an array and never pass through a shell, so nothing that a user or a
 * guest chose can become syntax.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { Readable } from 'node:stream';

/**
 * Sends a signal to a child process, if it is one. What could not be started has no id, and for a moment Node.js would still
 * send to whatever number is there: another process, or with 0 the whole of our own group.
 */
export function signalChild(child: ChildProcess, signal: 'SIGTERM' | 'SIGKILL'): void {
  if (child.pid !== undefined) child.kill(signal);
}

export interface CommandResult {
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandOptions {
  /** Written to standard input, which is otherwise empty; in pieces, as the program takes them, when it is not one text. */
  readonly input?: string | Iterable<string>;
  /** Given what the program prints, piece by piece, in place of `stdout`: for more than a string should hold. */
  readonly onOutput?: (text: string) => void;
  /** Milliseconds after which the program is killed and the call fails. Default: 30 s. */
  readonly timeout?: number;
  readonly signal?: AbortSignal;
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** A program that could not be started, was killed, or exited with something other than 0. */
export class CommandError extends Error {
  readonly argv: readonly string[];
  /** Exit status; undefined when it did not start or was killed by a signal. */
  readonly code: number | undefined;
  readonly stdout: string;
  readonly stderr: string;

  constructor(
    argv: readonly string[],
    what: string,
    detail: { code?: number; stdout?: string; stderr?: string; cause?: unknown },
  ) {
    const stderr = detail.stderr?.trim() ?? '';
    super(`${argv.join(' ')}: ${what}${stderr === '' ? '' : `: ${stderr}`}`, { cause: detail.cause });
    this.name = 'CommandError';
    this.argv = argv;
    this.code = detail.code;
    this.stdout = detail.stdout ?? '';
    this.stderr = stderr;
  }
}

/** Runs a program to its end. Throws {@link CommandError} unless it exits with 0. */
export type RunCommand = (argv: readonly string[], options?: CommandOptions) => Promise<CommandResult>;

/** What a program may print before it is cut off: a hostile or broken program must not fill our memory. */
const OUTPUT_LIMIT = 16 * 1024 * 1024;

export const runCommand: RunCommand = (argv, options = {}) =>
  new Promise((resolve, reject) => {
    const [file, ...args] = argv;
    if (file === undefined) throw new Error('runCommand needs a program');
    const child: ChildProcess = spawn(file, args, {
      cwd: options.cwd,
      env: options.env ? { ...process.env, ...options.env } : process.env,
      stdio: ['pipe', 'pipe', 'pipe'],
      ...(options.signal ? { signal: options.signal } : {}),
    });
    const limit = options.timeout ?? 30_000;
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      signalChild(child, 'SIGKILL');
    }, limit);
    let stdout = '';
    let stderr = '';
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      if (options.onOutput) options.onOutput(text);
      else if (stdout.length < OUTPUT_LIMIT) stdout += text;
    });
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      if (stderr.length < OUTPUT_LIMIT) stderr += text;
    });
    // The program may exit without reading its input; its exit status says what happened.
    child.stdin?.on('error', () => {});
    const { input = '' } = options;
    if (typeof input === 'string') child.stdin?.end(input);
    else if (child.stdin) Readable.from(input).pipe(child.stdin);
    child.once('error', (cause) => {
      clearTimeout(timer);
      reject(new CommandError(argv, `cannot run: ${cause.message}`, { cause }));
    });
    child.once('close', (code, killedBy) => {
      clearTimeout(timer);
      if (code === 0) resolve({ stdout, stderr });
      else if (timedOut) reject(new CommandError(argv, `killed after ${limit} ms`, { stdout, stderr }));
      else if (code === null) reject(new CommandError(argv, `killed by ${killedBy}`, { stdout, stderr }));
      else reject(new CommandError(argv, `exited with ${code}`, { code, stdout, stderr }));
    });
  });
