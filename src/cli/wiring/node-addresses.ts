/** Which of the machine's interfaces and addresses are this node's on its LAN. */
import type { NetworkInterfaceInfo } from 'node:os';
import { cidrContains, type IPFamily, mustParseCIDR, parseIP, printIP } from '../../lib/ip.ts';

export interface NodeInterface {
  readonly name: string;
  /** At most one per family: what other nodes and clients reach this node at. */
  readonly addresses: readonly string[];
}

/**
 * The interface to use: the one of the default route where there is one, else the first that has a global address.
 * Addresses of ours (the pod bridge) and link-local ones do not count; undefined when nothing is left.
 */
export function chooseInterface(
  interfaces: Readonly<Record<string, readonly NetworkInterfaceInfo[] | undefined>>,
  defaultRoute: string | undefined,
): NodeInterface | undefined {
  const candidates = Object.entries(interfaces)
    .map(([name, infos]): NodeInterface => ({ name, addresses: nodeAddresses(infos ?? []) }))
    .filter(({ name, addresses }) => addresses.length > 0 && !name.startsWith('postern') && !name.startsWith('pst'));
  return candidates.find(({ name }) => name === defaultRoute) ?? candidates[0];
}

/** Device of the IPv4 default route in the text of /proc/net/route; undefined when there is none. */
export function defaultRouteDevice(procNetRoute: string): string | undefined {
  for (const line of procNetRoute.split('\n').slice(1)) {
    const [device, destination, , , , , , mask] = line.split('\t');
    if (destination === '00000000' && mask === '00000000') return device;
  }
  return undefined;
}

/**
 * Addresses at which others may reach an API that listens on `host`: that address itself, or those of the machine's LAN
 * where it is all addresses, or, as Kubernetes' API server has it, loopback.
 */
export function advertisedAddresses(
  host: string,
  interfaces: Parameters<typeof chooseInterface>[0],
  defaultRoute: string | undefined,
): readonly string[] {
  const ip = parseIP(host);
  const isOwn = ip !== undefined && !UNREACHABLE.some((range) => cidrContains(range, ip));
  return isOwn ? [printIP(ip)] : (chooseInterface(interfaces, defaultRoute)?.addresses ?? []);
}

/** All addresses, and loopback. */
const UNREACHABLE = ['0.0.0.0/32', '127.0.0.0/8', '::/127'].map(mustParseCIDR);

function nodeAddresses(infos: readonly NetworkInterfaceInfo[]): readonly string[] {
  const first = (family: IPFamily) =>
    infos.find(
      (info) => !info.internal && parseIP(info.address)?.family === family && !info.address.startsWith('fe80:'),
    );
  return [first('IPv4'), first('IPv6')].flatMap((info) => (info === undefined ? [] : [info.address]));
}
