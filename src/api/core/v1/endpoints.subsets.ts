/** The canonical form of Endpoints' subsets, in which the API server keeps them: as few as will do. Pure. */
import type { EndpointAddress, EndpointSubset, EndpointsPort } from './endpoints.ts';

interface Listed {
  readonly address: EndpointAddress;
  ready: boolean;
}

/** A port, undefined for subsets without any, and the addresses that have it by their keys. */
interface PortAddresses {
  readonly port: EndpointsPort | undefined;
  readonly addresses: Map<string, Listed>;
}

/**
 * Joins subsets so that each set of addresses is there once, with all its ports; sorted, so that equal contents are equal
 * objects. An address that is said to be both is not ready.
 */
export function canonicalSubsets(subsets: readonly EndpointSubset[]): readonly EndpointSubset[] {
  const joined = new Map<string, { ports: EndpointsPort[]; addresses: readonly Listed[] }>();
  for (const { port, addresses } of byPort(subsets)) {
    const sorted = [...addresses].sort(([a], [b]) => compare(a, b));
    const key = sorted.map(([id, { ready }]) => `${id} ${ready}`).join('\n');
    const group = joined.get(key) ?? { ports: [], addresses: sorted.map(([, listed]) => listed) };
    if (port !== undefined) group.ports.push(port);
    joined.set(key, group);
  }
  return [...joined.values()]
    .map(({ ports, addresses }) => subset(ports, addresses))
    .sort((a, b) => compare(JSON.stringify(a.ports ?? []), JSON.stringify(b.ports ?? [])));
}

function byPort(subsets: readonly EndpointSubset[]): Iterable<PortAddresses> {
  const found = new Map<string, PortAddresses>();
  for (const { addresses = [], notReadyAddresses = [], ports = [] } of subsets) {
    for (const port of ports.length === 0 ? [undefined] : ports) {
      const key = port === undefined ? '' : portKey(port);
      const entry = found.get(key) ?? { port, addresses: new Map() };
      found.set(key, entry);
      for (const address of addresses) add(entry, address, true);
      for (const address of notReadyAddresses) add(entry, address, false);
    }
  }
  return found.values();
}

function add({ addresses }: PortAddresses, address: EndpointAddress, ready: boolean): void {
  const key = `${address.ip} ${address.targetRef?.uid ?? ''}`;
  const listed = addresses.get(key);
  if (listed === undefined) addresses.set(key, { address, ready });
  else listed.ready &&= ready;
}

function subset(ports: EndpointsPort[], listed: readonly Listed[]): EndpointSubset {
  const those = (ready: boolean) => listed.filter((each) => each.ready === ready).map(({ address }) => address);
  const [addresses, notReadyAddresses] = [those(true), those(false)];
  return {
    ...(addresses.length > 0 ? { addresses } : {}),
    ...(notReadyAddresses.length > 0 ? { notReadyAddresses } : {}),
    ...(ports.length > 0 ? { ports: ports.sort((a, b) => compare(portKey(a), portKey(b))) } : {}),
  };
}

function portKey({ name = '', port, protocol = 'TCP', appProtocol = '' }: EndpointsPort): string {
  return JSON.stringify([name, port, protocol, appProtocol]);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
