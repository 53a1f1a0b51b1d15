/**
 * The devices that packets for nodes on other links go through (VXLAN, RFC 7348): one per family of the addresses that nodes reach
 * each other at, since Linux gives a device sockets of one. They learn nothing and flood nothing: what they know is told them.
 */
import { CommandError, type RunCommand } from '../../host/process.ts';
import { type CIDR, type IPAddress, type IPFamily, parseIP, printIP } from '../../lib/ip.ts';
import { printMAC } from '../../lib/mac.ts';
import { deviceExists, gatewayOf, nodad, runBatch, writeSysctl } from '../bridge.ts';
import { VNI, VXLAN_DEVICES, vtepMAC } from './vtep.ts';

/** What a device is made from. */
export interface VxlanDevice {
  /** This node's address on the LAN: what packets are sent from, and their family. */
  readonly local: IPAddress;
  readonly port: number;
  readonly mtu: number;
  /** This node's pods, whose gateway's address the node has here too: what it sends itself comes from there. */
  readonly podCIDRs: readonly CIDR[];
}

/** A device of that name is somebody else's. */
export class ForeignDeviceError extends Error {
  constructor(name: string, found: string) {
    super(
      `there is an interface ${name} that is not Postern's (${found}): pods on nodes of other links cannot be reached. ` +
        `Remove it (ip link del ${name}) or give it another name; it is looked at again.`,
    );
    this.name = 'ForeignDeviceError';
  }
}

/** Makes the device, or finds it and brings it up to date; resolves with its name. */
export async function applyVxlanDevice(device: VxlanDevice, run: RunCommand): Promise<string> {
  const { local, port, mtu, podCIDRs } = device;
  const name = VXLAN_DEVICES[local.family];
  const present = await readDevice(name, run);
  if (present !== undefined && !isOurs(present)) throw new ForeignDeviceError(name, kindOf(present));
  // Port and family of a device cannot be changed.
  const fits = present !== undefined && isAs(present, device);
  if (present !== undefined && !fits) await run(['ip', 'link', 'del', name]);
  if (!fits) {
    await run([
      ...['ip', 'link', 'add', name, 'address', printMAC(vtepMAC(local)), 'type', 'vxlan'],
      ...['id', String(VNI), 'local', printIP(local), 'dstport', String(port), 'nolearning'],
    ]);
  }
  await writeSysctl(`net/ipv6/conf/${name}/accept_ra`, '0').catch(ignoreNoIPv6);
  await runBatch(
    [
      `link set ${name} addrgenmode none`,
      `link set ${name} mtu ${mtu}`,
      // What this node sends itself, or sends on with its own address, is answered through here as well.
      ...podCIDRs.map((cidr) => `addr replace ${gatewayOf(cidr)} dev ${name}${nodad(cidr.base.family)}`),
      `link set ${name} up`,
    ],
    run,
  );
  return name;
}

/** Removes the device if it is there and ours. */
export async function removeVxlanDevice(family: IPFamily, run: RunCommand): Promise<void> {
  const name = VXLAN_DEVICES[family];
  const present = await readDevice(name, run);
  if (present !== undefined && isOurs(present)) await run(['ip', 'link', 'del', name]);
}

interface LinkListing {
  readonly address?: string;
  readonly linkinfo?: {
    readonly info_kind?: string;
    readonly info_data?: {
      readonly id?: number;
      readonly local?: string;
      readonly local6?: string;
      readonly port?: number;
      readonly learning?: boolean;
    };
  };
}

async function readDevice(name: string, run: RunCommand): Promise<LinkListing | undefined> {
  if (!(await deviceExists(name))) return undefined;
  try {
    const { stdout } = await run(['ip', '-j', '-d', 'link', 'show', 'dev', name]);
    return (JSON.parse(stdout) as readonly LinkListing[])[0];
  } catch (error) {
    // It may go at this very moment.
    if (error instanceof CommandError && !(await deviceExists(name))) return undefined;
    throw error;
  }
}

const kindOf = ({ linkinfo }: LinkListing): string =>
  linkinfo?.info_kind === 'vxlan' ? `VXLAN network ${linkinfo.info_data?.id}` : (linkinfo?.info_kind ?? 'hardware');

const isOurs = ({ linkinfo }: LinkListing): boolean =>
  linkinfo?.info_kind === 'vxlan' && linkinfo.info_data?.id === VNI;

function isAs({ address, linkinfo }: LinkListing, { local, port }: VxlanDevice): boolean {
  const { local: local4, local6, port: at, learning } = linkinfo?.info_data ?? {};
  const from = parseIP(local4 ?? local6 ?? '');
  return (
    at === port &&
    learning === false &&
    from !== undefined &&
    printIP(from) === printIP(local) &&
    address === printMAC(vtepMAC(local))
  );
}

/** A machine without IPv6 has no such parameter. */
function ignoreNoIPv6(error: unknown): void {
  if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
}
