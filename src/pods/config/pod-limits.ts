/**
 * What a pod as a whole may use: the settings of the control group that its containers are in. Without them what containers ask for would
 * only count among those of the same pod.
 */
import { podLimits, podRequests, type QOSClass } from '../../api/core/v1/pod-spec/resource-totals.ts';
import type { PodSpec } from '../../api/core/v1/pod-spec.ts';
import { CPU_PERIOD, cpuQuota, cpuShares } from './resources.ts';

/** A setting: a file of a group, in the hierarchy of its controller. */
export interface GroupSetting {
  readonly controller: 'cpu' | 'memory';
  readonly file: string;
  readonly value: string;
}

/** In the order in which they are to be written. A limit that not all of its containers have is none of the pod's. */
export function podGroupSettings(spec: PodSpec, qos: QOSClass, unified: boolean): readonly GroupSetting[] {
  const shares = cpuShares(qos === 'BestEffort' ? 0 : (podRequests(spec)['cpu'] ?? 0));
  const limits = podLimits(spec);
  const cpu = isLimited(spec, 'cpu') ? cpuQuota(limits['cpu'] ?? 0) : undefined;
  const memory = isLimited(spec, 'memory') ? limits['memory'] : undefined;
  return unified ? settingsOfV2(shares, cpu, memory) : settingsOfV1(shares, cpu, memory);
}

function isLimited({ containers = [], initContainers = [] }: PodSpec, resource: string): boolean {
  return [...containers, ...initContainers].every(({ resources }) => resources?.limits?.[resource] !== undefined);
}

/** https://docs.kernel.org/admin-guide/cgroup-v1/ */
function settingsOfV1(shares: number, quota: number | undefined, memory: number | undefined): readonly GroupSetting[] {
  return [
    { controller: 'cpu', file: 'cpu.shares', value: String(shares) },
    ...(quota === undefined
      ? []
      : ([
          { controller: 'cpu', file: 'cpu.cfs_period_us', value: String(CPU_PERIOD) },
          { controller: 'cpu', file: 'cpu.cfs_quota_us', value: String(quota) },
        ] as const)),
    ...(memory === undefined
      ? []
      : ([{ controller: 'memory', file: 'memory.limit_in_bytes', value: String(memory) }] as const)),
  ];
}

/** https://docs.kernel.org/admin-guide/cgroup-v2.html; weights of 1 to 10000 for shares of 2 to 262144, as runtimes have them. */
function settingsOfV2(shares: number, quota: number | undefined, memory: number | undefined): readonly GroupSetting[] {
  const weight = 1 + Math.floor(((shares - 2) * 9999) / 262_142);
  return [
    { controller: 'cpu', file: 'cpu.weight', value: String(weight) },
    ...(quota === undefined
      ? []
      : ([{ controller: 'cpu', file: 'cpu.max', value: `${quota} ${CPU_PERIOD}` }] as const)),
    ...(memory === undefined ? [] : ([{ controller: 'memory', file: 'memory.max', value: String(memory) }] as const)),
  ];
}
