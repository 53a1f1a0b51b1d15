/**
 * The agent's end of the connections over which the API server asks it: one request is kept open, on which the server names
 * connections that it wants, and each of those is opened to the server and handed to whoever serves them. Nothing listens on the node.
 */
import type { Duplex } from 'node:stream';
import { NODE_STREAM_PROTOCOL, nodeStreamsPath } from '../../api/node-streams.ts';
import { isMapping } from '../../api/value.ts';
import { BackOff } from '../../client/back-off.ts';
import type { Endpoint } from '../../client/client.ts';
import { openLines, openUpgraded } from '../../client/upgrade.ts';
import type { Clock } from '../../host/clock.ts';
import type { Logger } from '../../host/log.ts';
import { minutes, seconds } from '../../lib/duration.ts';

/** Waits between attempts to reach the server. */
const FIRST_WAIT = 200;
const LONGEST_WAIT = seconds(10);
/** A server that has been there for this long and goes away is looked for at once. */
const SETTLED = minutes(1);

export interface TunnelOptions {
  /** The API server, with the credentials of now. */
  readonly endpoint: () => Endpoint;
  readonly nodeName: string;
  readonly log: Logger;
  readonly clock: Clock;
  /** Takes a connection, on which the server sends requests. */
  readonly serve: (connection: Duplex) => void;
}

/** Keeps the way to this node open until the signal is aborted. */
export async function keepTunnel(options: TunnelOptions, signal: AbortSignal): Promise<void> {
  const { log, clock, nodeName } = options;
  const backOff = new BackOff({ first: FIRST_WAIT, max: LONGEST_WAIT, jitter: 0.5 });
  while (!signal.aborted) {
    const began = clock.now();
    try {
      await answerRequests(options, signal);
      log.debug({ node: nodeName }, 'the API server ended the stream of requests for connections');
    } catch (err) {
      // Told once: the rest of the agent says as well that the server is away.
      if (!signal.aborted && backOff.failures === 0)
        log.warn(
          { err, node: nodeName, server: options.endpoint().server },
          'cannot be asked for logs and commands of pods',
        );
    }
    if (clock.now() - began > SETTLED) backOff.reset();
    await clock.sleep(backOff.next(), signal).catch(() => {});
  }
}

async function answerRequests(options: TunnelOptions, signal: AbortSignal): Promise<void> {
  const { endpoint, nodeName } = options;
  for await (const line of await openLines(endpoint(), nodeStreamsPath(nodeName), signal)) {
    const id = isMapping(line) && typeof line['id'] === 'string' ? line['id'] : undefined;
    if (id === undefined) continue;
    void openConnection(options, nodeStreamsPath(nodeName, id), signal);
  }
}

async function openConnection(
  { endpoint, log, serve }: TunnelOptions,
  path: string,
  signal: AbortSignal,
): Promise<void> {
  try {
    const connection = await openUpgraded(endpoint(), path, NODE_STREAM_PROTOCOL, signal);
    const end = () => connection.destroy();
    signal.addEventListener('abort', end, { once: true });
    connection.once('close', () => signal.removeEventListener('abort', end));
    // What goes wrong on it is seen by whoever reads or writes it.
    connection.on('error', () => {});
    serve(connection);
  } catch (err) {
    // Whoever asked may have gone meanwhile.
    if (!signal.aborted) log.debug({ err, path }, 'a connection that the API server asked for could not be opened');
  }
}
