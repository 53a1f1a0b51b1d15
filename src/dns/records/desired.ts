/**
 * The records of one Service, as the Kubernetes DNS specification 1.1.0 lays them down: objects in, records out, always
 * in the same order.
 */
import type { Service } from '../../api/core/v1/service.ts';
import type { Endpoint, EndpointSlice } from '../../api/discovery/v1/endpointslice.ts';
import { compareIP, type IPAddress, parseIP, printIP } from '../../lib/ip.ts';
import type { RecordData, ResourceRecord } from '../wire/message.ts';
import { canonicalName } from '../wire/name.ts';
import { reverseName, serviceName, TTL, type Zone } from './zone.ts';

/** Priority and weight of every SRV record: the specification leaves them open, and all endpoints are equals. */
const SRV_PRIORITY = 0;
const SRV_WEIGHT = 100;

/** The records of a Service with these slices; none once the Service is deleted. */
export function desiredRecords(
  zone: Zone,
  service: Service | undefined,
  slices: readonly EndpointSlice[],
): readonly ResourceRecord[] {
  const { name, namespace } = service?.metadata ?? {};
  if (service?.spec === undefined || name === undefined || namespace === undefined) return [];
  const owner = serviceName(zone, namespace, name);
  if (service.spec.type === 'ExternalName') return externalName(owner, service.spec.externalName ?? '');
  const clusterIPs = service.spec.clusterIPs ?? (service.spec.clusterIP ? [service.spec.clusterIP] : []);
  if (clusterIPs[0] === 'None') return headless(owner, slices);
  return withClusterIP(owner, clusterIPs, service);
}

/** Section 2.5. */
function externalName(owner: string, target: string): ResourceRecord[] {
  const name = canonicalName(target);
  return name === '' ? [] : [record(owner, { type: 'CNAME', target: name })];
}

/** Section 2.3. */
function withClusterIP(owner: string, clusterIPs: readonly string[], service: Service): ResourceRecord[] {
  const addresses = clusterIPs.map(parseIP).filter((ip) => ip !== undefined);
  if (addresses.length === 0) return [];
  const ports = (service.spec?.ports ?? []).filter((port) => port.name !== undefined && port.name !== '');
  return [
    ...addresses.map((address) => addressRecord(owner, address)),
    ...ports.map(({ name = '', protocol, port }) => srvRecord(owner, { name, protocol, port, target: owner })),
    ...addresses.map((address) => record(reverseName(address), { type: 'PTR', target: owner })),
  ];
}

/** Section 2.4: only ready endpoints; without any there is no such name. */
function headless(owner: string, slices: readonly EndpointSlice[]): ResourceRecord[] {
  const records = new Map<string, ResourceRecord>();
  const add = (found: ResourceRecord): void => {
    records.set(recordKey(found), found); // The same endpoint may stand in two slices while it moves between them.
  };
  for (const slice of [...slices].sort(byName)) {
    for (const { endpoint, address } of readyEndpoints(slice)) {
      const target = `${hostname(endpoint, address)}.${owner}`;
      add(addressRecord(owner, address));
      add(addressRecord(target, address));
      add(record(reverseName(address), { type: 'PTR', target }));
      for (const { name, protocol, port } of slice.ports ?? []) {
        if (name !== undefined && name !== '' && port !== undefined) {
          add(srvRecord(owner, { name, protocol, port, target }));
        }
      }
    }
  }
  return [...records.values()];
}

function readyEndpoints(slice: EndpointSlice): { endpoint: Endpoint; address: IPAddress }[] {
  return slice.endpoints
    .filter((endpoint) => endpoint.conditions?.ready !== false)
    .map((endpoint) => ({ endpoint, address: parseIP(endpoint.addresses[0] ?? '') }))
    .filter((found): found is { endpoint: Endpoint; address: IPAddress } => found.address?.family === slice.addressType)
    .sort((a, b) => compareIP(a.address, b.address));
}

/** Section 2.1: the endpoint's own hostname, or a name made from its address. */
function hostname(endpoint: Endpoint, address: IPAddress): string {
  if (endpoint.hostname !== undefined && endpoint.hostname !== '') return canonicalName(endpoint.hostname);
  return printIP(address).replaceAll(/[.:]/g, '-');
}

function addressRecord(name: string, address: IPAddress): ResourceRecord {
  return record(name, { type: address.family === 'IPv4' ? 'A' : 'AAAA', address });
}

function srvRecord(
  owner: string,
  srv: { name: string; protocol: string | undefined; port: number; target: string },
): ResourceRecord {
  const name = `_${canonicalName(srv.name)}._${(srv.protocol ?? 'TCP').toLowerCase()}.${owner}`;
  const { port, target } = srv;
  return record(name, { type: 'SRV', priority: SRV_PRIORITY, weight: SRV_WEIGHT, port, target });
}

function record(name: string, data: RecordData): ResourceRecord {
  return { name, ttl: TTL, data };
}

function recordKey({ name, data }: ResourceRecord): string {
  const value = data.type === 'A' || data.type === 'AAAA' ? printIP(data.address) : JSON.stringify(data);
  return `${name} ${data.type} ${value}`;
}

function byName(a: EndpointSlice, b: EndpointSlice): number {
  const [x, y] = [a.metadata.name ?? '', b.metadata.name ?? ''];
  return x < y ? -1 : x > y ? 1 : 0;
}
