/** Starts a node's part that runs guests. */
import { mkdir } from 'node:fs/promises';
import { Pod } from '../api/core/v1/pod.ts';
import { isLauncherPod } from '../api/kubevirt/v1/launcher-pod.ts';
import type { Client } from '../client/client.ts';
import { runController } from '../client/controller.ts';
import { EventRecorder } from '../client/events.ts';
import type { Informers } from '../client/informers.ts';
import { WorkQueue } from '../client/work-queue.ts';
import { type Clock, systemClock } from '../host/clock.ts';
import type { Logger } from '../host/log.ts';
import { type RunCommand, runCommand } from '../host/process.ts';
import { untilAborted } from '../lib/abort.ts';
import type { PodNetwork } from '../network/pod-network.ts';
import { LifeCycle } from './life-cycle.ts';
import { probeKVM } from './qemu/accelerator.ts';

/** Guests that are started, ended or reported at the same time. */
const WORKERS = 8;

export interface VMsOptions {
  readonly client: Client;
  readonly informers: Informers;
  readonly nodeName: string;
  /** The node's own addresses, at most one per family. */
  readonly hostIPs: readonly string[];
  readonly network: PodNetwork;
  /** Holds a directory per guest, and the sockets of their consoles. */
  readonly stateDir: string;
  /** The image store. */
  readonly imageDir: string;
  /** User and group that QEMU runs as once it has opened what it needs. Default: ours. */
  readonly runAs?: { readonly uid: number; readonly gid: number };
  readonly log: Logger;
  readonly clock?: Clock;
  readonly run?: RunCommand;
}

export interface VMs {
  /** `leave`: the guests run on and are found again by the next start. `end`: they are powered off and cleared away. */
  stop(how: 'leave' | 'end'): Promise<void>;
}

/** Whether a pod stands for a guest. */
function isLauncher(pod: Pod | undefined): boolean {
  return pod !== undefined && isLauncherPod(pod);
}

/**
 * Runs the guests of this node's pods. Resolves when the guests of an earlier run have been found again. Call `stop` before
 * the signal is aborted; without it the guests are left running.
 */
export async function startVMs(options: VMsOptions, signal: AbortSignal): Promise<VMs> {
  const { client, nodeName, stateDir, log, clock = systemClock, run = runCommand } = options;
  await mkdir(stateDir, { recursive: true, mode: 0o700 });
  const pods = options.informers.of(Pod, { fieldSelector: `spec.nodeName=${nodeName}` });
  const queue = new WorkQueue({ clock });
  const events = new EventRecorder({ client, component: 'postern-vm', host: nodeName, clock, log });
  // Asked once, while nothing waits for it.
  const acceleration = probeKVM(process.arch, stateDir, run).then((result) => {
    log.info(result, 'how guests are run');
    return result;
  });
  acceleration.catch(() => undefined);
  const launcher = (key: string) => {
    const pod = pods.get(key);
    return isLauncher(pod) ? pod : undefined;
  };
  const lifeCycle = new LifeCycle({
    ...options,
    clock,
    pods: { get: launcher },
    events,
    acceleration,
    changed: (key) => queue.add(key),
  });
  pods.onChange(({ key, object, previous }) => {
    if (isLauncher(object) || isLauncher(previous)) queue.add(key);
  });
  await untilAborted(options.informers.start(signal), signal);
  if (!signal.aborted) await lifeCycle.findGuests();
  const controller = runController(
    { name: 'vm', queue, reconcile: (key) => lifeCycle.reconcile(key), workers: WORKERS, log },
    signal,
  );
  controller.catch((err: unknown) => log.error({ err }, 'the vm part has stopped'));
  if (signal.aborted) await lifeCycle.leaveAll();
  else signal.addEventListener('abort', () => void lifeCycle.leaveAll(), { once: true });
  return { stop: (how) => (how === 'leave' ? lifeCycle.leaveAll() : lifeCycle.endAll()) };
}
