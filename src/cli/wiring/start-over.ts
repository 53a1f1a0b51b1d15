/** A node whose addresses change starts over in place: every part is told of them anew, and guests never notice. */
import { networkInterfaces } from 'node:os';
import { systemClock } from '../../host/clock.ts';
import { openLinkWatch } from '../../host/link-watch.ts';
import type { Logger } from '../../host/log.ts';
import { UserError } from '../errors.ts';
import type { NodeInterface } from './node-addresses.ts';
import { type Surroundings, untilReaddressed } from './own-addresses.ts';
import { thisNodeInterface } from './this-node.ts';

/** The reason of a signal by which an agent ends to begin again at once: what runs on the machine stays as it is. */
export class StartOver extends Error {}

export interface Place {
  /** What the parts were told. */
  readonly lan: NodeInterface;
  /** As asked for; undefined: that of the default route. */
  readonly interface: string | undefined;
  readonly log: Logger;
}

/**
 * Runs with a signal that is aborted with the other, or when the addresses have changed: then this process, once that run has ended,
 * becomes a new one of the same program with the same arguments.
 */
export async function whileAddressed(
  { lan, interface: asked, log }: Place,
  signal: AbortSignal,
  run: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const over = new AbortController();
  const ended = new AbortController();
  const watching = AbortSignal.any([signal, ended.signal]);
  const watched = openLinkWatch(log, watching).then(async (links) => {
    const look = () => lookAround(asked);
    const found = await untilReaddressed({ current: lan, look, links, clock: systemClock, log }, watching);
    if (found === undefined) return;
    log.warn({ before: lan, now: found }, 'the addresses of this node have changed: the agent starts over');
    over.abort(new StartOver('the addresses of this node have changed'));
  });
  watched.catch((err: unknown) => {
    if (!watching.aborted) log.error({ err }, 'changes of the addresses of this node are not noticed any more');
  });
  try {
    await run(AbortSignal.any([signal, over.signal]));
  } finally {
    ended.abort();
  }
  if (over.signal.aborted && !signal.aborted) beginAgain();
}

async function lookAround(asked: string | undefined): Promise<Surroundings | undefined> {
  try {
    const chosen = await thisNodeInterface(asked);
    return { chosen, present: (networkInterfaces()[chosen.name] ?? []).map(({ address }) => address) };
  } catch (error) {
    // No interface has an address at the moment.
    if (error instanceof UserError) return undefined;
    throw error;
  }
}

/** Does not return. The process stays who it is to its parent and its children, and keeps its rights and its environment. */
function beginAgain(): void {
  const argv = [process.execPath, ...process.execArgv, ...process.argv.slice(1)];
  if (process.execve === undefined) throw new UserError('this Node.js cannot start over in place', 'Use Node.js 24.');
  process.execve(process.execPath, argv, process.env);
}
