/** Brings what is announced on the wire into line with what should be, on the interfaces as they are. */
import type { LinkChange, LinkWatch, NetworkLink } from '../../host/link-watch.ts';
import { paced } from '../../host/paced.ts';
import { type IPFamily, printIP } from '../../lib/ip.ts';
import { arp } from '../frames/arp/arp.ts';
import { macKey } from '../frames/ethernet.ts';
import { ndp } from '../frames/ndp/ndp.ts';
import type { Protocol } from '../frames/protocol.ts';
import type { ReachFacts } from '../lan/messages.ts';
import type { Active, Announcement, Evidence } from './announcement.ts';
import { Link, type LinkParts } from './link.ts';
import { resolvePlace } from './places.ts';
import { anyoneAnswers } from './presence.ts';

const PROTOCOLS: Readonly<Record<IPFamily, Protocol>> = { IPv4: arp, IPv6: ndp };

export interface AnnouncerParts extends Omit<LinkParts, 'isOwn' | 'onForeign'> {
  readonly links: LinkWatch;
}

interface Entry {
  readonly announcement: Announcement;
  readonly probe: boolean;
  readonly since: number;
  /** Where it is held, whether or not those interfaces can be used now. */
  readonly interfaces: ReadonlySet<string>;
}

export class Announcer {
  readonly #parts: AnnouncerParts;
  readonly #linkParts: LinkParts;
  readonly #entries = new Map<string, Entry>();
  readonly #links = new Map<string, Link>();
  #reach: ReachFacts = { defaults: [], allowed: undefined, own: [] };
  #own: ReadonlySet<string> = new Set();
  #macs: ReadonlySet<number> = new Set();
  /** Where the frames of each interface that an announcement has named are to be seen. */
  readonly #resolved = new Map<string, string>();
  /** Addresses that are not announced since a node has them for itself. */
  readonly #refused = new Set<string>();
  #foreignFrames = 0;
  #placing = 0;
  #signal: AbortSignal | undefined;

