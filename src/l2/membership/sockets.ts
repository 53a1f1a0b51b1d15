/** The UDP sockets of heartbeats: one for each of the node's addresses, opened when the machine has the address. */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import type { Clock } from '../../host/clock.ts';
import type { Logger } from '../../host/log.ts';
import { type Duration, milliseconds, seconds } from '../../lib/duration.ts';
import { codeOf } from '../../lib/errors.ts';
import { familyOf, type IPFamily } from '../../lib/ip.ts';

/** An address may come late, or be tentative (RFC 4862 section 5.4) for a second or two. */
const FIRST_RETRY: Duration = milliseconds(100);
const LAST_RETRY: Duration = seconds(5);
/** The wait after which an address is later than it should be. */
const LATE_RETRY: Duration = milliseconds(1600);
const REMEDIES: Readonly<Record<string, string>> = {
  EADDRINUSE: 'the port is in use: end the other announcer of this machine, or give this one another port',
  EADDRNOTAVAIL: 'this machine does not have the address, which its Node object says it has',
};
/** Enough for the heartbeats of 50 nodes in the time that this process may be busy; the kernel allows less by default. */
const RECEIVE_BUFFER = 1024 * 1024;

export interface SocketsParts {
  /** 0: any port that is free. */
  readonly port: number;
  readonly clock: Clock;
  readonly log: Logger;
  readonly onMessage: (message: Buffer, from: string) => void;
  readonly onOpen: () => void;
  readonly onSendError: () => void;
}

interface Bound {
  readonly family: IPFamily;
  readonly ended: AbortController;
  socket: Socket | undefined;
}

export class Sockets {
  readonly #parts: SocketsParts;
  readonly #bound = new Map<string, Bound>();
  readonly #onSent = (error: Error | null): void => {
    if (error !== null) this.#parts.onSendError();
  };
  #port: number;

  constructor(parts: SocketsParts) {
    this.#parts = parts;
    this.#port = parts.port;
  }

  /** The port that sockets are bound to; 0 before the first is, when any would do. */
  get port(): number {
    return this.#port;
  }

  /** Opens sockets on these addresses, given in canonical text, and closes those on others. */
  set(addresses: readonly string[], signal: AbortSignal): void {
    for (const [address, { ended }] of this.#bound) {
      if (addresses.includes(address) && !signal.aborted) continue;
      ended.abort();
      this.#bound.delete(address);
    }
    for (const address of signal.aborted ? [] : addresses) {
      const family = familyOf(address);
      if (family === undefined || this.#bound.has(address)) continue;
      const bound: Bound = { family, ended: new AbortController(), socket: undefined };
      this.#bound.set(address, bound);
      void this.#keepOpen(address, bound, AbortSignal.any([signal, bound.ended.signal]));
    }
  }

  /** Sends to an address of either family, when there is a socket of that family. */
  send(message: Buffer, port: number, address: string): boolean {
    const family = address.includes(':') ? 'IPv6' : 'IPv4';
    let isSent = false;
    for (const bound of this.#bound.values()) {
      if (bound.family !== family || bound.socket === undefined) continue;
      bound.socket.send(message, port, address, this.#onSent);
      isSent = true;
    }
    return isSent;
  }

  async #keepOpen(address: string, bound: Bound, signal: AbortSignal): Promise<void> {
    let retry: Duration = FIRST_RETRY;
    while (!signal.aborted) {
      try {
        await this.#run(address, bound, signal);
        retry = FIRST_RETRY;
      } catch (err) {
        const code = err instanceof Error && 'code' in err ? String(err.code) : '';
        const fields = { address, port: this.#port, err };
        const message = `no heartbeats from this address: ${REMEDIES[code] ?? 'its socket failed'}; retrying`;
        if (retry === LATE_RETRY) this.#parts.log.warn(fields, message);
        else this.#parts.log.debug(fields, message);
      }
      bound.socket = undefined;
      await this.#parts.clock.sleep(retry, signal).catch(() => {}); // The loop looks at the signal.
      retry = Math.min(retry * 2, LAST_RETRY) as Duration;
    }
  }

  /** Resolves when the socket has been closed; throws when it fails. */
  async #run(address: string, bound: Bound, signal: AbortSignal): Promise<void> {
    const socket = openSocket(bound.family);
    try {
      // Before binding: with a look-up of this kind, the socket listens before `bind` returns.
      const listening = once(socket, 'listening', { signal });
      socket.bind({ address, port: this.#port, exclusive: true });
      await listening;
      this.#port = socket.address().port;
      socket.setRecvBufferSize(RECEIVE_BUFFER);
      socket.on('message', (message, { address: from }) => this.#parts.onMessage(message, from));
      bound.socket = socket;
      this.#parts.onOpen();
      await once(socket, 'close', { signal });
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      bound.socket = undefined;
      socket.removeAllListeners('message');
      socket.on('error', () => {}); // It is being closed: nothing more is expected of it.
      closeOnce(socket);
    }
  }
}

function openSocket(family: IPFamily): Socket {
  return createSocket({
    type: family === 'IPv6' ? 'udp6' : 'udp4',
    ipv6Only: family === 'IPv6',
    // All names are addresses, for which the look-up of a name would only cost time.
    lookup: (address, _options, done) => done(null, address, family === 'IPv6' ? 6 : 4),
  });
}

function closeOnce(socket: Socket): void {
  try {
    socket.close();
  } catch (error) {
    if (codeOf(error) !== 'ERR_SOCKET_DGRAM_NOT_RUNNING') throw error;
  }
}
