/** For tests: several nodes' LAN sides in one process, on a LAN where claims are heard by all. */
import { FakeClock } from '../../host/clock.ts';
import type { LinkWatch, NetworkLink } from '../../host/link-watch.ts';
import { silentLogger } from '../../host/log.ts';
import { type IPAddress, printIP } from '../../lib/ip.ts';
import { parseMAC } from '../../lib/mac.ts';
import type { Active, Announcement, AnnouncerEvents, Claimant, Evidence } from '../announcer/announcement.ts';
import type { Liveness, Living } from '../membership/liveness.ts';
import { Lan } from './lan.ts';
import type { AddressPlan, FromLan, PeerState, PeerStatus, ReachFacts } from './messages.ts';
import type { Announcing, LivenessEvents } from './parts.ts';

/** Lets everything that is due without time passing happen. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await new Promise(setImmediate);
}

export function plan(address: string, ...nodes: readonly string[]): AddressPlan {
  return { address, services: ['ns/web'], candidates: nodes.map((node) => ({ node, interfaces: undefined })) };
}

/** What a node knows of who lives is said by the test. */
export class FakeLiveness implements Liveness {
  readonly #events: LivenessEvents;
  readonly #self: string;
  #living: Living = { alive: new Set(), reserve: new Set() };
  #states = new Map<string, PeerState>();
  #silent: string | undefined = 'it has just started';
  readonly macs = new Map<string, string>();
  withheld: string | undefined;
  onLan = true;
  left = Promise.resolve();

  constructor(self: string, events: LivenessEvents) {
    this.#self = self;
    this.#events = events;
  }

