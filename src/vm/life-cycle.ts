/** A guest's way from its pod's appearance on the node to the pod's removal, one pod at a time. */

import { isPodFinal, isPodReady } from '../api/core/v1/pod.status.ts';
import { Pod } from '../api/core/v1/pod.ts';
import { VirtualMachineInstance } from '../api/kubevirt/v1/virtualmachineinstance.ts';
import { keyOf, keyText, parseKey } from '../api/meta/v1.ts';
import { isConflict, isNotFound } from '../api/status.ts';
import type { EventRecorder } from '../client/events.ts';
import type { Clock } from '../host/clock.ts';
import { printIP } from '../lib/ip.ts';
import type { Port } from '../network/pod-network.ts';
import { consolePath } from './console/console.ts';
import { Guest } from './guest.ts';
import { type Blocked, commandLine, prepareGuest } from './prepare.ts';
import { type Acceleration, qemuProgram } from './qemu/accelerator.ts';
import { QemuMissing } from './qemu/process.ts';
import { type GuestRecord, guestDirectory, readRecords, removeRecord, writeRecord } from './record.ts';
import { applyStatus, get } from './status/apply.ts';
import { desiredInstanceStatus, desiredPodStatus, type GuestPhase, type GuestView } from './status/desired.ts';
import type { VMsOptions } from './vms.ts';

/** Milliseconds that guests get to power off when the whole node part ends. */
const END_GRACE = 5000;
const END_LIMIT = 12_000;

export interface LifeCycleOptions extends VMsOptions {
  readonly clock: Clock;
  /** Those that stand for guests of this node, by their keys. */
  readonly pods: { get(key: string): Pod | undefined };
  readonly events: EventRecorder;
  readonly acceleration: Promise<Acceleration>;
  /** Asks for a reconcile of a pod, by key. */
  readonly changed: (podKey: string) => void;
}

export class LifeCycle {
  readonly #options: LifeCycleOptions;
  /** By pod key. */
  readonly #guests = new Map<string, Guest>();
  /** Set when no guest is to be started any more. */
  #closing = false;
  /** Set when the guests are no longer ours to look after: what the API says of them is another's to write. */
  #closed = false;
  #onGuestGone: () => void = () => {};

  constructor(options: LifeCycleOptions) {
    this.#options = options;
  }

