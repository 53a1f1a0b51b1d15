/** A machine's network interfaces in memory. For tests. */
import { parseMAC } from '../lib/mac.ts';
import type { LinkChange, LinkWatch, NetworkLink } from './link-watch.ts';

/** What tests say of an interface; the rest is an Ethernet device that is up. */
export type FakeLink = Partial<Omit<NetworkLink, 'name' | 'mac'>> & { readonly mac?: string };

export class FakeLinks implements LinkWatch {
  readonly links = new Map<string, NetworkLink>();
  readonly #listeners = new Set<(change: LinkChange) => void>();
  #indices = 0;

  onChange(listener: (change: LinkChange) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Adds an interface, or changes what is named of it. */
  set(name: string, { mac, ...facts }: FakeLink = {}, announce = false): void {
    const previous = this.links.get(name);
    const bytes = mac === undefined ? previous?.mac : parseMAC(mac);
    const link: NetworkLink = { ...(previous ?? this.#plain(name)), ...facts, mac: bytes };
    this.links.set(name, link);
    this.#tell({ name, link, previous, announce });
  }

  remove(name: string): void {
    const previous = this.links.get(name);
    if (this.links.delete(name)) this.#tell({ name, link: undefined, previous, announce: false });
  }

  #plain(name: string): NetworkLink {
    const none = { mac: undefined, kind: undefined, master: undefined };
    return { name, index: ++this.#indices, ...none, up: true, carrier: true, resolves: true, addresses: [] };
  }

  #tell(change: LinkChange): void {
    for (const listener of this.#listeners) listener(change);
  }
}
