/** The cluster's DNS server: Services by name, from the API; every other name from the servers of this machine. */
import type { Client } from '../client/client.ts';
import type { Informers } from '../client/informers.ts';
import { type Clock, systemClock } from '../host/clock.ts';
import type { Logger } from '../host/log.ts';
import { milliseconds } from '../lib/duration.ts';
import { type CIDR, type IPAddress, mustParseIP, parseCIDR, parseIP, printIP } from '../lib/ip.ts';
import { RecordIndex } from './records/record-index.ts';
import { ServiceRecords } from './records/service-records.ts';
import { apexRecords, parseZone } from './records/zone.ts';
import { Forwarder } from './server/forwarder.ts';
import { type Handle, type ListenAddress, ListenError, type Listener, openListener } from './server/listener.ts';
import { Resolver } from './server/resolver.ts';
import { DnsStats } from './server/stats.ts';
import { parseUpstream, systemUpstreams, withoutOwn } from './server/upstreams.ts';

export interface DNSOptions {
  readonly client: Client;
  /** Shared with other parts of the process, to end with them. Default: our own. */
  readonly informers?: Informers;
  /** Addresses of this machine, also ones that it gets only later. Port 0: any free one. */
  readonly listen: readonly ListenAddress[];
  /** `cluster.local`. */
  readonly clusterDomain: string;
  /** Servers for other names, as ADDRESS, ADDRESS:PORT or [IPV6]:PORT. Default: those of /etc/resolv.conf. */
  readonly upstream?: readonly string[];
  /** Prefixes of those who may ask for other names than the cluster's. Default: everyone who reaches us. */
  readonly clients?: readonly string[];
  readonly log: Logger;
  readonly clock?: Clock;
}

/** A DNS server that runs until its signal is aborted. */
export interface DNS {
  /** Where it answers now: the ports are the real ones. */
  addresses(): readonly ListenAddress[];
  /** Resolves when all records are there. Until then names of the cluster that are not known yet get SERVFAIL. */
  readonly synced: Promise<void>;
  readonly stats: DnsStats;
}

/** How often an address that this machine does not have yet is tried again. */
const RETRY = milliseconds(250);

/** Starts to serve. Throws when an address is in use or not permitted; waits for none that is yet to come. */
export async function startDNS(options: DNSOptions, signal: AbortSignal): Promise<DNS> {
  const { log } = options;
  const zone = parseZone(options.clusterDomain);
  const listen = options.listen.map(checkedAddress);
  const index = new RecordIndex();
  index.set('', apexRecords(zone, ownAddresses(listen)));
  const records = new ServiceRecords({ ...options, zone, index });
  const upstreams = options.upstream?.map(parseUpstream) ?? (await systemUpstreams());
  const forwarder = new Forwarder({ ...options, upstreams: withoutOwn(upstreams, listen) });
  const stats = new DnsStats();
  let isSynced = false;
  void records.synced.then(() => {
    isSynced = true;
  });
  const clients = options.clients?.map(checkedCIDR);
  const resolver = new Resolver({ index, zone, forwarder, stats, clients, isSynced: () => isSynced });
  const listeners = await listenAll(listen, (message, origin) => resolver.answer(message, origin, signal), {
    log,
    clock: options.clock ?? systemClock,
    signal,
  });
  records.start(signal);
  return { addresses: () => listeners.map(({ address, port }) => ({ address, port })), synced: records.synced, stats };
}

function checkedAddress({ address, port }: ListenAddress): ListenAddress {
  const ip = parseIP(address);
  if (ip === undefined) throw new Error(`cannot serve DNS on ${JSON.stringify(address)}: not an IP address`);
  return { address: printIP(ip), port };
}

function checkedCIDR(text: string): CIDR {
  const cidr = parseCIDR(text);
  if (cidr === undefined) throw new Error(`DNS clients: ${JSON.stringify(text)} is not a prefix such as 10.244.0.0/16`);
  return cidr;
}

/** The addresses that others can reach us by: all but the wildcards. */
function ownAddresses(listen: readonly ListenAddress[]): IPAddress[] {
  return listen.map(({ address }) => mustParseIP(address)).filter((ip) => ip.value !== 0n);
}

interface ListenContext {
  readonly log: Logger;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** Opens every address that is there, and goes on trying the others. The result grows as they come. */
async function listenAll(
  addresses: readonly ListenAddress[],
  handle: Handle,
  context: ListenContext,
): Promise<readonly Listener[]> {
  const open: Listener[] = [];
  const missing: ListenAddress[] = [];
  const closeAll = (): void => {
    for (const listener of open.splice(0)) listener.close();
  };
  context.signal.addEventListener('abort', closeAll, { once: true });
  try {
    for (const address of addresses) {
      const listener = await tryListen(address, handle, context.log);
      if (listener === undefined) missing.push(address);
      else open.push(listener);
    }
  } catch (error) {
    closeAll();
    throw error;
  }
  for (const address of missing) {
    context.log.info({ ...address }, 'this machine does not have the address yet; DNS waits for it');
    void waitFor(address, handle, context, (listener) => open.push(listener));
  }
  if (context.signal.aborted) closeAll();
  return open;
}

/** Undefined when this machine does not have the address. */
async function tryListen(address: ListenAddress, handle: Handle, log: Logger): Promise<Listener | undefined> {
  try {
    return await openListener(address, handle, log);
  } catch (error) {
    if (error instanceof ListenError && error.code === 'EADDRNOTAVAIL') return undefined;
    throw error;
  }
}

async function waitFor(
  address: ListenAddress,
  handle: Handle,
  { clock, log, signal }: ListenContext,
  onOpen: (listener: Listener) => void,
): Promise<void> {
  let complained = false;
  while (await slept(clock, signal)) {
    try {
      const listener = await tryListen(address, handle, log);
      if (listener === undefined) continue;
      if (signal.aborted) return listener.close();
      log.info({ ...address }, 'DNS serves the address');
      return onOpen(listener);
    } catch (err) {
      if (!complained) log.error({ err, ...address }, 'cannot serve DNS yet; retrying');
      complained = true;
    }
  }
}

/** False when the signal ended the wait. */
function slept(clock: Clock, signal: AbortSignal): Promise<boolean> {
  return clock.sleep(RETRY, signal).then(
    () => true,
    () => false,
  );
}