  /** Finds the guests of an earlier run, and ends those whose pod has gone since. Called once, when the pods are known. */
  async findGuests(): Promise<void> {
    const { stateDir, network } = this.#options;
    const records = await readRecords(stateDir);
    const known = new Set(records.map((record) => record.podUID));
    // Ports of pods of containers are others' to release.
    const ours = network.ports().filter(({ namespace }) => namespace === undefined);
    for (const port of ours) if (!known.has(port.podUID)) await network.release(port.podUID);
    await Promise.all(records.map((record) => this.#findGuest(record)));
  }

  async #findGuest(record: GuestRecord): Promise<void> {
    const { pods, log } = this.#options;
    const pod = pods.get(record.podKey);
    const vmi = pod && (await this.#instanceOf(pod));
    const guest = this.#newGuest(record, await this.#attach(record), vmi, pod !== undefined && isPodReady(pod));
    try {
      await guest.adopt();
    } catch (err) {
      // One that cannot be watched cannot be kept: its pod is reported lost, and its owner decides.
      log.error({ err, pod: record.podKey }, 'a guest of an earlier run was ended, as it could not be taken over');
      await this.#discard(guest);
      return;
    }
    if (pod?.metadata.uid === record.podUID) this.#guests.set(record.podKey, guest);
    else await this.#discard(guest);
  }

  /** Brings one pod's guest, and what the API says of it, in line. */
  async reconcile(key: string): Promise<void> {
    if (this.#closed) return;
    const pod = this.#options.pods.get(key);
    const known = this.#guests.get(key);
    if (known !== undefined && known.options.podUID !== pod?.metadata.uid) {
      this.#guests.delete(key);
      await this.#discard(known);
    }
    if (pod === undefined) return;
    const guest = this.#guests.get(key);
    if (pod.metadata.deletionTimestamp !== undefined) await this.#finish(pod, guest);
    else if (guest !== undefined) await this.#report(pod, guest);
    else if (!isPodFinal(pod) && !this.#closing) await this.#begin(pod);
  }

  /** Lets go of all guests; they run on. */
  async leaveAll(): Promise<void> {
    this.#closed = true;
    const guests = [...this.#guests.values()];
    this.#guests.clear();
    await Promise.all(guests.map((guest) => guest.leave()));
  }

  /** Powers all guests off, reports it, and clears them away. Bounded in time; what does not go in time is killed. */
  async endAll(): Promise<void> {
    this.#closing = true;
    const { clock, log } = this.#options;
    const limit = new AbortController();
    const allGone = new Promise<void>((resolve) => {
      this.#onGuestGone = () => {
        if ([...this.#guests.values()].every((guest) => guest.phase.kind === 'ended')) resolve();
      };
    });
    for (const guest of this.#guests.values()) guest.powerDown(END_GRACE);
    this.#onGuestGone();
    await Promise.race([allGone, clock.sleep(END_LIMIT, limit.signal).catch(() => undefined)]);
    limit.abort();
    this.#closed = true;
    for (const [key, guest] of this.#guests) {
      await this.#reportEnd(key, guest).catch((err: unknown) =>
        log.warn({ err, pod: key }, 'the end of a guest was not reported'),
      );
      await this.#discard(guest);
    }
    this.#guests.clear();
  }

  async #begin(pod: Pod): Promise<void> {
    const vmi = await this.#instanceOf(pod);
    if (vmi === undefined) return; // The pod goes with its owner.
    if (pod.status?.phase === 'Running') {
      await this.#reportLost(pod, vmi);
      return;
    }
    const prepared = await prepareGuest(vmi, this.#options.imageDir);
    if (prepared.kind === 'blocked') {
      await this.#block(pod, vmi, prepared);
      return;
    }
    const record: GuestRecord = {
      podUID: pod.metadata.uid ?? '',
      podKey: keyText(keyOf(pod)),
      instanceKey: keyText(keyOf(vmi)),
      interfaceName: prepared.plan.interfaceName,
      startedAt: this.#options.clock.now(),
    };
    const { stateDir, runAs } = this.#options;
    const port = await this.#attach(record, { hostname: vmi.spec.hostname, mac: prepared.plan.mac });
    // On disk first: a guest that runs without a record would be started a second time.
    await writeRecord(stateDir, record);
    const directory = guestDirectory(stateDir, record.podUID);
    const acceleration = await this.#options.acceleration;
    const args = commandLine(vmi, prepared, { port, directory, acceleration, runAs });
    const guest = this.#newGuest(record, port, vmi);
    this.#guests.set(record.podKey, guest);
    try {
      await guest.launch(qemuProgram(process.arch), args);
    } catch (error) {
      this.#guests.delete(record.podKey);
      await this.#discard(guest);
      if (!(error instanceof QemuMissing)) throw error;
      await this.#block(pod, vmi, { kind: 'blocked', reason: 'QEMUMissing', message: error.message });
    }
  }

  /** The pod is to go: the guest first, then what it used, then the pod. */
  async #finish(pod: Pod, guest: Guest | undefined): Promise<void> {
    if (guest !== undefined && guest.phase.kind !== 'ended') {
      guest.powerDown((pod.metadata.deletionGracePeriodSeconds ?? 30) * 1000);
      await this.#report(pod, guest);
      return;
    }
    const { client } = this.#options;
    const key = keyOf(pod);
    if (guest !== undefined) {
      await this.#report(pod, guest);
      this.#guests.delete(keyText(key));
      await this.#discard(guest);
    }
    const { uid } = pod.metadata;
    try {
      await client.delete(Pod, key, {
        gracePeriodSeconds: 0,
        ...(uid === undefined ? {} : { preconditions: { uid } }),
      });
    } catch (error) {
      if (!isNotFound(error) && !isConflict(error)) throw error;
    }
  }

  /** Ends what is left of a guest and gives back its port and directory. */
  async #discard(guest: Guest): Promise<void> {
    guest.kill();
    await guest.leave();
    await this.#options.network.release(guest.options.podUID);
    await removeRecord(this.#options.stateDir, guest.options.podUID);
  }

  async #report(pod: Pod, guest: Guest): Promise<void> {
    const vmi = await this.#instanceOf(pod);
    const { phase } = guest;
    if (phase.kind === 'ended' && phase.outcome === 'Failed' && !isPodFinal(pod) && vmi !== undefined) {
      this.#options.events.event(vmi, 'Warning', phase.reason, phase.message);
    }
    await this.#write(pod, vmi, this.#view(guest));
  }

  async #reportEnd(key: string, guest: Guest): Promise<void> {
    const pod = this.#options.pods.get(key);
    if (pod !== undefined) await this.#report(pod, guest);
  }

  /** The API says that a guest runs of which this node has nothing: the machine was restarted under it. */
  async #reportLost(pod: Pod, vmi: VirtualMachineInstance): Promise<void> {
    const phase: GuestPhase = {
      kind: 'ended',
      outcome: 'Failed',
      reason: 'GuestLost',
      message: 'the guest ended with its node',
    };
    const addresses = (pod.status?.podIPs ?? []).map(({ ip }) => ip);
    await this.#write(pod, vmi, { ...this.#emptyView(phase), addresses });
  }

  /** Says why a guest cannot be started, and has it tried again after a back-off. */
  async #block(pod: Pod, vmi: VirtualMachineInstance, why: Blocked): Promise<void> {
    this.#options.events.event(vmi, 'Warning', why.reason, why.message);
    await this.#write(pod, vmi, this.#emptyView(why));
    throw new Error(`cannot start a guest: ${why.message}`);
  }

  /** The pod first: it is what traffic follows. */
  async #write(pod: Pod, vmi: VirtualMachineInstance | undefined, view: GuestView): Promise<void> {
    const { client, clock } = this.#options;
    const now = clock.now();
    await applyStatus(client, Pod, pod, (present) => desiredPodStatus(present, view, now));
    if (vmi === undefined) return;
    await applyStatus(client, VirtualMachineInstance, vmi, (present) => desiredInstanceStatus(present, view, now));
  }

