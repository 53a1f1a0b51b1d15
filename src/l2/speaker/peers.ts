/** What the API says of the other nodes' announcers: where they are, and whether their leases are renewed. */
import { isDeepStrictEqual } from 'node:util';
import type { Lease } from '../../api/coordination/v1/lease.ts';
import type { Node } from '../../api/core/v1/node.ts';
import { type AnnouncerLease, isRenewedLately, readAnnouncerLease } from '../../api/metallb/v1beta1/announcer-lease.ts';
import type { Informer } from '../../client/informer.ts';
import type { Clock } from '../../host/clock.ts';
import { type Duration, seconds } from '../../lib/duration.ts';
import { familyOf, parseIP, printIP } from '../../lib/ip.ts';
import type { PeerFacts } from '../lan/messages.ts';

/** How often it is looked which leases have run out. */
const TICK: Duration = seconds(1);

/** A lease and for how long it has not been renewed, by this machine's clock. */
export interface SeenLease {
  readonly lease: AnnouncerLease;
  readonly age: Duration;
}

/** All other nodes and their announcers, sorted by name. Pure. */
function desiredPeers(
  nodeName: string,
  nodes: readonly Node[],
  leases: ReadonlyMap<string, SeenLease>,
): readonly PeerFacts[] {
  return nodes
    .flatMap((node): readonly PeerFacts[] => {
      const { name = '' } = node.metadata;
      if (name === nodeName) return [];
      const seen = leases.get(name);
      const base = { name, addresses: internalIPs(node) };
      if (seen === undefined) return [{ ...base, port: undefined, lease: 'none', hears: [], onLan: true }];
      const { port, hears, onLan, macs = [], ready = true } = seen.lease;
      // One that does not know yet what there is to announce must not be chosen, and may send heartbeats already.
      const lease = !ready ? 'none' : isFresh(seen) ? 'fresh' : 'stale';
      return [{ ...base, port, lease, leaseDuration: seen.lease.duration, hears, onLan, macs }];
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** A node's InternalIPs in canonical text, the first of each family. */
export function internalIPs({ status }: Node): readonly string[] {
  const all = (status?.addresses ?? [])
    .filter(({ type }) => type === 'InternalIP')
    .map(({ address }) => parseIP(address))
    .filter((ip) => ip !== undefined)
    .map(printIP);
  return all.filter((address, i) => all.findIndex((other) => familyOf(other) === familyOf(address)) === i);
}

function isFresh({ lease, age }: SeenLease): boolean {
  return age < lease.duration;
}

/** Whether two leases say the same, whenever that was. */
function sameFacts(a: AnnouncerLease, b: AnnouncerLease): boolean {
  return isDeepStrictEqual({ ...a, renewed: undefined }, { ...b, renewed: undefined });
}

export interface PeersOptions {
  readonly nodeName: string;
  readonly nodes: Informer<Node>;
  /** Of the namespace that announcers have their leases in. */
  readonly leases: Informer<Lease>;
  readonly clock: Clock;
  /** Told once all is known, and when something changes. */
  readonly tell: (peers: readonly PeerFacts[]) => void;
}

/** Follows nodes and leases. */
export class Peers {
  readonly #options: PeersOptions;
  readonly #seen = new Map<string, SeenLease>();
  #facts: readonly PeerFacts[] = [];
  #told: string | undefined;
  #isSynced = false;

  /** To be made before the informers are started. */
  constructor(options: PeersOptions) {
    this.#options = options;
    options.nodes.onChange(({ object, previous }) => {
      const addresses = [object, previous].map((node) => node && internalIPs(node).join());
      if (addresses[0] !== addresses[1]) this.#look();
    });
    options.leases.onChange(({ object, previous }) => this.#note(object, previous));
  }

  /** What was told last. */
  get facts(): readonly PeerFacts[] {
    return this.#facts;
  }

  /** Looks for leases that run out until the signal is aborted. */
  async run(signal: AbortSignal): Promise<void> {
    const { nodes, leases, clock } = this.#options;
    await Promise.all([nodes.synced, leases.synced]);
    this.#isSynced = true;
    this.#look();
    while (!signal.aborted) {
      await clock.sleep(TICK, signal).catch(() => {}); // The loop looks at the signal.
      if (this.#age()) this.#look();
    }
  }

  /**
   * One step of time; whether a lease has run out with it. Steps rather than times: the wall clock may be set, and time that
   * this process did not run does not count.
   */
  #age(): boolean {
    let hasRunOut = false;
    for (const [node, seen] of this.#seen) {
      if (!isFresh(seen)) continue;
      const older = { ...seen, age: (seen.age + TICK) as Duration };
      this.#seen.set(node, older);
      hasRunOut ||= !isFresh(older);
    }
    return hasRunOut;
  }

  #note(object: Lease | undefined, previous: Lease | undefined): void {
    const lease = object && readAnnouncerLease(object);
    if (lease === undefined) {
      const gone = previous && readAnnouncerLease(previous);
      if (gone === undefined) return;
      this.#seen.delete(gone.node);
    } else {
      const isRenewed = previous !== undefined && previous.spec?.renewTime !== object?.spec?.renewTime;
      const before = this.#seen.get(lease.node);
      const after = { lease, age: isRenewed ? seconds(0) : this.#ageOf(lease) };
      this.#seen.set(lease.node, after);
      if (before !== undefined && isFresh(before) === isFresh(after) && sameFacts(before.lease, lease)) return;
    }
    this.#look();
  }

  /** Of one that has not been seen to be renewed: at first sight, only its timestamp can tell. */
  #ageOf(lease: AnnouncerLease): Duration {
    const before = this.#seen.get(lease.node);
    if (before !== undefined) return before.age;
    return isRenewedLately(lease, this.#options.clock.now()) ? seconds(0) : lease.duration;
  }

  #look(): void {
    if (!this.#isSynced) return;
    const { nodeName, nodes, tell } = this.#options;
    const facts = desiredPeers(nodeName, nodes.list(), this.#seen);
    const text = JSON.stringify(facts);
    if (text === this.#told) return;
    this.#told = text;
    this.#facts = facts;
    tell(facts);
  }
}
