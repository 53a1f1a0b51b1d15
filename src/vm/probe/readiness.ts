/**
 * Whether a guest is ready, from its readiness probe. The probe is tried at every address of the guest, so that no address
 * is announced that does not work.
 */
import type { Probe } from '../../api/kubevirt/v1/instance-spec.ts';
import type { Clock } from '../../host/clock.ts';
import { type Attempt, type AttemptResult, type ProbeTarget, probeTarget } from './attempt.ts';

/** Milliseconds after which a guest that never answered is late: a boot takes less. */
const LATE_AFTER = 30_000;
/**
 * While a guest has not answered yet it is tried often, so that booting is what takes the time: the first pause
 * (milliseconds), which grows with the guest's age up to the probe's period.
 */
const EAGER_INTERVAL = 100;
const EAGER_INTERVAL_SHARE = 1 / 20;
/**
 * A packet to a guest that is not up yet is lost, and trying again beats waiting for the kernel's retransmission; but a
 * slow machine's guest needs time to answer: grows with its age, too, up to the probe's own timeout.
 */
const EAGER_TIMEOUT = 300;
const EAGER_TIMEOUT_SHARE = 1 / 10;

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
    const age = clock.now() - startedAt;
    const { timeout, interval } = state.readiness.ready ? usualPace(probe) : eagerPace(probe, age);
    const failures = await tryAll(options, target, timeout);
    if (signal.aborted) return;
    const next = nextState(state, failures, probe, age >= LATE_AFTER);
    if (changed(state.readiness, next.readiness)) onChange(next.readiness);
    state = next;
    await sleep(clock, failures.length > 0 ? interval : usualPace(probe).interval, signal);
  }
}

/** How long a try may take and how long to wait until the next, in milliseconds. */
interface Pace {
  readonly timeout: number;
  readonly interval: number;
}

function usualPace(probe: Probe): Pace {
  return { timeout: (probe.timeoutSeconds ?? 1) * 1000, interval: (probe.periodSeconds ?? 10) * 1000 };
}

function eagerPace(probe: Probe, age: number): Pace {
  const usual = usualPace(probe);
  return {
    timeout: Math.min(usual.timeout, Math.max(EAGER_TIMEOUT, age * EAGER_TIMEOUT_SHARE)),
    interval: Math.min(usual.interval, Math.max(EAGER_INTERVAL, age * EAGER_INTERVAL_SHARE)),
  };
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
