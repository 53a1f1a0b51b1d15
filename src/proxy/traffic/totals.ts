/**
 * Traffic since the proxy began to read it, by Service and endpoint. The kernel's counters come and go; totals only grow,
 * until their Service is gone.
 */

import { type Pace, paced } from '../../host/paced.ts';
import type { Counted, Place, TrafficReading, TrafficReadings } from './reading.ts';

export interface Amount {
  packets: number;
  /** Of IP packets, headers included. */
  bytes: number;
}

/** What passed, seen from the endpoints. */
export interface Traffic {
  /** That began. */
  connections: number;
  /** From clients to endpoints. */
  readonly in: Amount;
  /** Back. */
  readonly out: Amount;
}

export interface EndpointTraffic extends Place, Traffic {}

/** Whose traffic a reading is. */
export interface Owner {
  /** `namespace/name`. */
  readonly service: string;
  /** The Service's own port, whatever the connection asked for. */
  readonly port: number;
  /** Empty where the port has none. */
  readonly portName: string;
}

export interface PortTraffic extends Owner, Traffic {
  readonly protocol: TrafficReading['protocol'];
  /** Those that packets passed lately; the port's own numbers are of all that there ever were. */
  readonly endpoints: Iterable<EndpointTraffic>;
}

interface PortEntry extends Owner, Traffic {
  readonly protocol: TrafficReading['protocol'];
  readonly byEndpoint: Map<string, EndpointTraffic & { pass: number }>;
}

/** What the kernel's counters of an entrance and an endpoint said last, and which of them this pass has seen. */
interface Last extends Traffic {
  seen: number;
}

/** One bit for each. */
const SEEN: Readonly<Record<Counted, number>> = { connections: 1, in: 2, out: 4 };

export class TrafficTotals {
  readonly #last = new Map<string, Last>();
  /** By Service, then by protocol and port. */
  readonly #services = new Map<string, Map<string, PortEntry>>();
  #pass = 0;

  /**
   * Adds what was counted since the last pass; one pass ends before the next begins. `ownerOf` tells whose a reading is, if it is
   * anybody's; `exists`, which Services there still are. What a counter has when it is first seen was counted since the kernel
   * began to.
   */
  async fold(
    readings: TrafficReadings,
    ownerOf: (reading: TrafficReading) => Owner | undefined,
    exists: (service: string) => boolean,
  ): Promise<void> {
    this.#pass++;
    const breathe = paced();
    for await (const some of readings) {
      for (const reading of some) this.#add(reading, ownerOf);
      await breathe();
    }
    await this.#forget(exists, breathe);
  }

  /** Every port that had any. */
  readonly ports: Iterable<PortTraffic> = { [Symbol.iterator]: () => this.#ports() };

  *#ports(): Iterator<PortTraffic> {
    for (const ports of this.#services.values()) {
      for (const { byEndpoint, ...port } of ports.values()) {
        yield { ...port, endpoints: { [Symbol.iterator]: () => endpointsOf(byEndpoint) } };
      }
    }
  }

  #add(reading: TrafficReading, ownerOf: (reading: TrafficReading) => Owner | undefined): void {
    const more = this.#since(reading);
    const owner = ownerOf(reading);
    if (owner === undefined) return;
    const port = this.#port(owner, reading.protocol);
    add(port, reading.what, more);
    add(this.#endpoint(port, reading.endpoint), reading.what, more);
  }

  /** What a counter counted since the last pass. One that says less than then has begun anew. */
  #since({ protocol, what, asked, endpoint, packets, bytes }: TrafficReading): Amount {
    const key = `${protocol} ${asked.ip} ${asked.port} ${endpoint.ip} ${endpoint.port}`;
    const last = this.#last.get(key) ?? { ...nothing(), seen: 0 };
    this.#last.set(key, last);
    last.seen |= SEEN[what];
    const before = what === 'connections' ? { packets: last.connections, bytes: 0 } : { ...last[what] };
    setAmount(last, what, { packets, bytes });
    const goesOn = packets >= before.packets && bytes >= before.bytes;
    return goesOn ? { packets: packets - before.packets, bytes: bytes - before.bytes } : { packets, bytes };
  }

  #port(owner: Owner, protocol: TrafficReading['protocol']): PortEntry {
    const ports = this.#services.get(owner.service) ?? new Map<string, PortEntry>();
    this.#services.set(owner.service, ports);
    const key = `${protocol} ${owner.port}`;
    const entry = ports.get(key) ?? { ...owner, protocol, ...nothing(), byEndpoint: new Map() };
    ports.set(key, entry);
    return entry;
  }

  #endpoint({ byEndpoint }: PortEntry, { ip, port }: Place): EndpointTraffic {
    const key = `${ip} ${port}`;
    const entry = byEndpoint.get(key) ?? { ip, port, ...nothing(), pass: 0 };
    entry.pass = this.#pass;
    byEndpoint.set(key, entry);
    return entry;
  }

  /** What the kernel has no counters of any more, and Services that are gone. */
  async #forget(exists: (service: string) => boolean, breathe: Pace): Promise<void> {
    for (const [key, last] of this.#last) {
      if (last.seen === 0) this.#last.delete(key);
      // Should one of them come back, it has begun anew.
      for (const what of COUNTED) if ((last.seen & SEEN[what]) === 0) setAmount(last, what, { packets: 0, bytes: 0 });
      last.seen = 0;
      const pause = breathe();
      if (pause !== undefined) await pause;
    }
    for (const [service, ports] of this.#services) {
      if (!exists(service)) this.#services.delete(service);
      for (const { byEndpoint } of ports.values()) {
        for (const [key, { pass }] of byEndpoint) if (pass < this.#pass) byEndpoint.delete(key);
      }
      const pause = breathe();
      if (pause !== undefined) await pause;
    }
  }
}

const COUNTED = ['connections', 'in', 'out'] as const;

const nothing = (): Traffic => ({ connections: 0, in: { packets: 0, bytes: 0 }, out: { packets: 0, bytes: 0 } });

function setAmount(traffic: Traffic, what: Counted, { packets, bytes }: Amount): void {
  if (what === 'connections') {
    traffic.connections = packets;
    return;
  }
  traffic[what].packets = packets;
  traffic[what].bytes = bytes;
}

function add(traffic: Traffic, what: Counted, { packets, bytes }: Amount): void {
  if (what === 'connections') {
    traffic.connections += packets;
    return;
  }
  traffic[what].packets += packets;
  traffic[what].bytes += bytes;
}

function* endpointsOf(entries: ReadonlyMap<string, EndpointTraffic & { pass: number }>): Iterator<EndpointTraffic> {
  const sorted = [...entries.values()].sort((a, b) => compare(a.ip, b.ip) || a.port - b.port);
  for (const { pass: _, ...traffic } of sorted) yield traffic;
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
