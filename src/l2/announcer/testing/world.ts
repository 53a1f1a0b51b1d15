/** An announcer on a wire of its own, for tests. */
import { settle } from '../../../client/testing.ts';
import { FakeClock } from '../../../host/clock.ts';
import { FakeLinks } from '../../../host/link-watch-fake.ts';
import { silentLogger } from '../../../host/log.ts';
import { FakeWire } from '../../../host/packet-socket-fake.ts';
import { mustParseIP, printIP } from '../../../lib/ip.ts';
import { parseMAC, printMAC } from '../../../lib/mac.ts';
import { arp } from '../../frames/arp/arp.ts';
import { ARP_REQUEST, decodeArp } from '../../frames/arp/packet.ts';
import type { ConflictStatus } from '../../lan/messages.ts';
import type { Claim, Claimant } from '../announcement.ts';
import { Announcer } from '../announcer.ts';
import { L2Stats } from '../stats.ts';

/** The MAC of `eth0`. */
export const MAC = '02:00:00:00:00:01';
/** Another host's. */
export const STRANGER = '02:00:00:00:00:ee';
/** The address that is announced unless said otherwise. */
export const A = '192.0.2.10';
/** In milliseconds. */
export const SECOND = 1000;

/** One machine with an interface `eth0`, on a wire and in a time that tests move. */
export class World {
  readonly wire = new FakeWire();
  readonly clock = new FakeClock();
  readonly links = new FakeLinks();
  readonly stats = new L2Stats();
  readonly ended = new AbortController();
  readonly claims: Claim[] = [];
  readonly conflicts: (readonly [ConflictStatus, string])[] = [];
  readonly changed: string[] = [];
  readonly groups: string[] = [];
  claimant: Claimant = 'stranger';
  readonly announcer: Announcer;

  constructor() {
    this.announcer = new Announcer({
      links: this.links,
      clock: this.clock,
      log: silentLogger,
      stats: this.stats,
      openSocket: this.wire.openPacketSocket,
      openGroups: async () => ({
        join: (group) => void this.groups.push(`+${group}`),
        leave: (group) => void this.groups.push(`-${group}`),
        close: () => void this.groups.push('closed'),
      }),
      onClaim: (claim) => {
        this.claims.push(claim);
        return this.claimant;
      },
      onConflict: (conflict, state) => void this.conflicts.push([conflict, state]),
      onChange: (address) => void this.changed.push(address),
    });
    this.addInterface('eth0', MAC);
    this.announcer.start(this.ended.signal);
    this.announcer.setReach({ defaults: ['eth0'], allowed: undefined, own: ['192.0.2.1'] });
  }

  addInterface(name: string, mac: string): void {
    this.wire.addInterface(name, mac);
    this.links.set(name, { mac });
  }

  async announce(address = A, how: { readonly probe?: boolean; readonly interfaces?: readonly string[] } = {}) {
    const { probe = false, interfaces } = how;
    this.announcer.set(address, { ip: mustParseIP(address), interfaces, services: ['ns/web'] }, { probe });
    await settle();
  }

  /** In steps, so that what begins after one sleep can sleep again. */
  async pass(duration: number): Promise<void> {
    for (let left = duration; left > 0; left -= 50) {
      await this.clock.advance(Math.min(left, 50));
      await settle();
    }
  }

  /** What the node has sent since it was last asked, as `WHAT ADDRESS`. */
  sent(name = 'eth0'): readonly string[] {
    const all = this.wire.sent.splice(0).filter((each) => each.interface === name);
    return all.map(({ frame }) => {
      const packet = decodeArp(frame.subarray(14));
      if (packet === undefined) return 'NDP';
      const { operation, senderIP, targetIP, senderMAC } = packet;
      const target = printIP(targetIP);
      if (senderIP.value === 0n) return `probe ${target}`;
      if (senderIP.value !== targetIP.value) return `answer ${printIP(senderIP)} is at ${printMAC(senderMAC)}`;
      return `${operation === ARP_REQUEST ? 'request' : 'reply'} ${target}`;
    });
  }

  /** Another host says that it has an address. */
  async claim(mac = STRANGER, address = A): Promise<void> {
    const [frame = new Uint8Array()] = arp.announcement(mustParseIP(address), parseMAC(mac) ?? new Uint8Array());
    this.wire.inject(frame);
    await settle();
  }

  /** Another host asks who has an address; what it is told. */
  async whoHas(address = A): Promise<readonly string[]> {
    this.wire.sent.splice(0);
    const asker = parseMAC('02:00:00:00:00:99') ?? new Uint8Array();
    this.wire.inject(arp.question(mustParseIP(address), asker, mustParseIP('192.0.2.99')));
    await settle();
    return this.sent();
  }

  interfaces(address = A): readonly string[] | undefined {
    return this.announcer.get(address)?.interfaces;
  }
}

/** What an announcement is. */
export const ANNOUNCED = [`request ${A}`, `reply ${A}`];
/** In haste: it has not been asked yet whether anybody has the address. */
export const VERIFIED = [...ANNOUNCED, `probe ${A}`];
/** What the node says when it is asked. */
export const ANSWER = [`answer ${A} is at ${MAC}`];
