/**
 * A session of SPDY/3.1 on a connection that has changed to it: many streams, each open in both directions until it is ended. Kubernetes speaks
 * it for commands and ports of pods. Windows of flow control are neither kept nor told, as Kubernetes' own implementation does neither:
 * a stream that nobody reads holds up the whole session, and TCP the other side.
 */
import { Duplex } from 'node:stream';
import { SpdyError } from './error.ts';
import { dataHead, type Frame, FrameReader, goAway, ping, RESET, rstStream, synReply, synStream } from './frames.ts';
import { HeaderReader, type Headers, HeaderWriter } from './headers.ts';
import { Inbox } from './inbox.ts';

/** Streams that the other side may have open at a time. */
const STREAMS_MAX = 256;
/** Bytes of answers to what the other side has sent that may wait until it reads them. */
const ANSWERS_MAX = 64 * 1024;
/** Longest frame of data that is sent. */
const DATA_MAX = 32 * 1024;

export interface SessionOptions {
  readonly role: 'client' | 'server';
  /** Takes streams that the other side opens. Without it they are refused. */
  readonly onStream?: (stream: SpdyStream) => void;
}

/** One side of a session. It ends with its connection. */
export class SpdySession {
  readonly #socket: Duplex;
  readonly #options: SessionOptions;
  readonly #reader = new FrameReader();
  readonly #unpack = new HeaderReader();
  readonly #pack = new HeaderWriter();
  readonly #streams = new Map<number, SpdyStream>();
  #nextID: number;
  #lastTaken = 0;
  /** Bytes of answers that have not been sent. */
  #unsent = 0;
  /** The other side takes no more streams. */
  #isLeaving = false;
  /** Resolves when the connection has ended. */
  readonly closed: Promise<void>;

  constructor(socket: Duplex, options: SessionOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#nextID = options.role === 'client' ? 1 : 2;
    this.closed = this.#run(new Inbox(socket));
  }

