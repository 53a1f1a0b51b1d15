/** What the scheduler needs to know of a pod, read once. Pure. */
import type { Pod } from '../../api/core/v1/pod.ts';
import type { PodAffinityTerm } from '../../api/core/v1/pod-placement.ts';
import { type HostPort, hostPortsOf } from '../../api/core/v1/pod-spec/host-ports.ts';
import { podRequests } from '../../api/core/v1/pod-spec/resource-totals.ts';
import type { PodSpec } from '../../api/core/v1/pod-spec.ts';
import { isLauncherPod } from '../../api/kubevirt/v1/launcher-pod.ts';
import { equal } from '../equal.ts';
import { controllerOf } from '../ownership.ts';

/** Labels of an object, by key. */
export type Labels = Readonly<Record<string, string>>;

/** Thousandths of processors, else whole units, so that sums are exact. */
export type Requests = ReadonlyMap<string, number>;

/** What counts of a pod, whether it has its place or not. */
export interface PodFacts {
  /** `namespace/name`. */
  readonly key: string;
  readonly uid: string;
  readonly namespace: string;
  readonly labels: Labels;
  readonly requests: Requests;
  readonly hostPorts: readonly HostPort[];
  /** Pods of one group are spread over nodes: those of one controller, and guests. */
  readonly group: string | undefined;
  /** A virtual machine's: no containers are run for it. */
  readonly isGuest: boolean;
  /** It has been asked to end, and still has its place. */
  readonly isEnding: boolean;
  /** Terms of pods that it bears nowhere near it. */
  readonly exclusions: readonly PodAffinityTerm[];
}

/** A pod that is to be placed, with all it says of where. */
export interface WaitingPod extends PodFacts {
  readonly spec: PodSpec;
}

/** Reads a pod that is to be placed. */
export function waitingPod(pod: Pod): WaitingPod {
  return { ...factsOf(pod), spec: pod.spec ?? {} };
}

/** Reads what counts of a pod. */
export function factsOf(pod: Pod): PodFacts {
  const { namespace = 'default', name = '', uid = '', labels = {}, deletionTimestamp } = pod.metadata;
  const spec = pod.spec ?? {};
  const isGuest = isLauncherPod(pod);
  return {
    key: `${namespace}/${name}`,
    uid,
    namespace,
    labels,
    requests: new Map(Object.entries(podRequests(spec))),
    hostPorts: hostPortsOf(spec),
    group: isGuest ? 'guests' : controllerOf(pod)?.uid,
    isGuest,
    isEnding: deletionTimestamp !== undefined,
    exclusions: spec.affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [],
  };
}

/** Whether a change of the pod changes nothing that counts. */
export function sameFacts(a: PodFacts, b: PodFacts): boolean {
  return equal({ ...a, requests: [...a.requests] }, { ...b, requests: [...b.requests] });
}
