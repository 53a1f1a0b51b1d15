/** The volumes and configurations of a node's pods, put together. */

import { existsSync } from 'node:fs';
import { totalmem } from 'node:os';
import { join, resolve } from 'node:path';
import type { Service } from '../../api/core/v1/service.ts';
import type { Client } from '../../client/client.ts';
import { type Clock, systemClock } from '../../host/clock.ts';
import type { Logger } from '../../host/log.ts';
import { openMounts } from '../../host/mounts.ts';
import type { Changed, PodConfigs, PodEvents, VolumeManager } from '../parts.ts';
import { PodPaths } from '../volumes/paths.ts';
import { Tokens } from '../volumes/tokens.ts';
import { openVolumes } from '../volumes/volume-manager.ts';
import { FollowedObjects } from './followed-objects.ts';
import { Configs } from './pod-configs.ts';
import type { Quantities } from './quantities.ts';

export interface PodPartsOptions {
  readonly client: Client;
  readonly nodeName: string;
  /** The agent's folder of state: pods' folders and logs are beneath it. */
  readonly stateDir: string;
  /** `cluster.local`. */
  readonly clusterDomain: string;
  /** The cluster's DNS servers: the node's own addresses on the pod network, the primary family first. */
  readonly clusterDNS: () => readonly string[];
  /** The node's own addresses, the primary family first. */
  readonly hostIPs: readonly string[];
  /** What the node has for pods: status.allocatable of its Node. */
  readonly allocatable: () => Quantities;
  /** Services of a namespace, as an informer's index has them. */
  readonly services: (namespace: string) => readonly Service[];
  readonly events: PodEvents;
  /** Called when a pod that something was missing for is worth another try. */
  readonly changed: Changed;
  readonly log: Logger;
  readonly clock?: Clock;
  /** Where cgroups are mounted. Default: /sys/fs/cgroup. */
  readonly cgroupDir?: string;
}

export interface PodParts {
  readonly volumes: VolumeManager;
  readonly configs: PodConfigs;
}

/** Volumes are kept up to date until the signal is aborted; they stay as they are then. */
export async function openPodParts(options: PodPartsOptions, signal: AbortSignal): Promise<PodParts> {
  const { client, stateDir, log, clock = systemClock, cgroupDir = '/sys/fs/cgroup' } = options;
  const objects = new FollowedObjects({ client, log, clock }, signal);
  const tokens = new Tokens({ client, clock });
  const shared = { ...options, clock, paths: new PodPaths(resolve(stateDir)), mounts: await openMounts(), objects };
  // Only the unified hierarchy has this file at its root.
  const machine = { memory: totalmem(), unifiedCgroups: existsSync(join(cgroupDir, 'cgroup.controllers')) };
  const volumes = await openVolumes({ ...shared, tokens }, signal);
  return { volumes, configs: new Configs({ ...shared, machine, cgroupDir }) };
}
