/**
 * Handlers of a container's life cycle: postStart and preStop.
 * https://kubernetes.io/docs/concepts/containers/container-lifecycle-hooks/
 */
import type { LifecycleHandler } from '../../api/core/v1/pod-spec.ts';
import { type Clock, systemClock } from '../../host/clock.ts';
import { messageOf } from '../../lib/errors.ts';
import type { ContainerRuntime } from '../cri/cri.ts';
import type { LifecycleHooks, RunningContainer } from '../parts.ts';
import { printOutput } from './exec.ts';
import { get, targetOf } from './http.ts';
import { portNumber } from './ports.ts';

export interface HooksOptions {
  readonly runtime: Pick<ContainerRuntime, 'execSync'>;
  readonly clock?: Clock;
}

type Outcome = Awaited<ReturnType<LifecycleHooks['run']>>;

const DONE: Outcome = { kind: 'done' };
/** Milliseconds: whoever runs a handler says by the signal how long it may take; this is for one that says nothing. */
const LONGEST = 24 * 3_600_000;

/** Makes the part that runs postStart and preStop handlers. */
export function newLifecycleHooks({ runtime, clock = systemClock }: HooksOptions): LifecycleHooks {
  return {
    run(handler, running, signal) {
      const { exec, httpGet, sleep } = handler;
      if (exec !== undefined) return runCommand(runtime, exec.command ?? [], running, signal);
      if (httpGet !== undefined) return request(httpGet, running, signal);
      if (sleep !== undefined) return wait(clock, sleep.seconds, running, signal);
      return Promise.resolve({ kind: 'failed', message: 'Cannot run handler: invalid handler' });
    },
  };
}

/** The command itself cannot be called back: with the signal only the waiting for it ends. */
async function runCommand(
  runtime: HooksOptions['runtime'],
  command: readonly string[],
  running: RunningContainer,
  signal: AbortSignal,
): Promise<Outcome> {
  const what = `Exec lifecycle hook ([${command.join(' ')}])`;
  const cancelled = new Promise<'cancelled'>((resolve) => {
    if (signal.aborted) resolve('cancelled');
    else signal.addEventListener('abort', () => resolve('cancelled'), { once: true });
  });
  try {
    const result = await Promise.race([runtime.execSync(running.containerID, command, 0), cancelled]);
    if (result === 'cancelled') return failed(what, running, 'context canceled');
    const { exitCode, stderr, stdout } = result;
    if (exitCode === 0) return DONE;
    const why = `command '${command.join(' ')}' exited with ${exitCode}: ${Buffer.from(stderr)}`;
    return failed(what, running, why, printOutput(stdout, stderr));
  } catch (error) {
    return failed(what, running, messageOf(error), '');
  }
}

/** Whatever is answered, the handler has been told; only no answer is a failure. */
async function request(
  action: NonNullable<LifecycleHandler['httpGet']>,
  running: RunningContainer,
  signal: AbortSignal,
): Promise<Outcome> {
  const what = `HTTP lifecycle hook (${action.path ?? '/'})`;
  const port = portNumber(action.port, running.container);
  if (port === undefined) return failed(what, running, `couldn't find port: ${action.port} in container ports`);
  const answer = await get(targetOf(action, running.podIPs[0] ?? '', port), LONGEST, signal);
  return answer.kind === 'answer' ? DONE : failed(what, running, answer.message);
}

async function wait(clock: Clock, seconds: number, running: RunningContainer, signal: AbortSignal): Promise<Outcome> {
  await clock.sleep(seconds * 1000, signal).catch(() => {}); // The signal is looked at.
  if (!signal.aborted) return DONE;
  const why = 'container terminated before sleep hook finished';
  return failed(`Sleep lifecycle hook (${seconds})`, running, why);
}

function failed(what: string, { container, pod }: RunningContainer, why: string, output?: string): Outcome {
  const { name, namespace, uid } = pod.metadata;
  const about = `for Container "${container.name}" in Pod "${name}_${namespace}(${uid})"`;
  const message = output === undefined ? '' : `, message: ${JSON.stringify(output)}`;
  return { kind: 'failed', message: `${what} ${about} failed - error: ${why}${message}` };
}
