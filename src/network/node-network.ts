/** The ports of one node: leases, and what the kernel has for each. */
import { join } from 'node:path';
import type { Clock } from '../host/clock.ts';
import type { Logger } from '../host/log.ts';
import type { RunCommand } from '../host/process.ts';
import { type CIDR, mustParseIP } from '../lib/ip.ts';
import { Turn, Turns } from '../lib/turns.ts';
import { type Conntrack, ConntrackError } from '../netfilter/conntrack/conntrack.ts';
import { gatewayOf } from './bridge.ts';
import type { Egress } from './egress/egress.ts';
import { printAdmission, printDismissal } from './guard/ruleset.ts';
import { desiredHostPorts, type HostPorts } from './host-ports/desired.ts';
import { endOldFlows } from './host-ports/flows.ts';
import { printHostPortChange } from './host-ports/ruleset.ts';
import { saveLeases } from './lease-file.ts';
import { isContainerLease, type Lease, type LeaseTable, leaseFor, withoutLease } from './leases.ts';
import type { PodNetwork, Port, PortRequest } from './pod-network.ts';
import { applyTap, listPorts, removeDevice, removePort } from './ports.ts';
import { printRules } from './rules.ts';
import { checkVeth, keepVeth, makeVeth } from './veth.ts';

/** No port could be made for a pod, for a reason that is not a failure of the machine. */
export class PortError extends Error {
  readonly reason: string;

  constructor(reason: string, message: string) {
    super(message);
    this.name = 'PortError';
    this.reason = reason;
  }
}

export interface NodeNetworkOptions {
  readonly nodeName: string;
  readonly podCIDRs: readonly CIDR[];
  readonly egress: Egress;
  /** Holds the leases. */
  readonly stateDir: string;
  /** Bytes that packets of pods may have to get to every node whole, as it is now; undefined: not known. */
  readonly mtu: () => number | undefined;
  readonly run: RunCommand;
  readonly clock: Clock;
  readonly conntrack: Conntrack;
  readonly log: Logger;
  /** Told of the leases after each change. */
  readonly follow: (table: LeaseTable) => void;
}

/** Of pods whose devices are made or removed at once. The kernel makes most of it wait for one another anyway. */
const AT_ONCE = 4;

/** Leases and rules are changed one after the other, devices pod by pod. */
export class NodeNetwork implements PodNetwork {
  readonly #options: NodeNetworkOptions;
  #table: LeaseTable;
  /** What the kernel has. */
  #hostPorts: HostPorts = new Map();
  readonly #turn = new Turn();
  readonly #turns = new Turns(AT_ONCE);

  constructor(options: NodeNetworkOptions, table: LeaseTable) {
    this.#options = options;
    this.#table = table;
  }

  /** After a restart: guards and makes the ports of all leases, and removes ports that belong to none. */
  async reconcile(): Promise<void> {
    const { run } = this.#options;
    const { leases } = this.#table;
    await this.restoreRules();
    const devices = new Set(leases.map((lease) => lease.device));
    for (const device of await listPorts()) if (!devices.has(device)) await removeDevice(device, run);
    for (const lease of leases) await (isContainerLease(lease) ? keepVeth(lease, run) : applyTap(lease, run));
  }

  /** Puts all rules in place, whatever is there of them. */
  restoreRules(): Promise<void> {
    return this.#turn.run(async () => {
      const { leases } = this.#table;
      await this.#nft(printRules(this.#options.egress, leases));
      this.#hostPorts = desiredHostPorts(leases, this.#options.podCIDRs);
    });
  }

  attach(request: PortRequest): Promise<Port> {
    const { run } = this.#options;
    return this.#turns.run(request.podUID, async () => {
      // The guard first, then the device: what is plugged in is guarded.
      const lease = await this.#turn.run(() => this.#admit(request));
      const mtu = this.#options.mtu();
      await (isContainerLease(lease) ? makeVeth(lease, { ...this.#options, mtu }) : applyTap(lease, run, mtu));
      return this.#portOf(lease);
    });
  }

  async #admit(request: PortRequest): Promise<Lease> {
    const { podCIDRs, clock } = this.#options;
    const before = this.#leaseOf(request.podUID);
    const outcome = leaseFor(this.#table, request, podCIDRs, clock.now());
    if (outcome.kind === 'refused') throw new PortError(outcome.why, outcome.message);
    // On disk before it is used: an address that a guest has must never be given to another after a crash.
    if (outcome.table !== this.#table) await this.#keep(outcome.table);
    await this.#applyRules(`${before === undefined ? '' : printDismissal(before)}${printAdmission(outcome.lease)}`);
    return outcome.lease;
  }

  release(podUID: string, sandbox?: string): Promise<void> {
    return this.#turns.run(podUID, async () => {
      const lease = this.#leaseOf(podUID);
      if (lease === undefined) return;
      if (sandbox !== undefined && lease.namespace?.sandbox !== sandbox) return;
      await removePort(lease, this.#options.run);
      await this.#turn.run(async () => {
        await this.#keep(withoutLease(this.#table, podUID, this.#options.clock.now()));
        await this.#applyRules(printDismissal(lease));
      });
    });
  }

  check(podUID: string): Promise<string | undefined> {
    return this.#turns.run(podUID, async () => {
      const lease = this.#leaseOf(podUID);
      if (lease === undefined || !isContainerLease(lease)) return 'it has no port';
      return checkVeth(lease, this.#options.run);
    });
  }

  ports(): readonly Port[] {
    return this.#table.leases.map((lease) => this.#portOf(lease));
  }

  /** What leads to a port comes and goes with its guard, in one transaction. */
  async #applyRules(guard: string): Promise<void> {
    const before = this.#hostPorts;
    const after = desiredHostPorts(this.#table.leases, this.#options.podCIDRs);
    await this.#nft(`${guard}${printHostPortChange(before, after)}`);
    this.#hostPorts = after;
    await this.#endOldFlows(before, after);
    this.#options.follow(this.#table);
  }

  async #endOldFlows(before: HostPorts, after: HostPorts): Promise<void> {
    const { conntrack, log } = this.#options;
    try {
      await endOldFlows(conntrack, before, after);
    } catch (err) {
      if (!(err instanceof ConntrackError)) throw err;
      // The port itself works; clients that sent datagrams before may have to use another port of theirs.
      log.warn({ err }, 'cannot end UDP flows of host ports that changed');
    }
  }

  #portOf(lease: Lease): Port {
    const { podUID, device, mac, namespace } = lease;
    const mtu = this.#options.mtu();
    return {
      ...{ podUID, device, mac },
      addresses: lease.addresses.map(mustParseIP),
      gateways: this.#options.podCIDRs.map((cidr) => mustParseIP(gatewayOf(cidr))),
      ...(mtu === undefined ? {} : { mtu }),
      ...(namespace === undefined ? {} : { namespace: namespace.path }),
      ...(namespace?.sandbox === undefined ? {} : { sandbox: namespace.sandbox }),
    };
  }

  #leaseOf(podUID: string): Lease | undefined {
    return this.#table.leases.find((lease) => lease.podUID === podUID);
  }

  async #nft(script: string): Promise<void> {
    if (script !== '') await this.#options.run(['nft', '-f', '-'], { input: script });
  }

  async #keep(table: LeaseTable): Promise<void> {
    await saveLeases(join(this.#options.stateDir, 'leases.json'), table);
    this.#table = table;
  }
}
