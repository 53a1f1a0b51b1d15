/**
 * What agents call so that they can be asked: `GET /apis/postern.dev/v1/nodes/NAME/streams` tells them, a line of JSON each, the ids
 * of connections to open; `…/streams/ID` with `Upgrade: postern-stream` is such a connection.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { NODE_STREAM_PROTOCOL } from '../../api/node-streams.ts';
import { badRequest, failure } from '../../api/status.ts';
import { aborted } from '../../lib/abort.ts';
import { seconds } from '../../lib/duration.ts';
import type { User } from '../auth/authenticate.ts';
import type { TunnelPath } from '../http/route.ts';
import type { Upgrade } from '../http/upgrade.ts';
import type { NodeLinks } from './node-links.ts';

/** Between keep-alives of TCP: an agent whose machine is gone is noticed within half a minute. */
const KEEP_ALIVE = seconds(15);

/** An agent's request, and what serving it needs. */
export interface TunnelExchange {
  readonly links: NodeLinks;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly upgrade: Upgrade | undefined;
  readonly user: User;
  readonly ending: AbortSignal;
}

/** Serves an agent. Resolves when it has gone, or has its connection. Throws an ApiError. */
export async function serveTunnel(exchange: TunnelExchange, { node, id }: TunnelPath): Promise<void> {
  const { request, user } = exchange;
  if (!mayBeAgentOf(user, node)) throw notYours(user, node);
  if (request.method !== 'GET') throw failure(405, 'MethodNotAllowed', 'use GET to open a stream of a node', {});
  if (id === undefined) await serveRequests(exchange, node);
  else giveConnection(exchange, node, id);
}

/** Whoever speaks for a node sees what is typed into its containers: none but the node itself, and who may do everything. */
function mayBeAgentOf({ name, groups }: User, node: string): boolean {
  if (groups.includes('system:masters')) return true;
  return groups.includes('system:nodes') && name === `system:node:${node}`;
}

function notYours(user: User, node: string) {
  return failure(
    403,
    'Forbidden',
    `nodes.postern.dev ${JSON.stringify(node)} is forbidden: User ${JSON.stringify(user.name)} cannot serve the streams of this node: only system:node:${node} can`,
  );
}

async function serveRequests({ links, request, response, ending }: TunnelExchange, node: string): Promise<void> {
  request.socket.setKeepAlive(true, KEEP_ALIVE);
  response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-cache, private' });
  response.flushHeaders();
  const end = () => response.end();
  const leave = links.join(node, { ask: (id) => response.write(`${JSON.stringify({ id })}\n`), replaced: end });
  const gone = new Promise<void>((resolve) => response.once('close', resolve));
  if (!response.destroyed) await Promise.race([gone, aborted(ending)]);
  leave();
  end();
}

function giveConnection({ links, upgrade }: TunnelExchange, node: string, id: string): void {
  if (upgrade?.protocol !== NODE_STREAM_PROTOCOL) {
    throw badRequest(
      `a stream of a node is opened with the headers Connection: Upgrade and Upgrade: ${NODE_STREAM_PROTOCOL}`,
    );
  }
  if (!links.expects(node, id)) {
    throw failure(404, 'NotFound', `nobody waits for this stream of node ${JSON.stringify(node)}`, {});
  }
  const socket: Duplex = upgrade.accept({ upgrade: NODE_STREAM_PROTOCOL });
  links.give(node, id, socket);
}
