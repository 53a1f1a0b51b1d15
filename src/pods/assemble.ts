/** The real parts that workers of pods use, once there is a runtime. Loaded only then. */
import { join } from 'node:path';
import type { PodNetwork } from '../network/pod-network.ts';
import { type CNI, startCNI } from './cni/cni.ts';
import { openPodParts, type PodPartsOptions } from './config/open.ts';
import type { ContainerRuntime } from './cri/cri.ts';
import { imageManager } from './images/manager.ts';
import { type LoggedContainer, rotateLogs } from './logs/rotation.ts';
import type { Changed } from './parts.ts';
import { newLifecycleHooks } from './probes/hooks.ts';
import { newProber } from './probes/prober.ts';
import type { RuntimeParts } from './worker/parts.ts';

export interface AssembleOptions extends PodPartsOptions {
  readonly runtime: ContainerRuntime;
  readonly network: PodNetwork;
  /** The containers that run, whose logs are kept from filling the disk. */
  readonly logged: () => Iterable<LoggedContainer>;
  /** The state of a container's probes is another. */
  readonly probed: Changed;
}

export interface Assembled {
  readonly parts: RuntimeParts;
  readonly cni: CNI;
}

/** Makes the parts, and puts the network plugin in place. They work until the signal is aborted. */
export async function assemble(options: AssembleOptions, signal: AbortSignal): Promise<Assembled> {
  const { runtime, client, events, log, clock, network, stateDir } = options;
  const timed = clock === undefined ? {} : { clock };
  const [cni, parts] = await Promise.all([
    startCNI({ client, network, runtime, stateDir: join(stateDir, 'cni'), log, ...timed }, signal),
    openPodParts(options, signal),
  ]);
  rotateLogs({ containers: options.logged, runtime, log, ...timed }, signal).catch((err: unknown) => {
    log.error({ err }, 'the logs of containers are no longer rotated');
  });
  return {
    cni,
    parts: {
      ...parts,
      runtime,
      images: imageManager({ runtime, client, events, log, ...timed }),
      prober: newProber({ runtime, events, changed: options.probed, ...timed }, signal),
      hooks: newLifecycleHooks({ runtime, ...timed }),
    },
  };
}
