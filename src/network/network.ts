/** Starts and removes a node's pod network. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Client } from '../client/client.ts';
import type { Informers } from '../client/informers.ts';
import { type Clock, systemClock } from '../host/clock.ts';
import type { Logger } from '../host/log.ts';
import { type RunCommand, runCommand } from '../host/process.ts';
import { type CIDR, mustParseIP, printCIDR } from '../lib/ip.ts';
import { applyBridge, applyTap, BRIDGE, deviceExists, listTaps, removeTap } from './bridge.ts';
import { desiredDhcp } from './dhcp/config.ts';
import { Dnsmasq, type Identity } from './dhcp/dnsmasq.ts';
import { printAdmission, printDismissal, printGuard, printRemoval } from './guard/ruleset.ts';
import { loadLeases, saveLeases } from './lease-file.ts';
import { type Lease, type LeaseTable, leaseFor, withoutLease } from './leases.ts';
import type { PodNetwork, Port, PortRequest } from './pod-network.ts';
import { runRouterAdvertisements } from './ra/advertiser.ts';
import { applyRedirectFilter, removeRedirectFilter } from './redirects.ts';
import { applyRoutes, listRoutes } from './routes/apply.ts';
import { runRoutes } from './routes/controller.ts';
import { diffRoutes } from './routes/diff.ts';

export interface PodNetworkOptions {
  readonly client: Client;
  /** Shared with other parts of the process, to end with them. Default: our own. */
  readonly informers?: Informers;
  readonly nodeName: string;
  /** This node's prefixes, at most one per family, the primary family first. */
  readonly podCIDRs: readonly CIDR[];
  /** Holds the leases. */
  readonly stateDir: string;
  /** Whom dnsmasq runs as. Default: ourselves. */
  readonly runAs?: Identity;
  /** Interface towards the other nodes. Default: the kernel's choice. */
  readonly lanInterface?: string;
  readonly clusterDomain: string;
  readonly log: Logger;
  readonly clock?: Clock;
  readonly run?: RunCommand;
}

/** No port could be made for a pod, for a reason that is not a failure of the machine. */
export class PortError extends Error {
  readonly reason: string;

  constructor(reason: string, message: string) {
    super(message);
    this.name = 'PortError';
    this.reason = reason;
  }
}

/**
 * Brings the node's pod network up and keeps it so. Resolves once guests can be attached. After the signal is aborted the
 * bridge, the taps and the routes stay, as the guests do; {@link cleanupPodNetwork} removes them.
 */
export async function startPodNetwork(options: PodNetworkOptions, signal: AbortSignal): Promise<PodNetwork> {
  const { nodeName, podCIDRs, stateDir, log, run = runCommand, clock = systemClock } = options;
  await mkdir(stateDir, { recursive: true, mode: 0o700 });
  const table = await loadLeases(join(stateDir, 'leases.json'));
  await applyBridge(podCIDRs, nodeName, run);
  await applyRedirectFilter(run);
  const dnsmasq = new Dnsmasq({ ...options, clock }, dhcpConfig(options, table));
  const network = new NodeNetwork({ ...options, run, clock, dnsmasq }, table);
  await network.reconcile();
  const advertising = podCIDRs
    .filter(({ base }) => base.family === 'IPv6')
    .map((prefix) => runRouterAdvertisements({ ...options, prefix, clock }, signal));
  for (const part of [dnsmasq.run(signal), runRoutes({ ...options, run }, signal), ...advertising]) {
    part.catch((err: unknown) => {
      if (!signal.aborted) log.error({ err }, 'a part of the pod network has stopped');
    });
  }
  log.info({ bridge: BRIDGE, podCIDRs: podCIDRs.map(printCIDR), ports: table.leases.length }, 'the pod network is up');
  return network;
}

function dhcpConfig(options: PodNetworkOptions, { leases }: LeaseTable): string {
  const { podCIDRs, clusterDomain } = options;
  return desiredDhcp({ podCIDRs, clusterDomain, leases });
}

/** Removes everything that a pod network put on this machine. Ports that guests still use go too. */
export async function cleanupPodNetwork(run: RunCommand = runCommand): Promise<void> {
  for (const tap of await listTaps()) await run(['ip', 'link', 'del', tap]);
  if (await deviceExists(BRIDGE)) await run(['ip', 'link', 'del', BRIDGE]);
  await applyRoutes(diffRoutes(await listRoutes(run), []), undefined, run);
  await removeRedirectFilter(run);
  await nft(printRemoval(), run);
}

async function nft(script: string, run: RunCommand): Promise<void> {
  await run(['nft', '-f', '-'], { input: script });
}

interface NodeNetworkOptions extends PodNetworkOptions {
  readonly run: RunCommand;
  readonly clock: Clock;
  readonly dnsmasq: Dnsmasq;
}

/** The ports of one node. Changes are made one after the other. */
class NodeNetwork implements PodNetwork {
  readonly #options: NodeNetworkOptions;
  #table: LeaseTable;
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: NodeNetworkOptions, table: LeaseTable) {
    this.#options = options;
    this.#table = table;
  }

  /** After a restart: guards and makes the taps of all leases, and removes taps that belong to none. */
  async reconcile(): Promise<void> {
    const { run } = this.#options;
    await nft(printGuard(this.#table.leases), run);
    const devices = new Set(this.#table.leases.map((lease) => lease.device));
    for (const tap of await listTaps()) if (!devices.has(tap)) await run(['ip', 'link', 'del', tap]);
    for (const lease of this.#table.leases) await applyTap(lease, run);
  }

  attach(request: PortRequest): Promise<Port> {
    return this.#inTurn(async () => {
      const { podCIDRs, clock, run } = this.#options;
      const before = this.#table.leases.find((lease) => lease.podUID === request.podUID);
      const outcome = leaseFor(this.#table, request, podCIDRs, clock.now());
      if (outcome.kind === 'refused') throw new PortError(outcome.why, outcome.message);
      // On disk before it is used: an address that a guest has must never be given to another after a crash.
      if (outcome.table !== this.#table) await this.#keep(outcome.table);
      await nft(`${before === undefined ? '' : printDismissal(before)}${printAdmission(outcome.lease)}`, run);
      await applyTap(outcome.lease, run);
      this.#options.dnsmasq.update(dhcpConfig(this.#options, this.#table));
      return portOf(outcome.lease);
    });
  }

  release(podUID: string): Promise<void> {
    return this.#inTurn(async () => {
      const lease = this.#table.leases.find((each) => each.podUID === podUID);
      if (lease === undefined) return;
      await removeTap(lease, this.#options.run);
      await nft(printDismissal(lease), this.#options.run);
      await this.#keep(withoutLease(this.#table, podUID, this.#options.clock.now()));
      this.#options.dnsmasq.update(dhcpConfig(this.#options, this.#table));
    });
  }

  ports(): readonly Port[] {
    return this.#table.leases.map(portOf);
  }

  async #keep(table: LeaseTable): Promise<void> {
    await saveLeases(join(this.#options.stateDir, 'leases.json'), table);
    this.#table = table;
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work);
    this.#last = result.catch(() => undefined);
    return result;
  }
}

function portOf(lease: Lease): Port {
  return {
    podUID: lease.podUID,
    device: lease.device,
    mac: lease.mac,
    addresses: lease.addresses.map(mustParseIP),
  };
}
