/** The node's bridge, which the ports of guests and pods are on. */
import { createHash } from 'node:crypto';
import { access, readdir, readFile, writeFile } from 'node:fs/promises';
import type { RunCommand } from '../host/process.ts';
import { addIP, type CIDR, type IPFamily, printIP } from '../lib/ip.ts';
import { printMAC } from '../lib/mac.ts';
import { PORT_PREFIX } from './leases.ts';
import { linkLocalOfMAC } from './link-local.ts';

/** Name of the bridge. */
export const BRIDGE = 'postern0';

/** The node's own address on its pod network: the guests' router and DNS server. */
export function gatewayOf(cidr: CIDR): string {
  return printIP(addIP(cidr.base, 1));
}

/** Makes the bridge, or brings one that is there up to date. */
export async function applyBridge(podCIDRs: readonly CIDR[], nodeName: string, run: RunCommand): Promise<void> {
  if (!(await deviceExists(BRIDGE))) await run(['ip', 'link', 'add', BRIDGE, 'type', 'bridge']);
  await setBridgeSysctls();
  // A bridge without a MAC of its own changes it with its ports, and guests would lose their router. Multicast snooping
  // without a querier only delays neighbour discovery.
  const lines = [
    `link set ${BRIDGE} address ${printMAC(bridgeMAC(nodeName))}`,
    `link set ${BRIDGE} type bridge mcast_snooping 0`,
    // Whatever way this machine forms link-local addresses, it is known what advertisements come from.
    `addr replace ${printIP(linkLocalOfMAC(bridgeMAC(nodeName)))}/64 dev ${BRIDGE} nodad`,
    ...podCIDRs.map((cidr) => `addr replace ${gatewayOf(cidr)}/${cidr.prefix} dev ${BRIDGE}${nodad(cidr.base.family)}`),
    `link set ${BRIDGE} up`,
  ];
  await runBatch(lines, run);
  await removeOtherAddresses(podCIDRs, run);
}

/** Duplicate address detection would keep the address unusable for a second. */
export function nodad(family: IPFamily): string {
  return family === 'IPv6' ? ' nodad' : '';
}

/** Asks procfs, which shows the caller's own network namespace; sysfs shows the one it was mounted in. */
export async function deviceExists(name: string): Promise<boolean> {
  return await access(`/proc/sys/net/ipv4/conf/${name}`).then(
    () => true,
    () => false,
  );
}

/** Several commands of `ip` in one process. Nothing in a line comes from outside unchecked: names, numbers, addresses. */
export async function runBatch(
  lines: readonly string[],
  run: RunCommand,
  options: { force?: boolean } = {},
): Promise<void> {
  if (lines.length === 0) return;
  const running = run(['ip', ...(options.force ? ['-force'] : []), '-batch', '-'], { input: `${lines.join('\n')}\n` });
  // With -force, `ip` goes on after a line that failed, and exits with 1 all the same.
  await (options.force ? running.catch(() => undefined) : running);
}

async function setBridgeSysctls(): Promise<void> {
  await keepRouterAdvertisements();
  await writeSysctl('net/ipv4/ip_forward', '1');
  await writeSysctl('net/ipv6/conf/all/forwarding', '1');
  await writeSysctl(`net/ipv6/conf/${BRIDGE}/accept_ra`, '0');
  await writeSysctl(`net/ipv6/conf/${BRIDGE}/accept_dad`, '0');
  // The node answers ARP for its guests towards each other (RFC 3069): with isolated ports that makes it their router.
  await writeSysctl(`net/ipv4/conf/${BRIDGE}/proxy_arp_pvlan`, '1');
  // By default those answers wait up to 0.8 s, lest two proxies answer at once; here there is one.
  await writeSysctl(`net/ipv4/neigh/${BRIDGE}/proxy_delay`, '0');
  // The node reaches host ports of pods at 127.0.0.1; `host-ports/` keeps such addresses from whoever is on the bridge.
  await writeSysctl(`net/ipv4/conf/${BRIDGE}/route_localnet`, '1');
  await routeWhatIsBridged();
}

/**
 * With bridge netfilter on (br_netfilter; new namespaces begin with it), a packet whose destination is translated to a
 * guest on the same bridge is bridged there instead of routed: between isolated ports, it is dropped.
 */
async function routeWhatIsBridged(): Promise<void> {
  for (const tables of ['iptables', 'ip6tables']) {
    const name = `net/bridge/bridge-nf-call-${tables}`;
    const loaded = await access(`/proc/sys/${name}`).then(
      () => true,
      () => false,
    );
    if (loaded) await writeSysctl(name, '0');
  }
}

/** An interface with accept_ra 1 stops to listen once the machine forwards; 2 keeps the machine's own default route. */
async function keepRouterAdvertisements(): Promise<void> {
  for (const name of await readdir('/proc/sys/net/ipv6/conf').catch(() => [])) {
    const path = `/proc/sys/net/ipv6/conf/${name}/accept_ra`;
    if (name === BRIDGE || name.startsWith(PORT_PREFIX)) continue;
    if ((await readFile(path, 'utf8')).trim() === '1') await writeSysctl(`net/ipv6/conf/${name}/accept_ra`, '2');
  }
}

/** Writes a kernel parameter unless it has the value: in a container some may be read-only and right. */
export async function writeSysctl(name: string, value: string): Promise<void> {
  const path = `/proc/sys/${name}`;
  if ((await readFile(path, 'utf8')).trim() === value) return;
  try {
    await writeFile(path, value);
  } catch (cause) {
    throw new Error(`cannot set ${name.replaceAll('/', '.')} to ${value}, which the pod network needs`, { cause });
  }
}

/** The same after each start, so that guests keep their router. */
export function bridgeMAC(nodeName: string): Uint8Array {
  const hash = createHash('sha256').update(`bridge ${nodeName}`).digest();
  return Uint8Array.from([0x02, ...hash.subarray(0, 5)]);
}

/** For an address of another scope than was asked for, iproute2 6.1 prints an empty object. */
interface AddressListing {
  readonly addr_info: readonly ({ readonly local: string; readonly prefixlen: number } | { readonly local?: never })[];
}

/** After the node was given other pod CIDRs. */
async function removeOtherAddresses(podCIDRs: readonly CIDR[], run: RunCommand): Promise<void> {
  const wanted = new Set(podCIDRs.map((cidr) => `${gatewayOf(cidr)}/${cidr.prefix}`));
  const { stdout } = await run(['ip', '-j', 'addr', 'show', 'dev', BRIDGE, 'scope', 'global']);
  const [listing] = JSON.parse(stdout) as readonly AddressListing[];
  const present = (listing?.addr_info ?? []).flatMap((entry) =>
    entry.local === undefined ? [] : [`${entry.local}/${entry.prefixlen}`],
  );
  await runBatch(
    present.filter((address) => !wanted.has(address)).map((address) => `addr del ${address} dev ${BRIDGE}`),
    run,
  );
}