  /** States of the others, and whether this node may announce. */
  sees(states: Readonly<Record<string, PeerState>>, silent?: string): void {
    this.#states = new Map(Object.entries(states));
    this.#silent = silent;
    const living = [...this.#states].filter(([, state]) => !['lost', 'absent', 'leaving'].includes(state));
    const self = silent === undefined ? [this.#self] : [];
    this.#living = { alive: new Set([...self, ...living.map(([name]) => name)]), reserve: new Set() };
    this.#events.onChange();
  }

  living = (): Living => this.#living;
  alive = (): ReadonlySet<string> => this.#living.alive;
  silent = (): string | undefined => this.#silent;
  isMute = (): boolean => false;
  status = (): readonly PeerStatus[] =>
    [...this.#states].map(([name, state]) => ({ name, state, since: 0, roundTrip: undefined }));
  hears = (): readonly string[] => [...this.#states].filter(([, state]) => state === 'heard').map(([name]) => name);
  macOwner = (mac: string): string | undefined => this.macs.get(mac);
  counts = () => ({ 'heartbeats sent': 1 });
  setPeers(): void {}
  setKeys(): void {}
  setApi(): void {}
  setAddresses(): void {}
  setMacs(): void {}
  setOnLan(onLan: boolean): void {
    this.onLan = onLan;
  }
  withhold(reason: string | undefined): void {
    this.withheld = reason;
  }
  leave = (): Promise<void> => this.left;
  start(): void {}
}

/** Keeps what it is told, and makes claims that the others hear. */
export class FakeAnnouncing implements Announcing {
  readonly events: AnnouncerEvents;
  /** Addresses that nodes have for themselves. */
  own: readonly string[] = [];
  readonly #active = new Map<string, Active>();
  readonly #claim: (ip: IPAddress) => void;
  /** What was done, in order: `announce A`, `probe A`, `withdraw A`, `again A`. */
  readonly done: string[] = [];
  foreignFrames = 0;
  carrier = true;
  answer = true;

  constructor(events: AnnouncerEvents, claim: (ip: IPAddress) => void) {
    this.events = events;
    this.#claim = claim;
  }

  set(address: string, announcement: Announcement | undefined, { probe = false } = {}): void {
    if (announcement === undefined) {
      this.#active.delete(address);
      this.done.push(`withdraw ${address}`);
      return;
    }
    this.done.push(`${probe ? 'probe' : 'announce'} ${address}`);
    this.#active.set(address, { announcement, interfaces: probe ? [] : ['eth0'], since: 0 });
    if (!probe) this.#claim(announcement.ip);
  }

  /** What a probe found out: nobody has it. */
  probed(address: string): void {
    const active = this.#active.get(address);
    if (active === undefined) throw new Error(`${address} is not being asked for`);
    this.#active.set(address, { ...active, interfaces: ['eth0'] });
    this.#claim(active.announcement.ip);
    this.events.onChange(address);
  }

  reannounce(address: string): void {
    this.done.push(`again ${address}`);
    const active = this.#active.get(address);
    if (active !== undefined) this.#claim(active.announcement.ip);
  }

  get = (address: string): Active | undefined => this.#active.get(address);
  list = (): readonly Active[] => [...this.#active.values()];
  evidence = (): Evidence => ({ carrier: this.carrier, foreignFrames: this.foreignFrames });
  ask = async (addresses: readonly string[]): Promise<boolean> => addresses.length > 0 && this.answer;
  setReach({ own }: ReachFacts): void {
    this.own = own;
  }
  start(): void {}
}

export interface FakeNode {
  readonly lan: Lan;
  readonly liveness: FakeLiveness;
  readonly announcing: FakeAnnouncing;
  readonly told: FromLan[];
}

const macOf = (number: number): string => `02:00:00:00:00:0${number}`;

/** Nodes n1, n2, ... in one room. */
export class FakeLan {
  readonly clock = new FakeClock();
  readonly nodes = new Map<string, FakeNode>();
  readonly ended = new AbortController();
  /** Nodes that neither hear claims nor are heard. */
  readonly cutOff = new Set<string>();

  constructor(count: number) {
    for (let number = 1; number <= count; number++) this.#add(`n${number}`, number);
    for (const { liveness } of this.nodes.values()) {
      for (let number = 1; number <= count; number++) liveness.macs.set(macOf(number), `n${number}`);
    }
  }

  node(name: string): FakeNode {
    const node = this.nodes.get(name);
    if (node === undefined) throw new Error(`no node ${name}`);
    return node;
  }

  /** Everybody gets these plans, sees everybody alive, and is told that this is all. */
  async start(...plans: readonly AddressPlan[]): Promise<void> {
    for (const { lan } of this.nodes.values()) {
      lan.start(this.ended.signal);
      lan.receive({ kind: 'plans', changed: plans, removed: [] });
      lan.receive({ kind: 'synced' });
    }
    this.allHeard();
    await settle();
    for (const { announcing } of this.nodes.values()) {
      for (const { announcement, interfaces } of announcing.list()) {
        if (interfaces.length === 0) announcing.probed(printIP(announcement.ip));
      }
    }
    await settle();
  }

  allHeard(except: Readonly<Record<string, PeerState>> = {}): void {
    for (const [name, { liveness }] of this.nodes) {
      const others = [...this.nodes.keys()].filter((other) => other !== name);
      liveness.sees(Object.fromEntries(others.map((other) => [other, except[other] ?? 'heard'])));
    }
  }

  /** A claim by a MAC, as every node sees it; what they make of it. */
  claim(address: string, mac: string): Record<string, Claimant> {
    const seen = [...this.nodes].map(([name, { announcing }]): [string, Claimant] => {
      return [name, announcing.events.onClaim({ address, mac, interface: 'eth0' })];
    });
    return Object.fromEntries(seen);
  }

  /** Nodes that answer for an address. */
  announcers(address: string): readonly string[] {
    return [...this.nodes]
      .filter(([, { announcing }]) => (announcing.get(address)?.interfaces.length ?? 0) > 0)
      .map(([name]) => name);
  }

  #add(name: string, number: number): void {
    const told: FromLan[] = [];
    let liveness: FakeLiveness | undefined;
    let announcing: FakeAnnouncing | undefined;
    const claim = (ip: IPAddress): void => {
      if (this.cutOff.has(name)) return;
      for (const [other, { announcing }] of this.nodes) {
        if (other === name || this.cutOff.has(other)) continue;
        announcing.events.onClaim({ address: printIP(ip), mac: macOf(number), interface: 'eth0' });
      }
    };
    const lan = new Lan({
      nodeName: name,
      interfaces: undefined,
      links: fakeLinks([fakeLink('eth0', macOf(number), [`192.0.2.${number}`])]),
      liveness: (events) => {
        liveness = new FakeLiveness(name, events);
        return liveness;
      },
      announcing: (events) => {
        announcing = new FakeAnnouncing(events, claim);
        return announcing;
      },
      counts: () => ({ 'ARP reply': 1 }),
      gateways: () => [],
      tell: (message) => told.push(message),
      clock: this.clock,
      log: silentLogger,
    });
    if (liveness === undefined || announcing === undefined) throw new Error('parts were not made');
    this.nodes.set(name, { lan, liveness, announcing, told });
  }
}

export function fakeLink(name: string, mac: string, addresses: readonly string[]): NetworkLink {
  const state = { up: true, carrier: true, resolves: true };
  return { name, index: 2, mac: parseMAC(mac), kind: undefined, master: undefined, ...state, addresses };
}

export function fakeLinks(links: readonly NetworkLink[]): LinkWatch {
  return { links: new Map(links.map((link) => [link.name, link])), onChange: () => () => {} };
}
