/** Tells when firewalld, or its administrator, may have taken away what is ours. */
import type { Clock } from '../../host/clock.ts';
import type { Logger } from '../../host/log.ts';
import { FirewallError } from '../backend.ts';
import type { FirewallD1 } from './firewall-d1.ts';
import { isOurs } from './rules.ts';
import { happening } from './signals.ts';

export interface Watch {
  readonly connect: () => Promise<FirewallD1>;
  /** Whether a rule that was removed from a zone is one that should be there. */
  readonly isMissed: (zone: string, rule: string) => boolean;
  readonly changed: () => void;
  /** Called when the administrator may admit others than before. */
  readonly admitsOtherwise: () => void;
  readonly log: Logger;
  readonly clock: Clock;
}

/** Milliseconds between attempts to reach a bus that is away: the first and the longest. */
const RETRY = { first: 500, longest: 30_000 };

/** Follows firewalld's signals on a connection of its own, and comes back when the bus went away, until the signal is aborted. */
export function watchFirewalld(watch: Watch, signal: AbortSignal): void {
  follow(watch, signal).catch((error: unknown) => {
    if (!signal.aborted) watch.log.error({ err: error }, 'firewalld is not watched any more');
  });
}

async function follow(watch: Watch, signal: AbortSignal): Promise<void> {
  let pause = RETRY.first;
  let wasAway = false;
  while (!signal.aborted) {
    try {
      await followOnce(watch, wasAway, signal, () => {
        pause = RETRY.first;
      });
    } catch (error) {
      if (!(error instanceof FirewallError)) throw error;
      if (!signal.aborted) watch.log.warn({ err: error, retryInMs: pause }, 'firewalld cannot be watched');
    }
    wasAway = true;
    await watch.clock.sleep(pause, signal);
    pause = Math.min(pause * 2, RETRY.longest);
  }
}

/** Until the connection is lost, or the signal is aborted. Calls `began` once signals are heard. */
async function followOnce(watch: Watch, wasAway: boolean, signal: AbortSignal, began: () => void): Promise<void> {
  const firewalld = await watch.connect();
  const { bus } = firewalld;
  const close = () => bus.close();
  signal.addEventListener('abort', close, { once: true });
  try {
    bus.onSignal((message) => {
      const what = happening(message);
      if (what === undefined || what === 'went') return;
      if (what === 'admits-otherwise') watch.admitsOtherwise();
      else if (typeof what === 'string' || watch.isMissed(what.zone, what.rule)) watch.changed();
      else if (!isOurs(what.rule)) watch.admitsOtherwise();
    });
    await firewalld.subscribe();
    // While nobody listened, anything may have become of it.
    if (wasAway && (await firewalld.runs())) watch.changed();
    else watch.admitsOtherwise();
    began();
    if (signal.aborted) close();
    if (!bus.lost.aborted) await new Promise((resolve) => bus.lost.addEventListener('abort', resolve, { once: true }));
    if (!signal.aborted) throw bus.lost.reason;
  } finally {
    signal.removeEventListener('abort', close);
    close();
  }
}
