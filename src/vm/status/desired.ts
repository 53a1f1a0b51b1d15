/** What a guest's Pod and VirtualMachineInstance say of it, as pure data. */
import type { ContainerState, ContainerStatus, Pod } from '../../api/core/v1/pod.ts';
import type { VirtualMachineInstance } from '../../api/kubevirt/v1/virtualmachineinstance.ts';
import { withConditions } from '../../api/meta/conditions.ts';
import type { Condition } from '../../api/meta/v1.ts';
import { printTime } from '../../api/time.ts';
import type { Readiness } from '../probe/readiness.ts';

/** Where a guest's run stands. */
export type GuestPhase =
  /** It cannot be started now; `reason` is one word, `message` says what to do. */
  | { readonly kind: 'blocked'; readonly reason: string; readonly message: string }
  | { readonly kind: 'starting' }
  | { readonly kind: 'running'; readonly startedAt: number }
  | {
      readonly kind: 'ended';
      readonly outcome: 'Succeeded' | 'Failed';
      readonly reason: string;
      readonly message: string;
    };

export interface GuestView {
  readonly phase: GuestPhase;
  readonly readiness: Readiness;
  /** In the order of the node's pod CIDRs. */
  readonly addresses: readonly string[];
  readonly mac: string;
  readonly interfaceName: string;
  readonly nodeName: string;
  readonly hostIPs: readonly string[];
  /** What the guest printed last, told when it takes too long. */
  readonly consoleLines: readonly string[];
}

/** The pod's new status. `now` is wall clock, in milliseconds. */
export function desiredPodStatus(pod: Pod, view: GuestView, now: number): NonNullable<Pod['status']> {
  const { phase, addresses, hostIPs } = view;
  const { reason: _, message: __, ...old } = pod.status ?? {};
  const ready = readyCondition(view);
  const running = phase.kind === 'running';
  const fresh: Condition[] = [
    { type: 'PodScheduled', status: 'True' },
    { type: 'Initialized', status: 'True' },
    { ...ready, type: 'ContainersReady' },
    ready,
  ];
  const [podIP] = addresses;
  const [hostIP] = hostIPs;
  // An ended pod keeps its addresses, as a kubelet leaves them.
  const placed = running || phase.kind === 'ended';
  return {
    ...old,
    phase: phase.kind === 'ended' ? phase.outcome : running ? 'Running' : 'Pending',
    conditions: withConditions(old.conditions, fresh, now),
    ...(hostIP === undefined ? {} : { hostIP, hostIPs: hostIPs.map((ip) => ({ ip })) }),
    ...(placed && podIP !== undefined ? { podIP, podIPs: addresses.map((ip) => ({ ip })) } : {}),
    containerStatuses: [containerStatus(pod, view)],
    startTime: old.startTime ?? printTime(now),
    ...(phase.kind === 'blocked' || phase.kind === 'ended' ? { reason: phase.reason, message: phase.message } : {}),
  };
}

/** The guest as the pod's container, for those who count ready containers. */
function containerStatus(pod: Pod, { phase, readiness }: GuestView): ContainerStatus {
  const running = phase.kind === 'running';
  const common = { name: pod.spec?.containers?.[0]?.name ?? 'compute', image: '', imageID: '', restartCount: 0 };
  return { ...common, started: running, ready: running && readiness.ready, state: containerState(phase) };
}

function containerState(phase: GuestPhase): ContainerState {
  switch (phase.kind) {
    case 'running':
      return { running: { startedAt: printTime(phase.startedAt) } };
    case 'ended':
      return { terminated: { exitCode: phase.outcome === 'Succeeded' ? 0 : 1, reason: phase.reason } };
    case 'blocked':
      return { waiting: { reason: phase.reason, message: phase.message } };
    case 'starting':
      return { waiting: { reason: 'GuestStarting' } };
  }
}

/** The instance's new status. Phases before Running are the controller's. */
export function desiredInstanceStatus(
  vmi: VirtualMachineInstance,
  view: GuestView,
  now: number,
): NonNullable<VirtualMachineInstance['status']> {
  const { phase, addresses, mac, interfaceName, nodeName } = view;
  const old = vmi.status ?? {};
  const next = phase.kind === 'ended' ? phase.outcome : phase.kind === 'running' ? 'Running' : old.phase;
  const fresh: Condition[] = [
    readyCondition(view),
    {
      type: 'LiveMigratable',
      status: 'False',
      reason: 'NotSupported',
      message: 'guests stay on the node that they were started on',
    },
  ];
  const [ipAddress] = addresses;
  const card = { name: interfaceName, interfaceName: 'eth0', mac, ipAddresses: addresses, infoSource: 'domain' };
  return {
    ...old,
    ...(next === undefined ? {} : { phase: next }),
    nodeName,
    conditions: withConditions(old.conditions, fresh, now),
    ...(phase.kind === 'running' ? { interfaces: [ipAddress === undefined ? card : { ...card, ipAddress }] } : {}),
    ...(next === undefined || next === old.phase
      ? {}
      : {
          phaseTransitionTimestamps: [
            ...(old.phaseTransitionTimestamps ?? []),
            { phase: next, phaseTransitionTimestamp: printTime(now) },
          ],
        }),
  };
}

function readyCondition(view: GuestView): Condition {
  const { phase, readiness, consoleLines } = view;
  const no = (reason: string, message: string): Condition => ({ type: 'Ready', status: 'False', reason, message });
  switch (phase.kind) {
    case 'blocked':
    case 'ended':
      return no(phase.reason, phase.message);
    case 'starting':
      return no('GuestNotRunning', 'the guest is being started');
    case 'running': {
      if (readiness.ready) return { type: 'Ready', status: 'True' };
      const console = readiness.late && consoleLines.length > 0 ? ` (console: ${consoleLines.join(' | ')})` : '';
      return no('GuestNotReady', `the guest runs and its readiness probe fails: ${readiness.why}${console}`);
    }
  }
}
