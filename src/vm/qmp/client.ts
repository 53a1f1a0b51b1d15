/**
 * A client of QEMU's machine protocol: JSON lines over a unix socket. https://www.qemu.org/docs/master/interop/qmp-spec.html
 */
import { connect, type Socket } from 'node:net';
import { withSocketPath } from '../socket-path.ts';

/** Longest line that is taken from QEMU, in bytes. */
const LINE_LIMIT = 1024 * 1024;
const DEFAULT_TIMEOUT = 5000;

/** QEMU refused a command, did not answer in time, or went away. */
export class QmpError extends Error {
  readonly command: string;

  constructor(command: string, message: string, options?: { cause?: unknown }) {
    super(`QMP ${command}: ${message}`, options);
    this.name = 'QmpError';
    this.command = command;
  }
}

export interface QmpEvent {
  /** Such as `SHUTDOWN` or `RESET`. */
  readonly event: string;
  readonly data: Readonly<Record<string, unknown>>;
}

interface Waiting {
  readonly command: string;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: QmpError) => void;
  readonly timer: NodeJS.Timeout;
}

/** An open connection. QEMU serves one at a time. */
export class QmpClient {
  /** Resolves when the connection is gone, which for a local QEMU means that it is gone or about to be. */
  readonly closed: Promise<void>;
  readonly #socket: Socket;
  readonly #onEvent: (event: QmpEvent) => void;
  readonly #waiting = new Map<number, Waiting>();
  #nextId = 1;
  #buffer = '';

  private constructor(socket: Socket, onEvent: (event: QmpEvent) => void) {
    this.#socket = socket;
    this.#onEvent = onEvent;
    socket.setEncoding('utf8').on('data', (text: string) => this.#receive(text));
    // A broken connection is told by `close`, which follows.
    socket.on('error', () => {});
    this.closed = new Promise((resolve) => {
      socket.once('close', () => {
        for (const [id] of this.#waiting) this.#settle(id)?.reject(new QmpError('connection', 'QEMU has gone away'));
        resolve();
      });
    });
  }

  /** Connects and negotiates. Events may come before this resolves. */
  static async connect(path: string, onEvent: (event: QmpEvent) => void): Promise<QmpClient> {
    const socket = await withSocketPath(path, openSocket);
    const client = new QmpClient(socket, onEvent);
    try {
      await client.execute('qmp_capabilities');
    } catch (error) {
      client.close();
      throw error;
    }
    return client;
  }

  /** Runs a command and returns what it returns. `timeout` in milliseconds. */
  execute(command: string, args?: object, options: { readonly timeout?: number } = {}): Promise<unknown> {
    const id = this.#nextId++;
    const limit = options.timeout ?? DEFAULT_TIMEOUT;
    return new Promise((resolve, reject) => {
      if (this.#socket.destroyed) {
        reject(new QmpError(command, 'QEMU has gone away'));
        return;
      }
      const timer = setTimeout(() => {
        this.#settle(id)?.reject(new QmpError(command, `no answer within ${limit} ms`));
      }, limit);
      this.#waiting.set(id, { command, resolve, reject, timer });
      this.#socket.write(
        `${JSON.stringify({ execute: command, id, ...(args === undefined ? {} : { arguments: args }) })}\n`,
      );
    });
  }

  /** Ends the connection; QEMU goes on. */
  close(): void {
    this.#socket.destroy();
  }

  #receive(text: string): void {
    this.#buffer += text;
    const lines = this.#buffer.split('\n');
    this.#buffer = lines.pop() ?? '';
    if (this.#buffer.length > LINE_LIMIT) {
      this.#socket.destroy();
      return;
    }
    for (const line of lines) if (line.trim() !== '') this.#handle(line);
  }

  #handle(line: string): void {
    let message: QmpMessage;
    try {
      message = JSON.parse(line) as QmpMessage;
    } catch {
      // What does not speak JSON is not QEMU: nothing after it can be trusted.
      this.#socket.destroy();
      return;
    }
    if (message.event !== undefined) this.#onEvent({ event: message.event, data: message.data ?? {} });
    if (message.id === undefined) return;
    const waiting = this.#settle(message.id);
    if (message.error !== undefined) waiting?.reject(new QmpError(waiting.command, message.error.desc));
    else waiting?.resolve(message.return);
  }

  #settle(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id);
    if (waiting !== undefined) clearTimeout(waiting.timer);
    this.#waiting.delete(id);
    return waiting;
  }
}

interface QmpMessage {
  readonly id?: number;
  readonly return?: unknown;
  readonly error?: { readonly class: string; readonly desc: string };
  readonly event?: string;
  readonly data?: Readonly<Record<string, unknown>>;
}

function openSocket(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.removeListener('error', reject);
      resolve(socket);
    });
    socket.once('error', reject);
  });
}
