/**
 * Traffic since the proxy began to read it, by Service and endpoint. The kernel's counters come and go; totals only grow,
 * until their Service is gone.
 */
import { setImmediate as turn } from 'node:timers/promises';
import type { Counted, Place, TrafficReading, TrafficReadings } from './reading.ts';

/** How long folding may hold up the event loop, in milliseconds. */
const SLICE = 8;

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

/** What a counter said last, and in which pass. */
interface Counter {
  packets: number;
  bytes: number;
  pass: number;
}

export class TrafficTotals {
  readonly #counters = new Map<string, Counter>();
  /** By Service, then by protocol and port. */
  readonly #services = new Map<string, Map<string, PortEntry>>();
  #pass = 0;

  /**
   * Adds what was counted since the last pass. `ownerOf` tells whose a reading is, if it is anybody's; `exists`, which
   * Services there still are. What a counter has when it is first seen was counted since the kernel began to.
   */
  async fold(
    readings: TrafficReadings,
    ownerOf: (reading: TrafficReading) => Owner | undefined,
    exists: (service: string) => boolean,
  ): Promise<void> {
    this.#pass++;
    let since = performance.now();
    for await (const some of readings) {
      for (const reading of some) this.#add(reading, ownerOf);
      if (performance.now() - since < SLICE) continue;
      await turn();
      since = performance.now();
    }
    this.#forget(exists);
  }

  /** Every port that had any, sorted by Service, port and protocol. */
  ports(): readonly PortTraffic[] {
    const all = [...this.#services.values()].flatMap((ports) => [...ports.values()]);
    return all
      .sort((a, b) => compare(a.service, b.service) || a.port - b.port || compare(a.protocol, b.protocol))
      .map(({ byEndpoint, ...port }) => ({
        ...port,
        endpoints: { [Symbol.iterator]: () => endpointsOf(byEndpoint) },
      }));
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
  #since({ packets, bytes, ...reading }: TrafficReading): Amount {
    const key = counterKey(reading);
    const last = this.#counters.get(key);
    this.#counters.set(key, { packets, bytes, pass: this.#pass });
    const goesOn = last !== undefined && packets >= last.packets && bytes >= last.bytes;
    return goesOn ? { packets: packets - last.packets, bytes: bytes - last.bytes } : { packets, bytes };
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
  #forget(exists: (service: string) => boolean): void {
    for (const [key, { pass }] of this.#counters) if (pass < this.#pass) this.#counters.delete(key);
    for (const [service, ports] of this.#services) {
      if (!exists(service)) this.#services.delete(service);
      for (const { byEndpoint } of ports.values()) {
        for (const [key, { pass }] of byEndpoint) if (pass < this.#pass) byEndpoint.delete(key);
      }
    }
  }
}

function counterKey({ family, protocol, what, asked, endpoint }: Omit<TrafficReading, 'packets' | 'bytes'>): string {
  return `${what} ${family} ${protocol} ${asked.ip} ${asked.port} ${endpoint.ip} ${endpoint.port}`;
}

const nothing = (): Traffic => ({ connections: 0, in: { packets: 0, bytes: 0 }, out: { packets: 0, bytes: 0 } });

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
