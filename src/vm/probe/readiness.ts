/**
 * Whether a guest is ready, from its readiness probe. The probe is tried at every address of the guest, so that no address
 * is announced that does not work.
 */
import type { Probe } from '../../api/kubevirt/v1/instance-spec.ts';
import type { Clock } from '../../host/clock.ts';
import { type Attempt, type AttemptResult, type ProbeTarget, probeTarget } from './attempt.ts';

/** How long and how often (milliseconds) a guest is tried after its start, so that booting is what takes the time. */
const EAGER_FOR = 30_000;
const EAGER_INTERVAL = 100;
/** A packet to a guest that is not up yet is lost; trying again beats waiting for the kernel's retransmission. */
const EAGER_TIMEOUT = 300;

export interface Readiness {
  readonly ready: boolean;
  /** Why not, for people; '' when ready. */
  readonly why: string;
  /** Not ready for longer than a boot takes. */
  readonly late: boolean;
}

export interface ReadinessOptions {
  readonly probe: Probe | undefined;
  readonly addresses: readonly string[];
  /** Wall clock at which the guest started, in milliseconds. */
  readonly startedAt: number;
  /** What was found last by an earlier run of this program; false for a guest that has just been started. */
  readonly wasReady: boolean;
  readonly clock: Clock;
  readonly attempt: Attempt;
  /** Called when the answer changes. */
  readonly onChange: (readiness: Readiness) => void;
}

/** Tries until the signal is aborted. Without a probe a running guest is ready, as in KubeVirt. */
export async function watchReadiness(options: ReadinessOptions, signal: AbortSignal): Promise<void> {
  const { probe, clock, startedAt, wasReady, onChange } = options;
  const target = probe && probeTarget(probe);
  if (probe === undefined || target === undefined) {
    onChange({ ready: true, why: '', late: false });
    return;
  }
  await sleep(clock, (probe.initialDelaySeconds ?? 0) * 1000 - (clock.now() - startedAt), signal);
  const why = wasReady ? '' : 'waiting for its first answer';
  let state: ProbeState = { readiness: { ready: wasReady, why, late: false }, inRow: 0 };
  onChange(state.readiness);
  while (!signal.aborted) {
    const eager = !state.readiness.ready && clock.now() - startedAt < EAGER_FOR;
    const timeout = eager ? EAGER_TIMEOUT : (probe.timeoutSeconds ?? 1) * 1000;
    const failures = await tryAll(options, target, timeout);
    if (signal.aborted) return;
    const next = nextState(state, failures, probe, clock.now() - startedAt >= EAGER_FOR);
    if (changed(state.readiness, next.readiness)) onChange(next.readiness);
    state = next;
    await sleep(clock, eager && failures.length > 0 ? EAGER_INTERVAL : (probe.periodSeconds ?? 10) * 1000, signal);
  }
}

/** The answer so far, and how many tries in a row spoke against it. */
export interface ProbeState {
  readonly readiness: Readiness;
  readonly inRow: number;
}

/** What one round of tries makes of the answer so far; `failures` is empty when every address answered. */
export function nextState(
  state: ProbeState,
  failures: readonly string[],
  thresholds: Pick<Probe, 'successThreshold' | 'failureThreshold'>,
  late: boolean,
): ProbeState {
  const { ready } = state.readiness;
  const answered = failures.length === 0;
  if (answered === ready) {
    return { readiness: ready ? state.readiness : { ready, why: failures.join('; '), late }, inRow: 0 };
  }
  const inRow = state.inRow + 1;
  const needed = answered ? (thresholds.successThreshold ?? 1) : (thresholds.failureThreshold ?? 3);
  if (inRow < needed) return { readiness: state.readiness, inRow };
  return { readiness: { ready: answered, why: failures.join('; '), late: !answered }, inRow: 0 };
}

/** While a guest boots its errors change with every try, which nobody needs to hear. */
function changed(before: Readiness, after: Readiness): boolean {
  return before.ready !== after.ready || before.late !== after.late || (after.late && before.why !== after.why);
}

async function tryAll(
  { addresses, attempt }: ReadinessOptions,
  target: ProbeTarget,
  timeout: number,
): Promise<readonly string[]> {
  const results = await Promise.all(addresses.map((address) => attempt(target, address, timeout)));
  return results.flatMap((result: AttemptResult, i) => {
    const address = addresses[i] ?? '';
    const host = address.includes(':') ? `[${address}]` : address;
    return result.ok ? [] : [`${host}:${target.port}: ${result.why}`];
  });
}

/** Ends early, and quietly, when the signal is aborted. */
async function sleep(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  if (ms > 0) await clock.sleep(ms, signal).catch(() => undefined);
}
