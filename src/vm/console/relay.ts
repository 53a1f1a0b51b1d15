/**
 * A guest's serial console, kept and shared: QEMU serves one connection, this program holds it, remembers the last of what
 * the guest printed and lets any number of people and programs join through a socket of its own.
 */
import { chmod, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { dirname } from 'node:path';
import type { Logger } from '../../host/log.ts';
import { withSocketPath } from '../socket-path.ts';
import { lastLines, Ring } from './ring.ts';

/** Bytes of output that are kept. */
const KEPT = 64 * 1024;
/** Milliseconds between copies of what is kept to disk, while there is output. */
const SAVE_EVERY = 1000;
/** A reader that lets more than this wait is dropped, in bytes. */
const BACKLOG = 1024 * 1024;
const READERS = 16;

export interface ConsoleRelayOptions {
  /** QEMU's socket. */
  readonly source: string;
  /** Our socket. */
  readonly path: string;
  /** Where the end of the output is kept over restarts of this program. */
  readonly logFile: string;
  readonly log: Logger;
}

export class ConsoleRelay {
  readonly #options: ConsoleRelayOptions;
  readonly #ring = new Ring(KEPT);
  readonly #readers = new Set<Socket>();
  #source: Socket | undefined;
  #server: Server | undefined;
  #saving: NodeJS.Timeout | undefined;

  constructor(options: ConsoleRelayOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    const { path, source, logFile } = this.#options;
    this.#ring.push(await readFile(logFile).catch(() => Buffer.alloc(0)));
    const socket = await withSocketPath(source, openSocket);
    this.#source = socket;
    socket.on('data', (chunk: Buffer) => this.#distribute(chunk));
    socket.on('error', (err) => this.#options.log.debug({ err }, 'a guest’s console broke off'));
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    await rm(path, { force: true });
    this.#server = createServer((reader) => this.#join(reader));
    this.#server.unref();
    await withSocketPath(path, (short) => listen(this.#server as Server, short));
    await chmod(path, 0o600);
  }

  /** The last lines the guest printed. */
  lastLines(count: number): readonly string[] {
    return lastLines(this.#ring.bytes(), count);
  }

  async stop(): Promise<void> {
    clearTimeout(this.#saving);
    this.#source?.destroy();
    for (const reader of this.#readers) reader.destroy();
    this.#server?.close();
    await this.#save();
    await rm(this.#options.path, { force: true });
  }

  #distribute(chunk: Buffer): void {
    this.#ring.push(chunk);
    for (const reader of this.#readers) {
      reader.write(chunk);
      if (reader.writableLength > BACKLOG) reader.destroy();
    }
    this.#saving ??= setTimeout(() => {
      this.#saving = undefined;
      void this.#save();
    }, SAVE_EVERY).unref();
  }

  #join(reader: Socket): void {
    if (this.#readers.size >= READERS) {
      reader.destroy();
      return;
    }
    this.#readers.add(reader);
    // A reader that breaks off is told by `close`.
    reader.on('error', () => {});
    reader.once('close', () => this.#readers.delete(reader));
    reader.on('data', (chunk: Buffer) => {
      if (this.#source?.write(chunk) !== false) return;
      reader.pause();
      this.#source.once('drain', () => reader.resume());
    });
  }

  async #save(): Promise<void> {
    await writeFile(this.#options.logFile, this.#ring.bytes(), { mode: 0o600 }).catch((err: NodeJS.ErrnoException) => {
      // The guest's directory goes with the guest.
      if (err.code !== 'ENOENT') this.#options.log.warn({ err }, 'cannot keep a guest’s console output');
    });
  }
}

function openSocket(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(path, () => {
      socket.removeListener('error', reject);
      resolve(socket);
    });
    socket.once('error', reject);
  });
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, () => {
      server.removeListener('error', reject);
      resolve();
    });
  });
}
