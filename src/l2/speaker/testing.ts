/** For tests: a LAN's side that notes what it is told, and says what it is made to say. */
import type { AnnouncedStatus, FromLan, LanPort, ToLan } from '../lan/messages.ts';

export class FakeLan implements LanPort {
  readonly told: ToLan[] = [];
  readonly #listeners: ((message: FromLan) => void)[] = [];

  send(message: ToLan): void {
    this.told.push(structuredClone(message));
  }

  onMessage(listener: (message: FromLan) => void): void {
    this.#listeners.push(listener);
  }

  say(message: FromLan): void {
    for (const listener of this.#listeners) listener(message);
  }

  of<K extends ToLan['kind']>(kind: K): readonly Extract<ToLan, { kind: K }>[] {
    return this.told.filter((message): message is Extract<ToLan, { kind: K }> => message.kind === kind);
  }
}

/** An announcement on eth0. */
export function announced(
  address: string,
  services: readonly string[],
  interfaces: readonly string[] = ['eth0'],
): AnnouncedStatus {
  return { address, protocol: address.includes(':') ? 'NDP' : 'ARP', interfaces, services, since: 0 };
}