  constructor(parts: AnnouncerParts) {
    this.#parts = parts;
    this.#linkParts = {
      ...parts,
      isOwn: (mac) => this.#macs.has(macKey(mac)),
      onForeign: () => void this.#foreignFrames++,
    };
  }

  /** Follows the interfaces of the machine until the signal is aborted, which ends every announcement. */
  start(signal: AbortSignal): void {
    this.#signal = signal;
    this.#learnMACs();
    const unfollow = this.#parts.links.onChange((change) => this.#follow(change));
    signal.addEventListener(
      'abort',
      () => {
        unfollow();
        for (const link of this.#links.values()) link.close();
        this.#links.clear();
        this.#entries.clear();
      },
      { once: true },
    );
  }

  /**
   * Sets or, with undefined, ends the announcement of one address, given in canonical text. With `probe` it is asked
   * first whether a host has it already, which takes 300 ms.
   */
  set(
    address: string,
    announcement: Announcement | undefined,
    { probe = false }: { readonly probe?: boolean } = {},
  ): void {
    const before = this.#entries.get(address);
    const ended = announcement === undefined || this.#signal === undefined || this.#signal.aborted;
    const since = before?.since ?? this.#parts.clock.now();
    const after = ended ? undefined : { announcement, probe, since, interfaces: this.#placesOf(announcement) };
    if (after === undefined) this.#forget(address);
    else this.#entries.set(address, after);
    this.#move(before, after);
  }

  #forget(address: string): void {
    this.#entries.delete(address);
    this.#refused.delete(address);
  }

  /** Moves everything to where it may now be announced. Costs nothing for what this leaves as it is. */
  setReach(reach: ReachFacts): void {
    const own = new Set(reach.own);
    const changed = this.#own.symmetricDifference(own);
    const isElsewhere = placesText(reach) !== placesText(this.#reach);
    this.#reach = reach;
    this.#own = own;
    if (isElsewhere) void this.#placeAll();
    else for (const address of changed) this.#place(address);
  }

  /** Says once more, as for a new address, where an address is. */
  reannounce(address: string): void {
    const entry = this.#entries.get(address);
    if (entry === undefined) return;
    for (const link of this.#linksOf(entry)) link.reannounce(entry.announcement.ip);
  }

  /** What is announced of an address; undefined when it is not set. */
  get(address: string): Active | undefined {
    const entry = this.#entries.get(address);
    if (entry === undefined) return undefined;
    const { announcement, since } = entry;
    const links = this.#linksOf(entry);
    const interfaces = links.filter((link) => link.isAnnounced(announcement.ip)).map(({ name }) => name);
    const traffic = links.map((link) => link.trafficOf(announcement.ip)).filter((each) => each !== undefined);
    return {
      ...{ announcement, since, interfaces: interfaces.sort() },
      answered: traffic.reduce((sum, { answered }) => sum + answered, 0),
      told: traffic.reduce((sum, { told }) => sum + told, 0),
    };
  }

  list(): readonly Active[] {
    return [...this.#entries.keys()].map((address) => this.get(address)).filter((active) => active !== undefined);
  }

  /** What shows whether this machine can reach its LAN. */
  evidence(): Evidence {
    return { carrier: this.#defaultLinks().some(({ carrier }) => carrier), foreignFrames: this.#foreignFrames };
  }

  /** Asks who holds these addresses, on the default interfaces. True as soon as any other host is heard there. */
  ask(addresses: readonly string[], within: number): Promise<boolean> {
    const { isOwn, onForeign } = this.#linkParts;
    const parts = { ...this.#parts, protocols: PROTOCOLS, isOwn, onForeign };
    return anyoneAnswers(parts, this.#defaultLinks(), addresses, within);
  }

  #defaultLinks(): readonly NetworkLink[] {
    const { links } = this.#parts.links;
    return this.#reach.defaults
      .map((name) => links.get(resolvePlace(name, links)))
      .filter((link) => link !== undefined);
  }

  #placesOf({ ip, interfaces }: Announcement): ReadonlySet<string> {
    const { defaults, allowed } = this.#reach;
    const address = printIP(ip);
    if (this.#own.has(address)) {
      if (!this.#refused.has(address)) {
        this.#parts.log.warn({ address }, 'not announced: a node has the address for itself');
      }
      this.#refused.add(address);
      return new Set();
    }
    this.#refused.delete(address);
    const named = [...(interfaces ?? defaults)];
    const usable = allowed === undefined ? named : named.filter((name) => allowed.includes(name));
    return new Set(usable.map((name) => this.#resolve(name)));
  }

  #resolve(name: string): string {
    const known = this.#resolved.get(name);
    if (known !== undefined) return known;
    const place = resolvePlace(name, this.#parts.links.links);
    this.#resolved.set(name, place);
    return place;
  }

  #move(before: Entry | undefined, after: Entry | undefined): void {
    for (const name of before?.interfaces ?? []) {
      if (before !== undefined && !after?.interfaces.has(name)) this.#release(name, before.announcement);
    }
    for (const name of after?.interfaces ?? []) {
      if (after === undefined || before?.interfaces.has(name)) continue;
      this.#linkOf(name, PROTOCOLS[after.announcement.ip.family]).hold(after.announcement.ip, after.probe);
    }
  }

  /** In short turns, since there may be many. What is set meanwhile is placed as it is set. */
  async #placeAll(): Promise<void> {
    const turn = ++this.#placing;
    const pace = paced();
    for (const address of [...this.#entries.keys()]) {
      await pace();
      if (turn !== this.#placing) return;
      this.#place(address);
    }
  }

  #place(address: string): void {
    const before = this.#entries.get(address);
    if (before === undefined) return;
    const after = { ...before, interfaces: this.#placesOf(before.announcement) };
    this.#entries.set(address, after);
    this.#move(before, after);
  }

  #follow({ name, link, announce }: LinkChange): void {
    this.#learnMACs();
    for (const protocol of Object.values(PROTOCOLS)) this.#links.get(linkKey(name, protocol))?.follow(link, announce);
    const { links } = this.#parts.links;
    const moved = [...this.#resolved].filter(([named, place]) => resolvePlace(named, links) !== place);
    if (moved.length === 0) return;
    for (const [named] of moved) this.#resolved.delete(named);
    void this.#placeAll();
  }

  #learnMACs(): void {
    const links = [...this.#parts.links.links.values()];
    this.#macs = new Set(links.flatMap(({ mac }) => (mac === undefined ? [] : [macKey(mac)])));
  }

  #linksOf({ announcement, interfaces }: Entry): readonly Link[] {
    const protocol = PROTOCOLS[announcement.ip.family];
    return [...interfaces].map((name) => this.#links.get(linkKey(name, protocol))).filter((link) => link !== undefined);
  }

  #linkOf(name: string, protocol: Protocol): Link {
    const key = linkKey(name, protocol);
    const open = this.#links.get(key);
    if (open !== undefined) return open;
    const link = new Link(name, protocol, this.#linkParts);
    this.#links.set(key, link);
    link.follow(this.#parts.links.links.get(name));
    return link;
  }

  /** An interface without addresses needs no socket. */
  #release(name: string, { ip }: Announcement): void {
    const key = linkKey(name, PROTOCOLS[ip.family]);
    const link = this.#links.get(key);
    if (link === undefined) return;
    link.release(ip);
    if (link.size > 0) return;
    link.close();
    this.#links.delete(key);
  }
}

/** What of a reach decides on which interfaces everything is. */
function placesText({ defaults, allowed }: ReachFacts): string {
  return JSON.stringify([defaults, allowed ?? 'any']);
}

function linkKey(name: string, protocol: Protocol): string {
  return `${protocol.name} ${name}`;
}
