/**
 * What packets of translated connections count on their way: sets of counters that the packets themselves fill. Programming
 * knows nothing of them, and what a packet costs does not depend on how many Services there are.
 */
import {
  type Atom,
  type Chain,
  type Concatenation,
  type CountingElement,
  type DataType,
  DIRECTIONS,
  goto,
  type Match,
  type NamedSet,
  type Rule,
  type TableName,
  type TransportProtocol,
} from '../../netfilter/model.ts';
import type { Netfilter } from '../../netfilter/netfilter.ts';
import type { TrafficReading, TrafficReadings } from '../traffic/reading.ts';
import { PROTOCOLS } from './scopes.ts';
import { l4proto, rule } from './words.ts';

/** After this long without a packet the kernel forgets what was counted: by then it has been read, many times over. */
const FORGOTTEN_AFTER = 3600;

/**
 * Pairs of an entrance and an endpoint that are counted at once, per family and protocol; one takes the kernel some 250
 * bytes. Who comes when there is no room goes on uncounted.
 */
const MAX_COUNTERS = 262_144;

const COUNT = 'count-traffic';
/** Before others translate source addresses: a chain of the type nat sees no more of what one before it has decided. */
const BEFORE_TRANSLATION = 0;

/** What was asked for, and the endpoint that it became. The kernel keeps both with the connection. */
const asked: Concatenation = [{ kind: 'original-daddr' }];
const askedPort: Concatenation = [{ kind: 'original-dport' }];
const endpoint: Concatenation = [{ kind: 'reply-saddr' }, { kind: 'reply-sport' }];

const translated: Match = { kind: 'translated' };

/** Packets and bytes, both ways. One set per protocol: nft 1.0.6 has no types for keys of six components. */
const packetSet = (protocol: TransportProtocol): NamedSet =>
  counters(`traffic-${protocol}`, ['address', 'inet_service', 'address', 'inet_service', 'ct_dir']);

/** Connections: their first packets. */
const CONNECTIONS = counters('connections', ['address', 'inet_proto', 'inet_service', 'address', 'inet_service']);

function counters(name: string, types: readonly DataType[]): NamedSet {
  return { name, key: { kind: 'types', types }, dynamic: { size: MAX_COUNTERS, seconds: FORGOTTEN_AFTER } };
}

export function trafficSets(): NamedSet[] {
  return [...PROTOCOLS.map(packetSet), CONNECTIONS];
}

/**
 * Whatever is forwarded or sent passes postrouting once; what ends at this machine passes input, and what it sends
 * itself passes both.
 */
export function trafficChains(): Chain[] {
  const notItsOwn: Match = { kind: 'through', interface: 'lo', not: true };
  const count = { kind: 'verdict', verdict: goto(COUNT) } as const;
  const last = BEFORE_TRANSLATION;
  return [
    { name: COUNT, rules: PROTOCOLS.map(countPackets) },
    hooked('count-sent', 'filter', 'postrouting', [rule([translated], count)], last),
    hooked('count-received', 'filter', 'input', [rule([translated, notItsOwn], count)], last),
    // A chain of the type nat sees the first packet of a connection, and in one of these hooks only.
    hooked('count-connections-sent', 'nat', 'postrouting', PROTOCOLS.map(countConnection), last),
    hooked('count-connections-received', 'nat', 'input', PROTOCOLS.map(countConnection), last),
  ];
}

function hooked(
  name: string,
  type: 'nat' | 'filter',
  hook: 'input' | 'postrouting',
  rules: readonly Rule[],
  priority: number,
): Chain {
  return { name, hook: { type, hook, priority }, rules };
}

function countPackets(protocol: TransportProtocol): Rule {
  const key = [...asked, ...askedPort, ...endpoint, { kind: 'direction' } as const];
  return rule([{ kind: 'protocol', protocol }], { kind: 'count', key, set: packetSet(protocol).name });
}

function countConnection(protocol: TransportProtocol): Rule {
  const key = [...asked, l4proto, ...askedPort, ...endpoint];
  return rule([translated, { kind: 'protocol', protocol }], { kind: 'count', key, set: CONNECTIONS.name });
}

/** What tables with these sets have counted. A table that is not there has nothing. */
export async function* readTraffic(netfilter: Netfilter, tables: readonly TableName[]): TrafficReadings {
  for (const table of tables) {
    const family = table.family === 'ip' ? 'IPv4' : 'IPv6';
    for (const set of trafficSets()) {
      for await (const elements of netfilter.counters(table, set)) {
        yield elements.flatMap((element) => readingOf(family, set, element) ?? []);
      }
    }
  }
}

/** What an element of one of {@link trafficSets} says; undefined for what none of our rules counts. */
function readingOf(
  family: TrafficReading['family'],
  set: NamedSet,
  { key, counter }: CountingElement,
): TrafficReading | undefined {
  if (set.name === CONNECTIONS.name) {
    const [ip, protocol, port, ...to] = key;
    return isProtocol(protocol) ? reading(family, protocol, 'connections', [ip, port, ...to], counter) : undefined;
  }
  const protocol = PROTOCOLS.find((one) => packetSet(one).name === set.name);
  const [ip, port, toIP, toPort, direction] = key;
  if (protocol === undefined) return undefined;
  const way = direction === DIRECTIONS.original ? 'in' : 'out';
  return reading(family, protocol, way, [ip, port, toIP, toPort], counter);
}

const isProtocol = (atom: Atom | undefined): atom is TransportProtocol => PROTOCOLS.some((one) => one === atom);

function reading(
  family: TrafficReading['family'],
  protocol: TransportProtocol,
  what: TrafficReading['what'],
  [ip, port, toIP, toPort]: readonly (Atom | undefined)[],
  { packets, bytes }: CountingElement['counter'],
): TrafficReading {
  return {
    ...{ family, protocol, what, packets, bytes },
    asked: { ip: String(ip), port: Number(port) },
    endpoint: { ip: String(toIP), port: Number(toPort) },
  };
}
