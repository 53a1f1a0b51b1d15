/** The controllers of a server, on one set of informers. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Client } from '../client/client.ts';
import { type AskedKind, Informers } from '../client/informers.ts';
import { type Clock, systemClock } from '../host/clock.ts';
import type { Logger, LogLevel } from '../host/log.ts';
import { untilAborted } from '../lib/abort.ts';
import type { CIDR } from '../lib/ip.ts';
import { tokenCleaner } from './bootstraptokens/bootstraptokens.ts';
import { type CertificateSigner, certificatesController } from './certificates/certificates.ts';
import type { Claim } from './cloud/claims.ts';
import { type CloudOptions, cloudController } from './cloud/cloud.ts';
import { clusterRoleAggregationController } from './clusterroleaggregation/clusterroleaggregation.ts';
import { deploymentController } from './deployment/deployment.ts';
import { endpointsController } from './endpoints/endpoints.ts';
import { endpointSliceController } from './endpointslice/endpointslice.ts';
import { endpointSliceMirroringController } from './endpointslicemirroring/endpointslicemirroring.ts';
import { eventSweeper } from './garbage-collection/event-ttl.ts';
import { garbageCollector } from './garbage-collection/garbage-collection.ts';
import { jobController } from './job/job.ts';
import { loadBalancerController } from './loadbalancer/loadbalancer.ts';
import { metalLBController } from './metallb/metallb.ts';
import { ALL_CONTROLLERS, type ControllerName } from './names.ts';
import { namespaceController } from './namespace/namespace.ts';
import { nodeIPAMController } from './nodeipam/nodeipam.ts';
import { nodeLifecycleController } from './nodelifecycle/nodelifecycle.ts';
import type { ControllerParts, Run } from './parts.ts';
import { podCollector } from './podgc/podgc.ts';
import { replicaSetController } from './replicaset/replicaset.ts';
import { replicationControllerController } from './replicationcontroller/replicationcontroller.ts';
import { schedulerController } from './scheduler/scheduler.ts';
import { serviceAccountsController } from './serviceaccounts/serviceaccounts.ts';
import { serviceCIDRController } from './servicecidr/servicecidr.ts';
import { serviceStatusController } from './servicestatus/servicestatus.ts';
import { taintEvictionController } from './tainteviction/tainteviction.ts';
import { virtualMachineController } from './virtualmachine/virtualmachine.ts';
import { virtualMachineInstanceController } from './virtualmachineinstance/virtualmachineinstance.ts';
import { virtualMachineInstanceReplicaSetController } from './virtualmachineinstancereplicaset/virtualmachineinstancereplicaset.ts';

export interface ControllersOptions {
  readonly client: Client;
  readonly log: Logger;
  readonly clock?: Clock;
  /** The pod network, one CIDR per family, the primary family first. */
  readonly clusterCIDRs: readonly CIDR[];
  /** Lengths of a node's prefixes, in bits. Default: 24 and 64, as in Kubernetes. */
  readonly nodeMaskSizes?: { readonly IPv4: number; readonly IPv6: number };
  /** Milliseconds that a node may be silent until it counts as lost. Default: 40 s, as in Kubernetes. */
  readonly nodeMonitorGracePeriod?: number;
  /** Which of them; default: all. */
  readonly only?: ReadonlySet<ControllerName>;
  /** PEM: the authority whose certificate the API server has, for pods to know it by; undefined: others tell them. */
  readonly rootCA?: string;
  /** Signs certificates; undefined: somebody else does, and there is nothing for the controller of that name to do. */
  readonly signer?: CertificateSigner;
  /** What is asked of a cloud; undefined: there is none, and nothing for the controller of that name to do. */
  readonly cloud?: CloudOptions;
  /** Who, here or elsewhere, serves load balancers that would be layer 2's otherwise. Default: the cloud's providers. */
  readonly others?: readonly Claim[];
  /** Whether guests go only to Nodes that run guests alone, as where other nodes are kubelets'. Default: to any. */
  readonly guestNodes?: boolean;
  /** Is told how much the MetalLB object wants to be logged; undefined: it does not say. */
  readonly setLogLevel?: (level: LogLevel | undefined) => void;
}

type Settings = Pick<
  ControllersOptions,
  'clusterCIDRs' | 'guestNodes' | 'nodeMonitorGracePeriod' | 'setLogLevel' | 'cloud' | 'others' | 'rootCA' | 'signer'
> &
  Required<Pick<ControllersOptions, 'nodeMaskSizes'>>;

const NOTHING: Run = async () => {};

/**
 * Those for which nobody waits when another process takes over, and which follow what no other does: every ConfigMap, Secret and whatever
 * else may have owners. Who stands by does not keep all that: it is read when a term has begun, after the others work.
 */
