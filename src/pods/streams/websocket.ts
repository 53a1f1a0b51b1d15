/** WebSockets of clients, with messages of bounded size. */
import type { WebSocket } from 'ws';
import type { UpgradeRequest } from './server.ts';

/** Longest message that is taken. kubectl's are of 32 KiB. */
const MESSAGE_LIMIT = 4 * 1024 * 1024;

/** Changes the connection to a WebSocket that speaks `protocol`. Resolves to undefined when the client's request was none. */
export async function acceptWebSocket(
  { request, socket, head }: UpgradeRequest,
  protocol: string,
): Promise<WebSocket | undefined> {
  // Loaded late: most agents never serve one.
  const { WebSocketServer } = await import('ws');
  const server = new WebSocketServer({ noServer: true, perMessageDeflate: false, maxPayload: MESSAGE_LIMIT });
  // Protocols are chosen here: `SPDY/3.1+portforward.k8s.io`, with its slash, is none by RFC 6455, and is refused by the library.
  const { 'sec-websocket-protocol': _, ...headers } = request.headers;
  request.headers = headers;
  server.on('headers', (lines) => lines.push(`Sec-WebSocket-Protocol: ${protocol}`));
  return await new Promise((resolve) => {
    // A request that is no WebSocket's has been answered, and its connection is closed.
    socket.once('close', () => resolve(undefined));
    server.handleUpgrade(request, socket, head, (client) => {
      // What is not as it should be ends the connection, of which the close tells.
      client.on('error', () => client.terminate());
      resolve(client);
    });
  });
}

/** Resolves when the message has left for the client, which is how fast more may be sent; also when the client has gone. */
export function sendMessage(client: WebSocket, message: Buffer): Promise<void> {
  return new Promise((resolve) => client.send(message, () => resolve()));
}
