/**
 * A container's requests and limits as the kernel's: cgroups, and who is ended first when memory runs out.
 * https://kubernetes.io/docs/concepts/configuration/manage-resources-containers/#how-pods-with-resource-limits-are-run
 */
import type { Pod } from '../../api/core/v1/pod.ts';
import { type QOSClass, resourceAmount } from '../../api/core/v1/pod-spec/resource-totals.ts';
import type { Container } from '../../api/core/v1/pod-spec.ts';
import type { LinuxResources } from '../cri/cri.ts';
import { inUnits } from './quantities.ts';

/** Microseconds over which a limit of processor time is kept. */
export const CPU_PERIOD = 100_000;
/** The kernel's bounds of cpu.cfs_quota_us and cpu.shares. */
const MIN_QUOTA = 1000;
const MIN_SHARES = 2;
const MAX_SHARES = 262_144;

/** oom_score_adj by what was promised: https://kubernetes.io/docs/concepts/scheduling-eviction/node-pressure-eviction/#node-out-of-memory-behavior */
const GUARANTEED_OOM = -997;
const BEST_EFFORT_OOM = 1000;
/** Priority from which the node itself needs a pod: system-node-critical. */
const NODE_CRITICAL = 2_000_001_000;

/** What the machine is, as far as limits depend on it. */
export interface Machine {
  /** Bytes. */
  readonly memory: number;
  /** Whether cgroups are the unified hierarchy. */
  readonly unifiedCgroups: boolean;
}

/** The limits of a container, as the kernel's control groups count them. */
export function linuxResources(pod: Pod, container: Container, qos: QOSClass, machine: Machine): LinuxResources {
  const { limits = {}, requests = {} } = container.resources ?? {};
  const limit = resourceAmount('cpu', limits['cpu'] ?? 0);
  const memory = inUnits(limits['memory']);
  return {
    cpuShares: cpuShares(resourceAmount('cpu', requests['cpu'] ?? limits['cpu'] ?? 0)),
    ...(limit === 0 ? {} : { cpuPeriod: CPU_PERIOD, cpuQuota: cpuQuota(limit) }),
    ...(memory === 0 ? {} : { memoryLimitInBytes: memory }),
    oomScoreAdj: oomScoreAdj(pod, container, qos, machine.memory),
    // A container whose processes are ended one by one would linger half dead.
    ...(machine.unifiedCgroups ? { unified: { 'memory.oom.group': '1' } } : {}),
  };
}

/** The weight of so many thousandths of a processor: 1024 each. */
export function cpuShares(milli: number): number {
  return Math.min(MAX_SHARES, Math.max(MIN_SHARES, Math.floor((milli * 1024) / 1000)));
}

/** Microseconds of processor time in each period. */
export function cpuQuota(milli: number): number {
  return Math.max(MIN_QUOTA, Math.floor((milli * CPU_PERIOD) / 1000));
}

function oomScoreAdj(pod: Pod, container: Container, qos: QOSClass, capacity: number): number {
  if (qos === 'Guaranteed' || (pod.spec?.priority ?? 0) >= NODE_CRITICAL) return GUARANTEED_OOM;
  if (qos === 'BestEffort') return BEST_EFFORT_OOM;
  const own = burstableScore(container, capacity);
  const isSidecar = pod.spec?.initContainers?.includes(container) && container.restartPolicy === 'Always';
  if (!isSidecar) return own;
  // What the pod's containers need must not be ended before them.
  return Math.min(own, ...(pod.spec?.containers ?? []).map((one) => burstableScore(one, capacity)));
}

/** The more of the machine's memory it asked for, the later its turn; between guaranteed ones and those that asked for nothing. */
function burstableScore({ resources }: Container, capacity: number): number {
  const request = inUnits(resources?.requests?.['memory'] ?? resources?.limits?.['memory']);
  const score = 1000 - Math.floor((1000 * request) / Math.max(1, capacity));
  return Math.min(BEST_EFFORT_OOM - 1, Math.max(1000 + GUARANTEED_OOM, score));
}
