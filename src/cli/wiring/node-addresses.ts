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

/** Whether only this machine reaches what listens on `host`. */
export function isLoopback(host: string): boolean {
  const ip = parseIP(host);
  return ip === undefined ? host === 'localhost' : LOOPBACK.some((range) => cidrContains(range, ip));
}

const LOOPBACK = ['127.0.0.0/8', '::1/128'].map(mustParseCIDR);
/** All addresses, and loopback. */
const UNREACHABLE = ['0.0.0.0/32', '::/128'].map(mustParseCIDR).concat(LOOPBACK);

/**
 * A bridge's own addresses, by the texts of /proc/net/route and /proc/net/if_inet6: Node.js tells of no interface that has no
 * carrier, as a bridge has none until something is plugged in. In IPv4 that is the first address of the network that it leads to.
 */
export function bridgeAddresses(device: string, procNetRoute: string, procNetIfInet6: string): readonly string[] {
  return [...bridgeIPv4(device, procNetRoute), ...bridgeIPv6(device, procNetIfInet6)];
}

const NO_GATEWAY = '00000000';

function bridgeIPv4(device: string, procNetRoute: string): readonly string[] {
  const routes = procNetRoute.split('\n').map((line) => line.split('\t').map((word) => word.trim()));
  const own = routes.find(([name, , gateway]) => name === device && gateway === NO_GATEWAY);
  const destination = own?.[1];
  if (destination === undefined || !/^[0-9A-F]{8}$/.test(destination)) return [];
  // In the machine's order of bytes, as the kernel prints it.
  const base = Buffer.from(Uint32Array.of(Number.parseInt(destination, 16)).buffer).readUInt32BE();
  return [printIP({ family: 'IPv4', value: BigInt(base) + 1n })];
}

/** Of global scope: address, index, prefix, scope, flags, device. */
function bridgeIPv6(device: string, procNetIfInet6: string): readonly string[] {
  const lines = procNetIfInet6.split('\n').map((line) => line.trim().split(/ +/));
  return lines
    .filter(([, , , scope, , name]) => scope === '00' && name === device)
    .flatMap(([hex = '']) =>
      /^[0-9a-f]{32}$/.test(hex) ? [printIP({ family: 'IPv6', value: BigInt(`0x${hex}`) })] : [],
    )
    .slice(0, 1);
}

function nodeAddresses(infos: readonly NetworkInterfaceInfo[]): readonly string[] {
  const first = (family: IPFamily) =>
    infos.find(
      (info) => !info.internal && parseIP(info.address)?.family === family && !info.address.startsWith('fe80:'),
    );
  return [first('IPv4'), first('IPv6')].flatMap((info) => (info === undefined ? [] : [info.address]));
}