  #view(guest: Guest): GuestView {
    const { addresses, mac, interfaceName } = guest.options;
    const consoleLines = guest.readiness.late ? guest.consoleLines() : [];
    return { ...this.#emptyView(guest.phase), readiness: guest.readiness, addresses, mac, interfaceName, consoleLines };
  }

  #emptyView(phase: GuestPhase): GuestView {
    const { nodeName, hostIPs } = this.#options;
    const readiness = { ready: false, why: '', late: false };
    return { phase, readiness, addresses: [], mac: '', interfaceName: 'default', nodeName, hostIPs, consoleLines: [] };
  }

  async #instanceOf(pod: Pod): Promise<VirtualMachineInstance | undefined> {
    const owner = pod.metadata.ownerReferences?.find(({ kind }) => kind === 'VirtualMachineInstance');
    if (owner === undefined) return undefined;
    const metadata = { name: owner.name, namespace: pod.metadata.namespace ?? 'default' };
    const { apiVersion, kind } = owner;
    const vmi = await get(this.#options.client, VirtualMachineInstance, { apiVersion, kind, metadata });
    return vmi?.metadata.uid === owner.uid ? vmi : undefined;
  }

  #attach(record: GuestRecord, wish: { hostname?: string | undefined; mac?: string | undefined } = {}): Promise<Port> {
    return this.#options.network.attach({
      podUID: record.podUID,
      podKey: record.podKey,
      hostname: wish.hostname ?? hostnameFrom(parseKey(record.instanceKey).name),
      ...(wish.mac === undefined ? {} : { mac: wish.mac }),
    });
  }

  #newGuest(record: GuestRecord, port: Port, vmi: VirtualMachineInstance | undefined, wasReady = false): Guest {
    const { stateDir, log, clock, changed } = this.#options;
    const { podUID, podKey, interfaceName, startedAt } = record;
    return new Guest({
      podUID,
      podKey,
      interfaceName,
      startedAt,
      mac: port.mac,
      addresses: port.addresses.map(printIP),
      probe: vmi?.spec.readinessProbe,
      wasReady,
      directory: guestDirectory(stateDir, podUID),
      consolePath: consolePath(stateDir, parseKey(record.instanceKey)),
      log,
      clock,
      onChange: () => {
        this.#onGuestGone();
        changed(podKey);
      },
    });
  }
}

/** Names of objects may have dots and be longer than a label of DNS is (RFC 1123 section 2.1). */
function hostnameFrom(name: string): string {
  return (name.split('.')[0] ?? name).slice(0, 63).replace(/-+$/, '');
}
