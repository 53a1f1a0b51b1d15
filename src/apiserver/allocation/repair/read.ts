/** Reads all Services and all claims at one revision, a page at a time, so that no request waits for it. */
import type { PortRange } from '../../../alloc/node-port.ts';
import { Service } from '../../../api/core/v1/service.ts';
import { IPAddress } from '../../../api/networking/v1/ipaddress.ts';
import { ServiceCIDR } from '../../../api/networking/v1/servicecidr.ts';
import { parseCIDR } from '../../../lib/ip.ts';
import type { Entry, Revision, Store } from '../../../store/store.ts';
import { kindPrefix, NODE_PORTS } from '../../storage/keys.ts';
import { isAllocatorLabeled, ownerOfClaim } from '../claims.ts';
import type { Allocations, Claimed } from './findings.ts';

/** Entries that are decoded in one go: a few milliseconds. */
const PAGE = 250;

/** Throws CompactedError when history moves on meanwhile; to be tried again. */
export async function readAllocations(store: Store, nodePorts: PortRange): Promise<Allocations> {
  const revision = await store.revision();
  const services = await readAll(store, kindPrefix(Service), revision, (entry) => {
    return { key: entry.key, modified: entry.modified, service: decode<Service>(entry) };
  });
  const addresses = await readAll(store, kindPrefix(IPAddress), revision, (entry): Claimed => {
    const value = decode<unknown>(entry);
    return { key: entry.key, modified: entry.modified, owner: ownerOfClaim(value), isOurs: isAllocatorLabeled(value) };
  });
  const ports = await readAll(store, NODE_PORTS, revision, (entry): Claimed => {
    return { key: entry.key, modified: entry.modified, owner: ownerOfClaim(decode<unknown>(entry)), isOurs: true };
  });
  const ranges = await readAll(store, kindPrefix(ServiceCIDR), revision, (entry) =>
    (decode<ServiceCIDR>(entry).spec?.cidrs ?? []).map(parseCIDR).filter((cidr) => cidr !== undefined),
  );
  return { holders: services, claimed: [...addresses, ...ports], ranges: ranges.flat(), nodePorts };
}

async function readAll<T>(
  store: Store,
  prefix: string,
  revision: Revision,
  read: (entry: Entry) => T,
): Promise<readonly T[]> {
  const all: T[] = [];
  let after: string | undefined;
  for (;;) {
    const page = await store.list(prefix, { revision, limit: PAGE, ...(after === undefined ? {} : { after }) });
    for (const entry of page.entries) all.push(read(entry));
    after = page.entries.at(-1)?.key;
    if (page.remaining === 0) return all;
    // A store in memory answers at once; let requests in between.
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Not by way of the codec: what is looked at once must not displace what is in use. */
function decode<T>(entry: Entry): T {
  return JSON.parse(Buffer.from(entry.value).toString('utf8')) as T;
}
