/** Brings what is announced on the wire into line with what should be. */
import { type IPFamily, printIP } from '../../lib/ip.ts';
import { arp } from '../frames/arp/arp.ts';
import { ndp } from '../frames/ndp/ndp.ts';
import type { Protocol } from '../frames/protocol.ts';
import type { Announcement } from '../plan/desired.ts';
import { Link, type LinkParts } from './link.ts';

const PROTOCOLS: Readonly<Record<IPFamily, Protocol>> = { IPv4: arp, IPv6: ndp };

/** An announcement, and where it is made. */
export interface Active {
  readonly announcement: Announcement;
  readonly interfaces: ReadonlySet<string>;
}

interface OpenLink {
  readonly link: Link;
  readonly ended: AbortController;
}

/** Where announcements may go on this machine. */
export interface Reach {
  /** Interfaces for announcements that name none. */
  readonly defaults: readonly string[];
  /** Interfaces that may be used at all; undefined: every one that an announcement names. */
  readonly allowed: ReadonlySet<string> | undefined;
  /** This machine's own addresses, for which the kernel answers and we never do. */
  readonly own: ReadonlySet<string>;
}

export class Announcer {
  readonly #parts: LinkParts;
  readonly #active = new Map<string, Active>();
  readonly #links = new Map<string, OpenLink>();
  #reach: Reach = { defaults: [], allowed: undefined, own: new Set() };

  constructor(parts: LinkParts) {
    this.#parts = parts;
  }

  /** Everything that is announced, with the interfaces on which it is answered for now. */
  list(): readonly Active[] {
    return [...this.#active.values()].map(({ announcement, interfaces }) => {
      const protocol = PROTOCOLS[announcement.ip.family];
      const open = [...interfaces].filter((name) => this.#links.get(linkKey(name, protocol))?.link.isOpen);
      return { announcement, interfaces: new Set(open) };
    });
  }

  /** Sets or, with undefined, ends the announcement of one address, given in canonical text. */
  set(address: string, announcement: Announcement | undefined, signal: AbortSignal): void {
    const before = this.#active.get(address);
    const after = announcement === undefined || signal.aborted ? undefined : this.#activate(announcement);
    for (const name of before?.interfaces ?? []) {
      if (before !== undefined && !after?.interfaces.has(name)) this.#withdraw(name, before.announcement);
    }
    for (const name of after?.interfaces ?? []) {
      if (after !== undefined && !before?.interfaces.has(name)) this.#announce(name, after.announcement, signal);
    }
    if (after === undefined) this.#active.delete(address);
    else this.#active.set(address, after);
  }

  /** Moves everything to where it may now be announced. */
  setReach(reach: Reach, signal: AbortSignal): void {
    this.#reach = reach;
    for (const [address, { announcement }] of [...this.#active]) this.set(address, announcement, signal);
  }

  #activate(announcement: Announcement): Active {
    const { defaults, allowed, own } = this.#reach;
    const named = announcement.interfaces ?? new Set(defaults);
    const usable = allowed === undefined ? named : named.intersection(allowed);
    if (!own.has(printIP(announcement.ip))) return { announcement, interfaces: usable };
    const fields = { address: printIP(announcement.ip), services: announcement.services };
    this.#parts.log.warn(fields, 'not announced: the address is one of this machine’s own');
    return { announcement, interfaces: new Set() };
  }

  #announce(interfaceName: string, { ip }: Announcement, signal: AbortSignal): void {
    const protocol = PROTOCOLS[ip.family];
    const key = linkKey(interfaceName, protocol);
    let open = this.#links.get(key);
    if (open === undefined) {
      open = { link: new Link(interfaceName, protocol, this.#parts), ended: new AbortController() };
      this.#links.set(key, open);
      void open.link.run(AbortSignal.any([signal, open.ended.signal]));
    }
    open.link.announce(ip);
  }

  /** An interface without addresses needs no socket. */
  #withdraw(interfaceName: string, { ip }: Announcement): void {
    const key = linkKey(interfaceName, PROTOCOLS[ip.family]);
    const open = this.#links.get(key);
    if (open === undefined) return;
    open.link.withdraw(ip);
    if (open.link.size > 0) return;
    open.ended.abort();
    this.#links.delete(key);
  }
}

function linkKey(interfaceName: string, protocol: Protocol): string {
  return `${protocol.name} ${interfaceName}`;
}
