/** Listening at addresses that come and go with an interface, such as the bridge that guests and pods are on. */
import type { Server } from 'node:https';
import type { Clock } from '../../host/clock.ts';
import type { Logger } from '../../host/log.ts';
import { seconds } from '../../lib/duration.ts';
import { listenFields, listenOn } from './listen.ts';

export interface MoreAddressesParts {
  /** Makes a server that does not listen yet. */
  readonly make: () => Server;
  readonly port: number;
  readonly log: Logger;
  readonly clock: Clock;
}

const INTERVAL = seconds(1);

/** Listens at addresses that come and go, besides those that the server began with. */
export class MoreAddresses {
  readonly #parts: MoreAddressesParts;
  /** Stays listening when the address goes: it hears again when that comes back. */
  readonly #listening = new Set<string>();
  #here: readonly string[] = [];

  constructor(parts: MoreAddressesParts) {
    this.#parts = parts;
  }

  /** Those that there are now, and that are listened at. */
  get addresses(): readonly string[] {
    return this.#here.filter((address) => this.#listening.has(address));
  }

  /** Listens at each address that comes, until the signal is aborted; `onNew` is told of each server, which is the caller's to close. */
  async keep(
    find: () => Promise<readonly string[]>,
    onNew: (server: Server) => Promise<void>,
    signal: AbortSignal,
  ): Promise<void> {
    const { clock, log } = this.#parts;
    const failing = new Set<string>();
    while (!signal.aborted) {
      this.#here = await find().catch((err: unknown) => {
        log.warn({ err }, 'cannot find out at which addresses pods reach the API');
        return this.#here;
      });
      for (const address of this.#here) {
        try {
          await this.#listen(address, onNew);
          failing.delete(address);
        } catch (err) {
          if (!failing.has(address))
            log.warn({ ...listenFields(err), address }, 'the API is not served at this address: will try again');
          failing.add(address);
        }
      }
      await clock.sleep(INTERVAL, signal).catch(() => {});
    }
  }

  async #listen(address: string, onNew: (server: Server) => Promise<void>): Promise<void> {
    if (this.#listening.has(address)) return;
    const { make, port, log } = this.#parts;
    const server = make();
    await listenOn(server, { host: address, port });
    this.#listening.add(address);
    log.info({ address, port }, 'the API is served at this address too');
    await onNew(server);
  }
}
