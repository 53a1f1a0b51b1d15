/** The ports on the bridge: a guest's tap, or the node's end of a veth pair that leads into a pod's network namespace. */
import { readFile } from 'node:fs/promises';
import type { RunCommand } from '../host/process.ts';
import { familyOf } from '../lib/ip.ts';
import { BRIDGE, deviceExists, runBatch, writeSysctl } from './bridge.ts';
import { type Lease, linkLocalOf, PORT_PREFIX } from './leases.ts';

/** Makes the tap of a lease and plugs it in, or finds it. Without an MTU it keeps the one it has. */
export async function applyTap(lease: Lease, run: RunCommand, mtu?: number): Promise<void> {
  const { device } = lease;
  if (!(await deviceExists(device))) await run(['ip', 'tuntap', 'add', 'dev', device, 'mode', 'tap']);
  await writeSysctl(`net/ipv6/conf/${device}/disable_ipv6`, '1');
  const size = mtu === undefined ? [] : [`link set ${device} mtu ${mtu}`];
  await runBatch([...size, ...plugging(lease)], run);
}

/** What `ip` is told to plug a device in that is there. */
export function plugging(lease: Lease): readonly string[] {
  const { device, mac } = lease;
  return [
    // Isolated ports reach the node and not each other, so all traffic between guests passes the node's rules.
    `link set ${device} master ${BRIDGE}`,
    `link set dev ${device} type bridge_slave isolated on neigh_suppress off`,
    // What the node knows it need not ask: no lost first packet, and no guest can claim another's address.
    ...neighboursOf(lease).map((address) => `neigh replace ${address} lladdr ${mac} dev ${BRIDGE} nud permanent`),
    `link set ${device} up`,
  ];
}

/** Takes a lease's port away. Does nothing when there is none. */
export async function removePort(lease: Lease, run: RunCommand): Promise<void> {
  const neighbours = neighboursOf(lease).map((address) => `neigh del ${address} dev ${BRIDGE}`);
  const lines = [
    ...((await deviceExists(BRIDGE)) ? neighbours : []),
    ...((await deviceExists(lease.device)) ? [`link del ${lease.device}`] : []),
  ];
  await runBatch(lines, run, { force: true });
  // It has passed over what it could not do.
  await removeDevice(lease.device, run);
}

/** Does nothing when there is none, nor when it goes meanwhile: a veth pair goes with the namespace that holds an end. */
export async function removeDevice(device: string, run: RunCommand): Promise<void> {
  if (!(await deviceExists(device))) return;
  try {
    await run(['ip', 'link', 'del', device]);
  } catch (error) {
    if (await deviceExists(device)) throw error;
  }
}

function neighboursOf(lease: Lease): readonly string[] {
  const speaksIPv6 = lease.addresses.some((address) => familyOf(address) === 'IPv6');
  return speaksIPv6 ? [...lease.addresses, linkLocalOf(lease)] : lease.addresses;
}

/** Names of our ports in this network namespace. */
export async function listPorts(): Promise<readonly string[]> {
  const text = await readFile('/proc/self/net/dev', 'utf8');
  const names = text.split('\n').flatMap((line) => /^\s*([^:\s]+):/.exec(line)?.[1] ?? []);
  return names.filter((name) => name.startsWith(PORT_PREFIX));
}

/** Whether a port's device is there: that of a pod of containers goes with the pod's network namespace. */
export function portExists({ device }: { readonly device: string }): Promise<boolean> {
  return deviceExists(device);
}
