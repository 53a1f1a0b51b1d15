/** Hears who refuses connections of this node, on an interface: the kernel tells a program only that somebody did. */

import { hostPort } from '../../api/addresses.ts';
import type { Logger } from '../../host/log.ts';
import { icmpFilter, icmpv6Filter } from '../../host/packet-filter.ts';
import { type OpenPacketSocket, openPacketSocket, PacketSocketError } from '../../host/packet-socket.ts';
import { IP_FAMILIES, type IPFamily } from '../../lib/ip.ts';
import type { Refusal } from './outcome.ts';
import { parseUnreachable } from './unreachable.ts';

/** What the kernel is to let through of each family: "destination unreachable". */
const FRAMES = {
  IPv4: { etherType: 0x0800, filter: icmpFilter([3]) },
  IPv6: { etherType: 0x86dd, filter: icmpv6Filter([1]) },
} as const;

/** Connections to one address and port. */
interface Asked {
  asking: number;
  refusal?: Refusal;
  readonly told: AbortController;
}

export interface Listening {
  readonly heard: () => Refusal | undefined;
  /** Aborted once there is something. */
  readonly told: AbortSignal;
  readonly end: () => void;
}

export class Refusals {
  /** By where the connection was to, for as long as somebody asks. */
  readonly #heard = new Map<string, Asked>();

  /** Listens until the signal is aborted. Where that is not possible, nothing is ever heard, which is logged. */
  async listen(
    interfaceName: string,
    log: Logger,
    signal: AbortSignal,
    open: OpenPacketSocket = openPacketSocket,
  ): Promise<void> {
    for (const family of IP_FAMILIES) {
      try {
        const socket = await open({ interface: interfaceName, ...FRAMES[family] });
        if (signal.aborted) socket.close();
        else signal.addEventListener('abort', () => socket.close(), { once: true });
        socket.onFrame(
          (frame) => this.hear(frame, family),
          (err) => log.warn({ err }, 'it is not heard any more who refuses connections'),
        );
      } catch (err) {
        if (!(err instanceof PacketSocketError)) throw err;
        log.warn({ err }, 'it cannot be heard who refuses connections');
      }
    }
  }

  hear(frame: Uint8Array, family: IPFamily): void {
    const error = parseUnreachable(frame, family);
    const asked = error && this.#heard.get(hostPort(error.address, error.port));
    if (asked === undefined || error === undefined) return;
    asked.refusal = { by: error.by, says: error.says };
    asked.told.abort();
  }

  /** Keeps what is heard of connections to there, until it is said that nobody asks any more. */
  ask(address: string, port: number): Listening {
    const key = hostPort(address, port);
    const asked = this.#heard.get(key) ?? { asking: 0, told: new AbortController() };
    asked.asking++;
    this.#heard.set(key, asked);
    return {
      heard: () => asked.refusal,
      told: asked.told.signal,
      end: () => {
        if (--asked.asking === 0) this.#heard.delete(key);
      },
    };
  }
}
