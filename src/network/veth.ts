/**
 * Veth pairs: one end on the node's bridge, the other in a pod's network namespace, with the pod's addresses and routes.
 * In there nothing is asked for and nothing is waited for: no DHCP, no router advertisements, no duplicate address detection.
 */
import { CommandError, type RunCommand } from '../host/process.ts';
import { bits, type CIDR, familyOf, mustParseIP } from '../lib/ip.ts';
import { printMAC } from '../lib/mac.ts';
import { bridgeMAC, deviceExists, gatewayOf, nodad, runBatch } from './bridge.ts';
import { type ContainerLease, linkLocalOf } from './leases.ts';
import { plugging, removeDevice } from './ports.ts';

export interface VethOptions {
  readonly podCIDRs: readonly CIDR[];
  readonly nodeName: string;
  /** Of the node's way to other nodes, where it is known: longer packets would be taken apart there. */
  readonly mtu: number | undefined;
  readonly run: RunCommand;
}

/** Makes the pair anew, and everything on both of its ends. Throws when the namespace is not there. */
export async function makeVeth(lease: ContainerLease, options: VethOptions): Promise<void> {
  const { run, mtu } = options;
  const { path, interfaceName } = checked(lease).namespace;
  const size = mtu === undefined ? '' : ` mtu ${mtu}`;
  await removeDevice(lease.device, run);
  const pair =
    `link add ${lease.device}${size} type veth ` +
    `peer name ${interfaceName} address ${lease.mac}${size} netns ${path}`;
  await runBatch([pair, `link set ${lease.device} addrgenmode none`, ...plugging(lease)], run);
  await run([...within(path), 'ip', '-batch', '-'], { input: `${insideLines(lease, options).join('\n')}\n` });
}

/** After a restart: the node's end as it is to be. A pair that is gone went with its namespace, and stays away. */
export async function keepVeth(lease: ContainerLease, run: RunCommand): Promise<void> {
  if (!(await deviceExists(lease.device))) return;
  try {
    await runBatch(plugging(lease), run);
  } catch (error) {
    // It may go at this very moment.
    if (await deviceExists(lease.device)) throw error;
  }
}

/** What is wrong with a pair; undefined: nothing. */
export async function checkVeth(lease: ContainerLease, run: RunCommand): Promise<string | undefined> {
  if (!(await deviceExists(lease.device))) return `the device ${lease.device} is gone`;
  const { path, interfaceName } = lease.namespace;
  const argv = [...within(path), 'ip', '-j', 'addr', 'show', 'dev', interfaceName];
  const listed = await run(argv).catch((error: unknown) => {
    if (error instanceof CommandError) return error;
    throw error;
  });
  if (listed instanceof CommandError) return listed.message;
  const [listing] = JSON.parse(listed.stdout) as readonly AddressListing[];
  const present = new Set(listing?.addr_info?.map(({ local }) => local));
  const missing = lease.addresses.filter((address) => !present.has(address));
  return missing.length === 0 ? undefined : `${interfaceName} has lost ${missing.join(' and ')}`;
}

interface AddressListing {
  readonly addr_info?: readonly { readonly local?: string }[];
}

/** Runs a program in a network namespace. It needs CAP_SYS_ADMIN. */
function within(path: string): readonly string[] {
  return ['nsenter', `--net=${path}`, '--'];
}

/**
 * Each address is alone on its link, so that everything goes to the router. Its MAC is known: no first packet waits, and no
 * other pod can claim to be it.
 */
function insideLines(lease: ContainerLease, { podCIDRs, nodeName }: VethOptions): readonly string[] {
  const dev = `dev ${lease.namespace.interfaceName}`;
  const router = printMAC(bridgeMAC(nodeName));
  const speaksIPv6 = lease.addresses.some((address) => familyOf(address) === 'IPv6');
  return [
    'link set lo up',
    `link set ${dev} addrgenmode none`,
    ...(speaksIPv6 ? [`addr replace ${linkLocalOf(lease)}/64 ${dev} nodad`] : []),
    ...lease.addresses.map((address) => {
      const { family } = mustParseIP(address);
      return `addr replace ${address}/${bits(family)} ${dev}${nodad(family)}`;
    }),
    `link set ${dev} up`,
    ...podCIDRs
      .map(gatewayOf)
      .flatMap((gateway) => [
        `route replace ${gateway} ${dev}`,
        `route replace default via ${gateway} ${dev}`,
        `neigh replace ${gateway} lladdr ${router} ${dev} nud permanent`,
      ]),
  ];
}

/** Names and paths go into lines of `ip`, which has blanks, quotes and comments: they come from a container runtime, and are checked all the same. */
function checked(lease: ContainerLease): ContainerLease {
  const { path, interfaceName } = lease.namespace;
  if (!/^\/[\w/.:@+-]+$/.test(path)) throw new Error(`not the path of a network namespace: ${JSON.stringify(path)}`);
  if (!/^[A-Za-z0-9_.-]{1,15}$/.test(interfaceName)) {
    throw new Error(`not the name of an interface: ${JSON.stringify(interfaceName)}`);
  }
  return lease;
}
