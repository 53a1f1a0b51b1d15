/** Work that one process of several does, while the others are ready for it. */

import { printTerm, TERM_HEADER } from '../api/coordination/v1/term.ts';
import { systemClock } from '../host/clock.ts';
import { aborted } from '../lib/abort.ts';
import type { Client } from './client.ts';
import { failureFields } from './expected.ts';
import { type ElectionOptions, LeaderElection, type Term } from './leader-election.ts';
import { leadingClient } from './leading-client.ts';

/** Does the work of a term, until the signal is aborted. Resolves when it has begun. */
export type Work = (signal: AbortSignal) => Promise<void>;

export interface ElectedOptions extends ElectionOptions {
  /** A client of its own for each time that the work is got ready for, which sends these headers. */
  readonly connect: (headers: () => Readonly<Record<string, string>>) => Client & { close(): void };
  /**
   * Reads what the work needs, and follows it until the signal is aborted. The client refuses to write before there is a term
   * and after it.
   */
  readonly prepare: (client: Client, signal: AbortSignal) => Promise<Work>;
  /** Called once, when this process is ready to lead for the first time. */
  readonly ready: () => void;
  /** Is told of the election before it begins: for metrics. */
  readonly onElection?: (election: LeaderElection) => void;
}

/**
 * Takes part until the signal is aborted. Whoever loses the lead throws away all that he knows and has under way, and gets ready
 * anew. What fails in getting ready for the first time is thrown; later it is tried again.
 */
export async function runElected(options: ElectedOptions, signal: AbortSignal): Promise<void> {
  const election = new LeaderElection(options);
  options.onElection?.(election);
  election.start(signal);
  const { log, timing, lease, clock = systemClock } = options;
  let isReady = false;
  const ready = () => {
    if (!isReady) options.ready();
    isReady = true;
  };
  while (!signal.aborted) {
    try {
      await oneLife(options, election, ready, signal);
    } catch (err) {
      if (!isReady) throw err;
      log.error({ ...failureFields(err), lease: lease.name }, 'cannot get ready to lead; trying again');
      await clock.sleep(timing.retryPeriod, signal).catch(() => {}); // The signal is looked at.
    }
  }
}

async function oneLife(
  { connect, prepare, lease }: ElectedOptions,
  election: LeaderElection,
  ready: () => void,
  signal: AbortSignal,
): Promise<void> {
  let term: Term | undefined;
  const client = connect(() => (term === undefined ? {} : { [TERM_HEADER]: printTerm({ lease, id: term.id }) }));
  const life = new AbortController();
  const either = AbortSignal.any([signal, life.signal]);
  try {
    const work = await prepare(
      leadingClient(client, () => term),
      either,
    );
    if (signal.aborted) return;
    ready();
    term = await election.next(signal);
    const ended = AbortSignal.any([signal, term.signal]);
    await work(ended);
    await aborted(ended);
  } catch (error) {
    // Asked to stop, in the middle of anything.
    if (!signal.aborted) throw error;
  } finally {
    life.abort();
    // What is still on its way ends here.
    client.close();
    await term?.end();
  }
}
