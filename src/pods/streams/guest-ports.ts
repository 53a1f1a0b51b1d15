/**
 * Ports of a virtual machine: no runtime serves these, so the session ends here, and connections are made to the guest's address. A
 * forwarded connection is two streams of one request: `data`, and `error` for why it could not be made.
 */
import { connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { SpdySession, type SpdyStream } from '../../host/spdy/session.ts';
import { seconds } from '../../lib/duration.ts';
import { messageOf } from '../../lib/errors.ts';

/** How long a guest may take to answer. */
const CONNECT_LIMIT = seconds(10);

/** Serves a client's session on a connection until it ends. `addresses` of the guest are tried one after the other. */
export async function serveGuestPorts(connection: Duplex, addresses: readonly string[]): Promise<void> {
  /** Streams whose other one has not come, by request. */
  const halves = new Map<string, SpdyStream>();
  const session = new SpdySession(connection, {
    role: 'server',
    onStream: (stream) => {
      const { requestid = '', streamtype } = stream.headers;
      const other = halves.get(requestid);
      if (other === undefined || other.headers['streamtype'] === streamtype) {
        halves.set(requestid, stream);
        stream.once('close', () => halves.get(requestid) === stream && halves.delete(requestid));
        return;
      }
      halves.delete(requestid);
      const [data, error] = streamtype === 'data' ? [stream, other] : [other, stream];
      void forward(data, error, addresses);
    },
  });
  await session.closed;
}

async function forward(data: SpdyStream, error: SpdyStream, addresses: readonly string[]): Promise<void> {
  const port = Number(data.headers['port']);
  // Nothing is said on it by the client.
  error.resume();
  try {
    const socket = await reach(addresses, port);
    error.end();
    // One direction may end long before the other.
    await Promise.all([pipeline(data, socket), pipeline(socket, data)]);
  } catch (cause) {
    const why = messageOf(cause);
    if (error.writable) error.end(`error forwarding port ${port} to the virtual machine: ${why}`);
    data.destroy();
  }
}

/** A connection to the first address that takes one. Rejects with the failure of the last. */
async function reach(addresses: readonly string[], port: number): Promise<Socket> {
  if (!Number.isInteger(port) || port < 1 || port > 65535) throw new Error('a port is a number from 1 to 65535');
  let failure: unknown = new Error('it has no address yet');
  for (const host of addresses) {
    try {
      return await connectTo(host, port);
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}

function connectTo(host: string, port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, allowHalfOpen: true });
    socket.setTimeout(CONNECT_LIMIT, () => socket.destroy(new Error(`no answer within ${CONNECT_LIMIT / 1000} s`)));
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.setTimeout(0);
      socket.off('error', reject);
      resolve(socket);
    });
  });
}
