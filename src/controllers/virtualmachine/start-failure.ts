/** How often a guest has failed soon after its start, and when to try again. Pure. */
import type { VirtualMachine } from '../../api/kubevirt/v1/virtualmachine.ts';
import type { VirtualMachineInstance } from '../../api/kubevirt/v1/virtualmachineinstance.ts';
import { printTime } from '../../api/time.ts';

export type StartFailure = NonNullable<NonNullable<VirtualMachine['status']>['startFailure']>;

/** A guest that ran this long, in milliseconds, has started well; when it fails later, that is a new story. */
const STEADY_AFTER = 60_000;
/** The longest wait between starts, in milliseconds: KubeVirt's. */
const MAX_WAIT = 300_000;

/** The record after looking at an instance: one more failure, none any more, or as it was. `now` is in milliseconds. */
export function nextStartFailure(
  current: StartFailure | undefined,
  vmi: VirtualMachineInstance | undefined,
  now: number,
): StartFailure | undefined {
  if (vmi === undefined) return current;
  const failed = vmi.status?.phase === 'Failed';
  if (!failed) return wasSteady(vmi, now) || vmi.status?.phase === 'Succeeded' ? undefined : current;
  if (current?.lastFailedVMIUID === vmi.metadata.uid) return current;
  const before = wasSteady(vmi, phaseTime(vmi, 'Failed') ?? now) ? 0 : (current?.consecutiveFailCount ?? 0);
  return {
    consecutiveFailCount: before + 1,
    lastFailedVMIUID: vmi.metadata.uid ?? '',
    retryAfterTimestamp: printTime(now + waitAfter(before + 1)),
  };
}

/** Milliseconds until the next start is due; 0 when it is. */
export function waitForRetry(failure: StartFailure | undefined, now: number): number {
  const at = Date.parse(failure?.retryAfterTimestamp ?? '');
  return Number.isNaN(at) ? 0 : Math.max(0, at - now);
}

/** Milliseconds until a running instance counts as steady; undefined when it does already, or does not run. */
export function untilSteady(vmi: VirtualMachineInstance, now: number): number | undefined {
  const since = phaseTime(vmi, 'Running');
  if (vmi.status?.phase !== 'Running' || since === undefined || wasSteady(vmi, now)) return undefined;
  return since + STEADY_AFTER - now;
}

/** The first retry is at once: most failures are accidents. Then 10 s, 40 s, 90 s and so on, as KubeVirt waits. */
function waitAfter(failures: number): number {
  return Math.min(MAX_WAIT, 10_000 * (failures - 1) ** 2);
}

function wasSteady(vmi: VirtualMachineInstance, until: number): boolean {
  const since = phaseTime(vmi, 'Running');
  return since !== undefined && until - since >= STEADY_AFTER;
}

function phaseTime(vmi: VirtualMachineInstance, phase: string): number | undefined {
  const entered = vmi.status?.phaseTransitionTimestamps?.find((transition) => transition.phase === phase);
  const at = Date.parse(entered?.phaseTransitionTimestamp ?? '');
  return Number.isNaN(at) ? undefined : at;
}
