/** This node's ends of VXLAN: its devices, and the rules about who may send to them. Made with the first node that needs them. */
import { CommandError, type RunCommand } from '../../host/process.ts';
import { type CIDR, IP_FAMILIES, type IPAddress, type IPFamily } from '../../lib/ip.ts';
import { Turn } from '../../lib/turns.ts';
import type { Tunnel } from '../routes/desired.ts';
import { applyVxlanDevice, removeVxlanDevice } from './device.ts';
import { printVxlanChange, printVxlanRemoval, printVxlanRules } from './ruleset.ts';
import { VXLAN_DEVICES, VXLAN_OVERHEAD } from './vtep.ts';

/** The least that a link with IPv6 may have: RFC 8200 section 5. Longer packets are taken apart outside. */
const LEAST_MTU = 1280;
/** Of a LAN that is not known. */
const USUAL_MTU = 1500;

export interface OverlayOptions {
  readonly podCIDRs: readonly CIDR[];
  readonly port: number;
  readonly run: RunCommand;
}

/** The underlay as it is now. */
export interface Underlay {
  readonly addresses: readonly IPAddress[];
  /** Of the LAN interface; undefined: not known. */
  readonly mtu: number | undefined;
}

export class Overlay {
  readonly #options: OverlayOptions;
  readonly #turn = new Turn();
  /** Far ends that are let in, by the names of their nodes. */
  readonly #tunnels = new Map<string, Tunnel>();
  readonly #devices = new Set<IPFamily>();
  #isPrinted = false;
  #underlay: Underlay = { addresses: [], mtu: undefined };

  constructor(options: OverlayOptions) {
    this.#options = options;
  }

  /** Families whose devices are there. */
  get families(): readonly IPFamily[] {
    return [...this.#devices];
  }

  /** What packets of pods may have at most to get through any of the devices. */
  get mtu(): number {
    const families =
      this.#devices.size > 0 ? this.families : this.#underlay.addresses.slice(0, 1).map((ip) => ip.family);
    return Math.min(...(families.length === 0 ? (['IPv6'] as const) : families).map((family) => this.#mtuOf(family)));
  }

  /** From a look at everything: the devices of these families anew where need be, and no others. Throws for those that cannot be. */
  async setUp(underlay: Underlay, families: readonly IPFamily[]): Promise<void> {
    this.#underlay = underlay;
    for (const family of IP_FAMILIES) if (!families.includes(family)) await this.#remove(family);
    const failures: unknown[] = [];
    for (const family of families) await this.#make(family).catch((error: unknown) => failures.push(error));
    if (failures.length > 0) throw failures[0];
  }

  /** Makes the device that a far end needs, unless it is there. */
  async prepare({ device }: Tunnel): Promise<void> {
    const family = familyOfDevice(device);
    if (!this.#devices.has(family)) await this.#make(family);
  }

  /** Lets a node in as it is now, and no longer as it was. */
  admit(node: string, tunnel: Tunnel | undefined): Promise<void> {
    return this.#turn.run(async () => {
      const change = printVxlanChange(this.#tunnels.get(node), tunnel);
      this.#keep(node, tunnel);
      if (change === '') return;
      // Somebody may have taken the table away: then all of it.
      await this.#nft(change).catch((error: unknown) => {
        if (!(error instanceof CommandError)) throw error;
        return this.#nft(this.#print());
      });
    });
  }

  /** Lets in these and no others; the first time, whatever is there. */
  admitAll(tunnels: ReadonlyMap<string, Tunnel>): Promise<void> {
    return this.#turn.run(async () => {
      if (this.#isPrinted && areSame(this.#tunnels, tunnels)) return;
      this.#isPrinted = true;
      this.#tunnels.clear();
      for (const [node, tunnel] of tunnels) this.#tunnels.set(node, tunnel);
      await this.#nft(this.#print());
    });
  }

  /** Puts all rules in place, whatever is there of them. */
  restoreRules(): Promise<void> {
    return this.#turn.run(() => this.#nft(this.#print()));
  }

  /** Removes devices that no node needs any more. */
  async removeUnneeded(): Promise<void> {
    const needed = new Set([...this.#tunnels.values()].map(({ device }) => device));
    for (const family of this.families) if (!needed.has(VXLAN_DEVICES[family])) await this.#remove(family);
  }

  async #make(family: IPFamily): Promise<void> {
    const { podCIDRs, port, run } = this.#options;
    const local = this.#underlay.addresses.find((ip) => ip.family === family);
    if (local === undefined) throw new Error(`this node has no ${family} address to send packets for other links from`);
    await applyVxlanDevice({ local, port, mtu: this.#mtuOf(family), podCIDRs }, run);
    this.#devices.add(family);
  }

  async #remove(family: IPFamily): Promise<void> {
    this.#devices.delete(family);
    await removeVxlanDevice(family, this.#options.run);
  }

  #mtuOf(family: IPFamily): number {
    return Math.max(LEAST_MTU, (this.#underlay.mtu ?? USUAL_MTU) - VXLAN_OVERHEAD[family]);
  }

  #keep(node: string, tunnel: Tunnel | undefined): void {
    if (tunnel === undefined) this.#tunnels.delete(node);
    else this.#tunnels.set(node, tunnel);
  }

  #print(): Iterable<string> {
    return printVxlanRules(this.#options.port, [...this.#tunnels.values()]);
  }

  async #nft(script: string | Iterable<string>): Promise<void> {
    await this.#options.run(['nft', '-f', '-'], { input: script });
  }
}

/** Far ends that have not changed are the very same objects. */
const areSame = (a: ReadonlyMap<string, Tunnel>, b: ReadonlyMap<string, Tunnel>): boolean =>
  a.size === b.size && [...a].every(([node, tunnel]) => b.get(node) === tunnel);

/** Removes all that an overlay put on this machine. */
export async function cleanupOverlay(run: RunCommand): Promise<void> {
  for (const family of IP_FAMILIES) await removeVxlanDevice(family, run);
  await run(['nft', '-f', '-'], { input: printVxlanRemoval() });
}

const familyOfDevice = (device: string): IPFamily => (device === VXLAN_DEVICES.IPv6 ? 'IPv6' : 'IPv4');
