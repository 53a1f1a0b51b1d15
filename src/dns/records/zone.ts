/** The names of a cluster's zone. https://github.com/kubernetes/dns/blob/master/docs/specification.md */
import { type IPAddress, ipBytes } from '../../lib/ip.ts';
import type { ResourceRecord } from '../wire/message.ts';
import { canonicalName } from '../wire/name.ts';

/** Version of the specification that the records follow. */
const SCHEMA_VERSION = '1.1.0';

/** Seconds that an answer may be kept: short, because endpoints come and go. The same as CoreDNS' default. */
export const TTL = 5;

/** A zone: the cluster domain in canonical form. */
export type Zone = string;

/** Reads a cluster domain as it is configured: `cluster.local`, `Cluster.Local.`. Throws when it is not a domain. */
export function parseZone(text: string): Zone {
  const zone = canonicalName(text);
  const labels = zone.split('.');
  const ok = zone.length <= 128 && labels.every((label) => /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(label));
  if (!ok) throw new Error(`not a cluster domain: ${JSON.stringify(text)}; use a DNS name such as cluster.local`);
  return zone;
}

/** `SERVICE.NAMESPACE.svc.ZONE`. */
export function serviceName(zone: Zone, namespace: string, service: string): string {
  return `${service}.${namespace}.svc.${zone}`;
}

/** The name under which the address of an endpoint or cluster IP is looked up: RFC 1035 section 3.5, RFC 3596. */
export function reverseName(ip: IPAddress): string {
  const bytes = Array.from(ipBytes(ip)).reverse();
  if (ip.family === 'IPv4') return `${bytes.join('.')}.in-addr.arpa`;
  const nibbles = bytes.flatMap((byte) => [byte & 0xf, byte >> 4]);
  return `${nibbles.map((nibble) => nibble.toString(16)).join('.')}.ip6.arpa`;
}

/**
 * What the zone holds whatever Services there are. `servers` are our own addresses, by which the zone's name server is
 * found.
 */
export function apexRecords(zone: Zone, servers: readonly IPAddress[]): ResourceRecord[] {
  const server = nameServer(zone);
  return [
    soaRecord(zone),
    { name: zone, ttl: TTL, data: { type: 'NS', target: server } },
    ...servers.map((address): ResourceRecord => {
      return { name: server, ttl: TTL, data: { type: address.family === 'IPv4' ? 'A' : 'AAAA', address } };
    }),
    { name: `dns-version.${zone}`, ttl: TTL, data: { type: 'TXT', text: SCHEMA_VERSION } },
  ];
}

/**
 * The zone's SOA, which a negative answer carries so that it may be kept (RFC 2308). The zone is never transferred, so
 * its serial stays.
 */
export function soaRecord(zone: Zone): ResourceRecord {
  return {
    name: zone,
    ttl: TTL,
    data: {
      type: 'SOA',
      mname: nameServer(zone),
      rname: `hostmaster.${zone}`,
      serial: 1,
      refresh: 7200,
      retry: 1800,
      expire: 86_400,
      minimum: TTL,
    },
  };
}

function nameServer(zone: Zone): string {
  return `ns.dns.${zone}`;
}
