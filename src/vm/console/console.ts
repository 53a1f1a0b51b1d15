/** Reaching a guest through its serial console, from any program of the same user on its machine. */
import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { type ObjectKey, parseKey } from '../../api/meta/v1.ts';
import { withSocketPath } from '../socket-path.ts';

/** Where a node's vm part, whose state is in `stateDir`, serves a guest's console. */
export function consolePath(stateDir: string, key: ObjectKey): string {
  return join(stateDir, 'consoles', key.namespace ?? 'default', `${key.name}.sock`);
}

/** Joins the console of a running guest; `key` is `namespace/name` of its instance. Rejects when there is none. */
export async function openConsole(stateDir: string, key: string): Promise<Duplex> {
  return await openConsoleAt(consolePath(stateDir, parseKey(key)));
}

export interface GuestCommandResult {
  /** What the command printed, both streams. */
  readonly output: string;
  readonly code: number;
}

/** The guest's shell did not do as asked. */
export class GuestShellError extends Error {
  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'GuestShellError';
  }
}

/** Milliseconds between attempts to find a shell at the other end. */
const GREETING_INTERVAL = 300;
/** What a terminal takes as one line, with what is put around the command (busybox: 1024). */
const COMMAND_LIMIT = 900;
const OUTPUT_LIMIT = 1024 * 1024;
const DEFAULT_TIMEOUT = 30_000;

/**
 * Runs one line of shell in a guest that has a shell on its console, as the demo guest does, and returns what it printed.
 * Waits for the shell while the guest boots. The timeout, in milliseconds, is for all of it.
 */
export async function runInGuest(
  path: string,
  command: string,
  options: { readonly timeout?: number } = {},
): Promise<GuestCommandResult> {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are keys to a terminal.
  if (/[\x00-\x1f\x7f]/.test(command) || Buffer.byteLength(command) > COMMAND_LIMIT) {
    throw new GuestShellError(`a command for a guest's console is one line of at most ${COMMAND_LIMIT} bytes`);
  }
  const token = randomBytes(6).toString('hex');
  const console = await openConsoleAt(path);
  const conversation = new Conversation(console);
  const timer = setTimeout(() => {
    const shown = JSON.stringify(conversation.output.slice(-300));
    console.destroy(
      new GuestShellError(`no answer from the guest's shell in time to: ${command} (last output: ${shown})`),
    );
  }, options.timeout ?? DEFAULT_TIMEOUT);
  const greeting = setInterval(() => console.write(`${say(`hello-${token}`)}\n`), GREETING_INTERVAL);
  try {
    console.write(`\n${say(`hello-${token}`)}\n`);
    await conversation.until(`\x01hello-${token}\x01`);
    clearInterval(greeting);
    console.write(`${say(`begin-${token}`)}; (${command}) </dev/null 2>&1; ${say(`end-${token}:$?`)}\n`);
    await conversation.until(`\x01begin-${token}\x01`);
    const text = await conversation.until(`\x01end-${token}:`);
    const code = await conversation.until('\x01');
    return { output: text.replaceAll('\r', ''), code: Number.parseInt(code, 10) };
  } finally {
    clearTimeout(timer);
    clearInterval(greeting);
    console.destroy();
  }
}

/** Prints a mark. The shell's echo of this very line holds the mark's octal escapes, not its bytes. */
function say(mark: string): string {
  return `printf '\\001%s\\001' "${mark}"`;
}

class Conversation {
  readonly #console: Socket;
  /** What came and was not asked for yet. */
  output = '';
  #wake: () => void = () => {};
  #ended: Error | undefined;

  constructor(console: Socket) {
    this.#console = console;
    console.setEncoding('latin1').on('data', (text: string) => {
      this.output += text;
      if (this.output.length > OUTPUT_LIMIT) {
        console.destroy(new GuestShellError(`the guest printed more than ${OUTPUT_LIMIT} bytes`));
      }
      this.#wake();
    });
    console.on('error', (error) => {
      this.#ended = error;
    });
    console.once('close', () => {
      this.#ended ??= new GuestShellError('the guest’s console was closed');
      this.#wake();
    });
  }

  /** What comes before a mark; the mark itself is taken too. */
  async until(mark: string): Promise<string> {
    for (;;) {
      const at = this.output.indexOf(mark);
      if (at >= 0) {
        const before = this.output.slice(0, at);
        this.output = this.output.slice(at + mark.length);
        return Buffer.from(before, 'latin1').toString('utf8');
      }
      if (this.#ended !== undefined) throw this.#ended;
      if (this.#console.destroyed) throw new GuestShellError('the guest’s console was closed');
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

function openConsoleAt(path: string): Promise<Socket> {
  return withSocketPath(path, (short) => {
    return new Promise((resolve, reject) => {
      const refuse = (cause: Error) =>
        reject(new GuestShellError(`no guest's console at ${path}; does the guest run on this machine?`, { cause }));
      const socket = connect(short, () => {
        socket.removeListener('error', refuse);
        resolve(socket);
      });
      socket.once('error', refuse);
    });
  });
}
