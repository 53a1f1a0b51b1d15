/** The loop of a controller: take a key, bring the world in line with it, retry with back-off when that fails. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Logger } from '../host/log.ts';
import { failureFields, isExpected } from './expected.ts';
import type { WorkQueue } from './work-queue.ts';

export interface ControllerOptions {
  /** Names the controller in logs. */
  readonly name: string;
  readonly queue: WorkQueue;
  /** Level-triggered: is told which key changed, never how. Throws to be called again after a back-off. */
  readonly reconcile: (key: string) => Promise<void>;
  /** Keys worked on at the same time. Default: 4. */
  readonly workers?: number;
  readonly log: Logger;
}

/**
 * Milliseconds after which others get their turn. Keys for which there is nothing to do are done without one: ten thousand of them, as when a
 * controller starts, would hold up all else.
 */
const SLICE = 2;

/** Works until the signal is aborted; resolves when the last piece of work has ended. The queue is closed then. */
export async function runController(options: ControllerOptions, signal: AbortSignal): Promise<void> {
  const { queue, workers = 4 } = options;
  const close = () => queue.close();
  if (signal.aborted) close();
  else signal.addEventListener('abort', close, { once: true });
  await Promise.all(Array.from({ length: workers }, () => work(options, signal)));
}

async function work({ name, queue, reconcile, log }: ControllerOptions, signal: AbortSignal): Promise<void> {
  let turn = performance.now();
  for (;;) {
    const isIdle = queue.length === 0;
    const key = await queue.take();
    if (key === undefined) return;
    if (isIdle) turn = performance.now();
    else if (performance.now() - turn > SLICE) {
      await nextTurn();
      turn = performance.now();
    }
    try {
      await reconcile(key);
      queue.forget(key);
    } catch (err) {
      if (signal.aborted) return;
      if (isExpected(err)) log.debug({ controller: name, key, ...failureFields(err) }, 'reconcile will be tried again');
      else {
        const failures = queue.failures(key) + 1;
        log.warn({ controller: name, key, ...failureFields(err), failures }, 'reconcile failed; will retry');
      }
      queue.addRateLimited(key);
    } finally {
      queue.done(key);
    }
  }
}
