/** A node's announcer that runs alone, put together: from which API, for which node. */
import { Node } from '../../api/core/v1/node.ts';
import { isNotFound } from '../../api/status.ts';
import { type Client, type Endpoint, TransportError } from '../../client/client.ts';
import { createClient } from '../../client/http-client.ts';
import { systemClock } from '../../host/clock.ts';
import { createLogger, type Logger } from '../../host/log.ts';
import { aborted, untilAborted } from '../../lib/abort.ts';
import { seconds } from '../../lib/duration.ts';
import type { ListenAddress } from '../../proxy/health/listen.ts';
import type { AnnouncerOptions } from '../announcer-options.ts';
import { UserError } from '../errors.ts';
import { cleanupAnnouncer, startAnnouncer } from './announcer.ts';
import { keepMemorySmall } from './memory.ts';
import { openNftIfAny } from './proxy-modes.ts';

/** An announcer that runs alone, against any Kubernetes API. */
export interface LoneL2Options extends AnnouncerOptions {
  readonly endpoint: Endpoint;
  readonly nodeName: string;
  /** Where it is asked how it is, and for its metrics. */
  readonly serve: readonly ListenAddress[];
  /** What happens to rules that pass on connections which an address left behind: `leave` them until they end, or `end` them. */
  readonly onStop: 'leave' | 'end';
}

/**
 * Runs until the signal is aborted, and then hands over what it announces before it goes silent. `ready` is called once,
 * when everything that the API has said is decided.
 */
export async function runLoneL2(options: LoneL2Options, signal: AbortSignal, ready: () => void): Promise<void> {
  const log = createLogger('l2');
  const runner = await openNftIfAny(log, 'connections do not outlive a planned move of their address');
  const client = createClient(options.endpoint);
  const ending = new AbortController();
  void keepMemorySmall({ log }, ending.signal);
  try {
    await requireNode(client, options.nodeName, log, signal);
    if (signal.aborted) return;
    const announcer = await startAnnouncer(
      { ...options, client, runner, log, setLogLevel: log.setLevel },
      ending.signal,
    );
    await untilAborted(announcer.synced, signal);
    if (!signal.aborted) ready();
    await aborted(signal);
    await announcer.leave();
    ending.abort(signal.reason);
    await announcer.stopped;
  } finally {
    ending.abort(signal.reason);
    if (options.onStop === 'end') await cleanupAnnouncer(runner);
    client.close();
    await runner?.close();
  }
}

/** Between two tries to reach an API that does not answer yet. */
const RETRY = seconds(1);

/** Waits for an API that does not answer: a machine may be up before it. Throws {@link UserError} where it has no such Node. */
async function requireNode(client: Client, name: string, log: Logger, signal: AbortSignal): Promise<void> {
  let isTold = false;
  while (!signal.aborted) {
    try {
      await client.get(Node, { name });
      return;
    } catch (err) {
      if (isNotFound(err)) throw unknownNode(name, err);
      if (!(err instanceof TransportError)) throw err;
      if (!isTold) log.warn({ reason: err.message }, 'the API cannot be reached; waiting for it');
      isTold = true;
      await systemClock.sleep(RETRY, signal).catch(() => {}); // The loop looks at the signal.
    }
  }
}

function unknownNode(name: string, cause: unknown): UserError {
  return new UserError(
    `the server has no Node "${name}"`,
    'Name one of `kubectl get nodes` with --node; by default it is the host name.',
    { cause },
  );
}
