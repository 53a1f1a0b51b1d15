/**
 * Where agents of nodes are asked for logs, commands and ports of pods: they open the connections to the API server. Ours; Kubernetes
 * connects to nodes instead.
 */

/** What is spoken on a connection that an agent has opened: HTTP/1.1, in which the agent is the server. */
export const NODE_STREAM_PROTOCOL = 'postern-stream';

/** Path of the request that an agent keeps open; with an id, that of a connection that it was asked for. */
export function nodeStreamsPath(node: string, id?: string): string {
  const path = `/apis/postern.dev/v1/nodes/${encodeURIComponent(node)}/streams`;
  return id === undefined ? path : `${path}/${encodeURIComponent(id)}`;
}
