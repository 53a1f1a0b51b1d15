/** What a pod's status says of it, as the kubelet would have it. Pure. */
import type { ContainerStatus, Pod, PodStatus } from '../../api/core/v1/pod.ts';
import { withConditions } from '../../api/meta/conditions.ts';
import { printTime } from '../../api/time.ts';
import { isAlive, podIPsOf, presentSandbox } from '../runtime/pod-runtime.ts';
import type { Outcome } from '../worker/outcome.ts';
import type { PodView } from '../worker/view.ts';
import { desiredConditions } from './conditions.ts';
import { desiredContainerStatuses } from './containers.ts';

/** What is the same for all pods of a node. */
export interface StatusFacts {
  /** The node's own addresses, the primary one first. */
  readonly hostIPs: readonly string[];
  /** How IDs of containers begin: the runtime's name. */
  readonly scheme: string;
}

/** The pod's new status; what others wrote in it stays. */
export function desiredPodStatus(view: PodView, outcome: Outcome | undefined, facts: StatusFacts): PodStatus {
  const { pod, now } = view;
  const { reason: _, message: __, ...old } = pod.status ?? {};
  const { init, app } = desiredContainerStatuses(view, outcome !== undefined, facts.scheme);
  const initialized = isInitialized(pod, init, app);
  // It is not over before the last of its processes is.
  const isEnded = outcome !== undefined && !view.runtime.containers.some(isAlive);
  const phase = isEnded ? outcome.phase : phaseOf({ initialized, app });
  const ips = addressesOf(view, facts);
  // The sandbox of a pod that is over ends right after this is said, and nothing more is said then.
  const hasSandbox = ips.fresh && !isEnded;
  const conditions = desiredConditions({ pod, phase, hasSandbox, initialized, init, app });
  return {
    ...old,
    ...observed(pod),
    phase,
    ...(outcome?.reason === undefined ? {} : { reason: outcome.reason }),
    ...(outcome?.message === undefined ? {} : { message: outcome.message }),
    conditions: withConditions(old.conditions, conditions, now).map((each) =>
      conditions.some(({ type }) => type === each.type) ? { ...each, ...observed(pod) } : each,
    ),
    ...hostAddresses(facts),
    ...podAddresses(ips.addresses),
    startTime: old.startTime ?? printTime(now),
    ...(init.length === 0 ? {} : { initContainerStatuses: init }),
    containerStatuses: app,
  };
}

/** Which spec the status tells of. */
function observed({ metadata }: Pod): Pick<PodStatus, 'observedGeneration'> {
  return metadata.generation === undefined ? {} : { observedGeneration: metadata.generation };
}

/** The status of a pod that the node does not take. */
export function rejectedStatus(pod: Pod, outcome: Outcome, now: number): PodStatus {
  return { ...pod.status, ...observed(pod), ...outcome, startTime: pod.status?.startTime ?? printTime(now) };
}

/** Whether the init containers have done their part: all have ended well, and sidecars have started. */
function isInitialized({ spec }: Pod, init: readonly ContainerStatus[], app: readonly ContainerStatus[]): boolean {
  if (app.some(({ state, lastState }) => state?.running ?? state?.terminated ?? lastState?.terminated)) return true;
  const sidecars = new Set(
    spec?.initContainers?.flatMap((each) => (each.restartPolicy === 'Always' ? [each.name] : [])),
  );
  return init.every(({ name, ready, started }) => (sidecars.has(name) ? started : ready));
}

/** https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-phase */
function phaseOf(facts: { readonly initialized: boolean; readonly app: readonly ContainerStatus[] }): string {
  const hasNeverRun = ({ state, lastState }: ContainerStatus) =>
    state?.running === undefined && state?.terminated === undefined && lastState?.terminated === undefined;
  return !facts.initialized || facts.app.some(hasNeverRun) ? 'Pending' : 'Running';
}

/** `fresh`: they are those of a sandbox that runs. Those of one that has ended stay told. */
function addressesOf(
  { pod, runtime }: PodView,
  { hostIPs }: StatusFacts,
): { readonly fresh: boolean; readonly addresses: readonly string[] } {
  const told = pod.status?.podIPs?.map(({ ip }) => ip) ?? [];
  if (presentSandbox(runtime) === undefined) return { fresh: false, addresses: told };
  const addresses = podIPsOf(pod, runtime, hostIPs);
  return addresses.length > 0 ? { fresh: true, addresses } : { fresh: false, addresses: told };
}

function hostAddresses({ hostIPs }: StatusFacts): Partial<PodStatus> {
  const [hostIP] = hostIPs;
  return hostIP === undefined ? {} : { hostIP, hostIPs: hostIPs.map((ip) => ({ ip })) };
}

function podAddresses(addresses: readonly string[]): Partial<PodStatus> {
  const [podIP] = addresses;
  return podIP === undefined ? {} : { podIP, podIPs: addresses.map((ip) => ({ ip })) };
}
