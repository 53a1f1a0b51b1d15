/** What every worker of a pod works with. */
import type { Client } from '../../client/client.ts';
import type { Clock } from '../../host/clock.ts';
import type { Logger } from '../../host/log.ts';
import type { Slots } from '../../lib/turns.ts';
import type { ContainerRuntime } from '../cri/cri.ts';
import type { Leavings } from '../leavings.ts';
import type { ImageManager, LifecycleHooks, PodConfigs, PodEvents, Prober, VolumeManager } from '../parts.ts';
import type { RuntimeCache } from '../runtime/runtime-cache.ts';
import type { StatusFacts } from '../status/desired.ts';
import type { EndpointDrain } from './endpoints.ts';

/** Parts that a node's workers share. */
export interface NodeParts {
  readonly nodeName: string;
  readonly leavings: Leavings;
  readonly client: Client;
  readonly clock: Clock;
  readonly log: Logger;
  readonly events: PodEvents;
  readonly facts: () => StatusFacts;
  readonly cache: RuntimeCache;
  readonly drain: EndpointDrain;
  /** Calls that keep the runtime busy wait for one of these. */
  readonly slots: Slots;
}

/** Those that need a runtime, and are there with it. */
export interface RuntimeParts {
  readonly runtime: ContainerRuntime;
  readonly volumes: VolumeManager;
  readonly configs: PodConfigs;
  readonly images: ImageManager;
  readonly prober: Prober;
  readonly hooks: LifecycleHooks;
}

/** All that a worker works with while there is a runtime. */
export type WorkerParts = NodeParts & RuntimeParts;