const LATE: ReadonlySet<ControllerName> = new Set(['serviceaccounts', 'garbagecollector']);

const CONTROLLERS: Readonly<Record<ControllerName, (parts: ControllerParts, settings: Settings) => Run>> = {
  nodeipam: (parts, settings) => nodeIPAMController({ ...parts, ...settings }),
  nodelifecycle: (parts, { nodeMonitorGracePeriod: grace }) =>
    nodeLifecycleController({ ...parts, ...(grace === undefined ? {} : { nodeMonitorGracePeriod: grace }) }),
  endpointslice: endpointSliceController,
  endpoints: endpointsController,
  endpointslicemirroring: endpointSliceMirroringController,
  scheduler: schedulerController,
  virtualmachine: virtualMachineController,
  virtualmachineinstance: (parts, { guestNodes = false }) => virtualMachineInstanceController({ ...parts, guestNodes }),
  virtualmachineinstancereplicaset: virtualMachineInstanceReplicaSetController,
  deployment: deploymentController,
  replicaset: replicaSetController,
  replicationcontroller: replicationControllerController,
  job: jobController,
  podgc: (parts) => podCollector(parts),
  tainteviction: taintEvictionController,
  loadbalancer: (parts, { cloud, others = cloud?.providers ?? [] }) => loadBalancerController({ ...parts, others }),
  cloud: (parts, { cloud }) => (cloud === undefined ? NOTHING : cloudController({ ...parts, ...cloud })),
  metallb: (parts, { setLogLevel }) => metalLBController({ ...parts, ...(setLogLevel ? { setLogLevel } : {}) }),
  servicestatus: serviceStatusController,
  servicecidr: serviceCIDRController,
  serviceaccounts: (parts, { rootCA }) => serviceAccountsController({ ...parts, ...(rootCA ? { rootCA } : {}) }),
  certificates: (parts, { signer }) => (signer === undefined ? NOTHING : certificatesController({ ...parts, signer })),
  tokencleaner: (parts) => tokenCleaner(parts),
  clusterroleaggregation: clusterRoleAggregationController,
  namespace: namespaceController,
  garbagecollector: garbageCollector,
  eventttl: eventSweeper,
};

/** Starts the controllers, until the signal is aborted. Resolves when they have read the API's objects and work. */
export async function startControllers(options: ControllersOptions, signal: AbortSignal): Promise<void> {
  const parts = partsOf(options);
  // Made before the informers start: that is when they add their listeners and indexes.
  const runs = makersOf(options, parts).map((make) => make());
  // The server may be asked to stop while it is still starting.
  await untilAborted(parts.informers.start(signal), signal);
  for (const run of runs) void run(signal);
}

/**
 * Reads what the controllers read that are waited for, and follows it until the signal is aborted: all that takes long. What is returned makes and
 * starts them all, with a signal of their own. Until then nothing is kept but the objects: not what a controller would note of changes.
 */
export async function prepareControllers(
  options: ControllersOptions,
  signal: AbortSignal,
): Promise<(signal: AbortSignal) => Promise<void>> {
  const parts = partsOf(options, { lateInTurns: true });
  const { informers } = parts;
  const { only = ALL_CONTROLLERS } = options;
  const early = new Set([...only].filter((name) => !LATE.has(name)));
  for (const { kind, optional } of kindsOf({ ...options, only: early }, parts)) informers.of(kind, { optional });
  await untilAborted(informers.start(signal), signal);
  return async (working) => {
    for (const make of makersOf({ ...options, only: early.union(only) }, parts)) {
      const run = make();
      await untilAborted(informers.start(signal), working);
      if (working.aborted) return;
      void run(working);
      // Each has read every object there is into its indexes: others get their turn in between.
      await nextTurn();
    }
  };
}

function partsOf(
  { client, log, clock = systemClock }: ControllersOptions,
  { lateInTurns = false } = {},
): ControllerParts {
  return { client, informers: new Informers({ client, log, clock, lateInTurns }), clock, log };
}

function makersOf(options: ControllersOptions, parts: ControllerParts): readonly (() => Run)[] {
  const { nodeMaskSizes = { IPv4: 24, IPv6: 64 }, only = ALL_CONTROLLERS } = options;
  return [...only].map((name) => () => CONTROLLERS[name](parts, { ...options, nodeMaskSizes }));
}

/** Which kinds the controllers follow, as those say that are made for nothing else. What a cloud's needs, it asks for itself. */
function kindsOf({ cloud: _, ...options }: ControllersOptions, parts: ControllerParts): readonly AskedKind[] {
  const informers = new Informers(parts);
  for (const make of makersOf(options, { ...parts, informers })) make();
  return informers.asked;
}