  /** Opens a stream. Resolves when the other side has taken it; rejects with a {@link SpdyError} when it has not. */
  async open(headers: Headers): Promise<SpdyStream> {
    const id = this.#nextID;
    this.#nextID += 2;
    const stream = new SpdyStream(id, headers, this.#socket, () => this.#streams.delete(id));
    if (this.#socket.destroyed || this.#isLeaving) throw new SpdyError('the session has ended');
    this.#streams.set(id, stream);
    this.#socket.write(synStream(id, this.#pack.write(headers)));
    await stream.taken;
    return stream;
  }

  /** Says that the session is over, and ends the connection when what was written has been sent. */
  close(): void {
    if (this.#socket.writable) this.#socket.end(goAway(this.#lastTaken));
  }

  /** Ends the connection and all streams at once. */
  destroy(): void {
    this.#socket.destroy();
  }

  async #run(inbox: Inbox): Promise<void> {
    let failure: SpdyError | undefined;
    try {
      for (let chunk = await inbox.next(); chunk !== undefined; chunk = await inbox.next()) {
        for (const frame of this.#reader.take(chunk)) await this.#take(frame);
      }
      if (inbox.failure !== undefined) failure = new SpdyError('the connection broke', { cause: inbox.failure });
    } catch (error) {
      failure = error instanceof SpdyError ? error : new SpdyError('the session has failed', { cause: error });
    }
    for (const stream of [...this.#streams.values()]) stream.lost(failure);
    this.#unpack.close();
    this.#socket.destroy();
  }

  async #take(frame: Frame): Promise<void> {
    switch (frame.kind) {
      case 'syn-stream':
        return this.#accept(frame.id, frame.fin, await this.#unpack.read(frame.block));
      case 'syn-reply':
      case 'headers': {
        // Of no use, and yet to be read: later blocks build on it.
        await this.#unpack.read(frame.block);
        const stream = this.#streams.get(frame.id);
        if (frame.kind === 'syn-reply') stream?.replied();
        if (frame.fin) stream?.ended();
        return;
      }
      case 'data': {
        const stream = this.#streams.get(frame.id);
        if (frame.bytes.length > 0) await stream?.received(frame.bytes);
        if (frame.fin) stream?.ended();
        return;
      }
      case 'rst-stream':
        this.#streams.get(frame.id)?.wasReset(frame.status);
        return;
      case 'ping':
        // One of our own that comes back has an id of our parity; we send none.
        this.#answer(ping(frame.id));
        return;
      case 'goaway':
        // Streams that are open go on to their end.
        this.#isLeaving = true;
        return;
      case 'other':
        return;
    }
  }

  #accept(id: number, fin: boolean, headers: Headers): void {
    const theirs = this.#options.role === 'client' ? 0 : 1;
    if (id % 2 !== theirs || id <= this.#lastTaken) throw new SpdyError(`a stream cannot have the id ${id}`);
    this.#lastTaken = id;
    const { onStream } = this.#options;
    if (onStream === undefined || this.#streams.size >= STREAMS_MAX) {
      this.#answer(rstStream(id, RESET.refusedStream));
      return;
    }
    const stream = new SpdyStream(id, headers, this.#socket, () => this.#streams.delete(id));
    this.#streams.set(id, stream);
    // At once: data that is sent before the reply is dropped by Kubernetes' clients.
    this.#answer(synReply(id, this.#pack.write({})));
    stream.replied();
    if (fin) stream.ended();
    onStream(stream);
  }

  /** Whoever asks without end, and reads none of the answers, is cut off. */
  #answer(frame: Buffer): void {
    if (this.#unsent > ANSWERS_MAX) throw new SpdyError('the other side does not read what it asked for');
    this.#unsent += frame.length;
    this.#socket.write(frame, () => {
      this.#unsent -= frame.length;
    });
  }
}

/** A stream of a session. Ending it ends one direction; destroying it before both have ended resets it. */
export class SpdyStream extends Duplex {
  readonly id: number;
  /** What it was opened with. */
  readonly headers: Headers;
  /** Resolves when the other side has taken it. */
  readonly taken: Promise<void>;
  readonly #socket: Duplex;
  readonly #forget: () => void;
  readonly #taking = Promise.withResolvers<void>();
  #wanted: (() => void) | undefined;
  #hasEnded = false;
  #isOver = false;

  constructor(id: number, headers: Headers, socket: Duplex, forget: () => void) {
    super({ allowHalfOpen: true });
    this.id = id;
    this.headers = headers;
    this.#socket = socket;
    this.#forget = forget;
    this.taken = this.#taking.promise;
    // Whoever opened it is told; nobody waits for one that the other side opened.
    this.taken.catch(() => {});
    // One that breaks when nobody happens to wait for it must not end the program; readers and writers are told all the same.
    this.on('error', () => {});
  }

  replied(): void {
    this.#taking.resolve();
  }

  /** Resolves when there is room for more, or nobody is there to read it. */
  async received(bytes: Buffer): Promise<void> {
    if (this.#hasEnded || this.destroyed || this.push(bytes)) return;
    await new Promise<void>((resolve) => {
      this.#wanted = resolve;
    });
  }

  /** The other side has nothing more to say. */
  ended(): void {
    if (this.#hasEnded || this.destroyed) return;
    this.#hasEnded = true;
    this.push(null);
  }

  /**
   * The other side has done with the stream. What has come is still to be read: Kubernetes resets streams that came to their end in good
   * order.
   */
  wasReset(status: number): void {
    this.#taking.reject(new SpdyError(`the other side has reset the stream (${status})`));
    this.#finish();
  }

  /** The session is over. What has come is still to be read, also when the connection broke. */
  lost(error: SpdyError | undefined): void {
    this.#taking.reject(error ?? new SpdyError('the session has ended'));
    if (error === undefined || this.readableLength > 0) this.#finish();
    else {
      this.#isOver = true;
      this.destroy(error);
    }
  }

  #finish(): void {
    this.#isOver = true;
    this.#forget();
    this.ended();
    this.end();
  }

  override _read(): void {
    const wanted = this.#wanted;
    this.#wanted = undefined;
    wanted?.();
  }

  override _write(chunk: Buffer, _: BufferEncoding, done: (error?: Error | null) => void): void {
    // After all that has come has been read: writing to a side that has closed breaks the connection, with what is unread on it.
    setImmediate(() => this.#send(chunk, done));
  }

  #send(chunk: Buffer, done: (error?: Error | null) => void): void {
    if (this.#isOver || !this.#socket.writable) {
      done(new SpdyError('the session has ended'));
      return;
    }
    for (let at = 0; at < chunk.length; at += DATA_MAX) {
      const piece = chunk.subarray(at, at + DATA_MAX);
      this.#socket.write(dataHead(this.id, piece.length, false));
      this.#socket.write(piece, at + DATA_MAX < chunk.length ? undefined : (error) => done(error));
    }
    if (chunk.length === 0) done();
  }

  override _final(done: (error?: Error | null) => void): void {
    if (!this.#isOver && this.#socket.writable) this.#socket.write(dataHead(this.id, 0, true));
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#forget();
    this._read();
    this.#taking.reject(error ?? new SpdyError('the stream was given up'));
    const isWhole = this.readableEnded && this.writableFinished;
    if (!isWhole && !this.#isOver && this.#socket.writable) this.#socket.write(rstStream(this.id, RESET.cancel));
    done(error);
  }
}
