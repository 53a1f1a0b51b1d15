/**
 * A TCP connection on which the other side's last words are heard. One that closes while it is still written to resets the connection; Node then
 * gives up the socket as soon as a write fails, with what had come and was not read yet.
 */
import { Socket } from 'node:net';

type Done = (error?: Error | null) => void;

/** Connects. What is written once the other side has closed goes nowhere; that it has, is learnt by reading, after all that it has said. */
export function connectHeard(to: { readonly host: string; readonly port: number }): Socket {
  return new HeardSocket().setNoDelay(true).connect(to);
}

class HeardSocket extends Socket {
  override _write(chunk: unknown, encoding: BufferEncoding, done: Done): void {
    super._write(chunk, encoding, unlessClosed(done));
  }

  override _writev(chunks: readonly { chunk: unknown; encoding: BufferEncoding }[], done: Done): void {
    super._writev?.([...chunks], unlessClosed(done));
  }
}

function unlessClosed(done: Done): Done {
  return (error) => {
    const { code = '' } = (error ?? {}) as NodeJS.ErrnoException;
    done(code === 'EPIPE' || code === 'ECONNRESET' ? null : error);
  };
}
