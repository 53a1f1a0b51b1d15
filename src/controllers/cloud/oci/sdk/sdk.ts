/** What we ask of OCI, through Oracle's own SDK, which has a thread of its own: it is large, and slow to load. */
import { type Clock, systemClock } from '../../../../host/clock.ts';
import type { Logger } from '../../../../host/log.ts';
import { seconds } from '../../../../lib/duration.ts';
import type { OciCalls, OciError } from '../calls.ts';
import type { OciConfig } from '../config.ts';
import { Gate } from './gate.ts';
import type { ThreadCredentials, ThreadData } from './messages.ts';
import { callsThrough, type Effect, type Operation } from './operations.ts';
import { SdkThread, type StartThread, startWorker } from './thread.ts';

export interface OciCallsOptions {
  readonly log: Logger;
  readonly clock?: Clock;
  /** How long a call may take from being sent to its answer, in milliseconds; other than ours in tests. */
  readonly limits?: Readonly<Record<Effect, number>>;
  /** Other than a real one in tests. */
  readonly startThread?: StartThread;
}

const LIMITS: Readonly<Record<Effect, number>> = { read: seconds(30), write: seconds(60) };
/** Calls under way at once. */
const CONCURRENCY: Readonly<Record<Effect, number>> = { read: 8, write: 4 };
/** Of each effect: a minute of them at the rate that is usual. */
const WAITING = 1200;

/**
 * Calls that go to OCI until the signal is aborted, and fail then. Nothing is asked a second time but a read whose connection broke:
 * who calls has the one back-off. Resolves when the SDK is loaded, half a second later: a process that gives up its right to read
 * files does so after that.
 */
export async function startOciCalls(
  config: OciConfig,
  { log, clock = systemClock, limits = LIMITS, startThread = startWorker }: OciCallsOptions,
  signal: AbortSignal,
): Promise<OciCalls> {
  const thread = new SdkThread({ data: threadData(config), clock, log, startThread });
  const gate = (effect: Effect) =>
    new Gate({ clock, rate: config.rateLimits?.[effect], concurrency: CONCURRENCY[effect], waiting: WAITING }, signal);
  const gates: Readonly<Record<Effect, Gate>> = { read: gate('read'), write: gate('write') };
  await thread.start(signal);
  return callsThrough(({ service, name: operation, effect }: Operation, request: unknown) =>
    gates[effect].pass(() => {
      const answer = thread.call({ service, operation, request, limit: limits[effect] });
      return logged(answer, { service, operation }, { log, clock });
    }),
  );
}

/** What was asked is told without what was asked for, which is the caller's to tell. */
async function logged<T>(
  answer: Promise<T>,
  call: { readonly service: string; readonly operation: string },
  { log, clock }: { readonly log: Logger; readonly clock: Clock },
): Promise<T> {
  const began = clock.steady();
  try {
    const response = await answer;
    log.debug({ ...call, ms: clock.steady() - began }, 'OCI has answered');
    return response;
  } catch (error) {
    const { status, code, requestId } = error as OciError;
    log.debug({ ...call, ms: clock.steady() - began, status, code, requestId }, 'OCI has refused, or not answered');
    throw error;
  }
}

function threadData({ credentials, region, endpoints, ca }: OciConfig): ThreadData {
  return { credentials: revealed(credentials), region, endpoints, ca };
}

function revealed(credentials: OciConfig['credentials']): ThreadCredentials {
  if (credentials.kind === 'instance-principal') return credentials;
  return { ...credentials, privateKey: credentials.privateKey.reveal() };
}
