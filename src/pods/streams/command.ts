/**
 * `exec` and `attach` for clients that speak WebSocket: its channels are joined to the streams of a SPDY session with the runtime, one
 * to one. SPDY, because standard input can be ended there while the command goes on.
 */
import type { WebSocket } from 'ws';
import { SpdySession, type SpdyStream } from '../../host/spdy/session.ts';
import { CHANNEL, type ChannelProtocol, printMessage, readMessage } from './channels.ts';
import type { CommandStreams } from './request.ts';
import { openRuntimeStream } from './runtime-stream.ts';
import { sendMessage } from './websocket.ts';

/** What the runtime's streaming server calls the protocol whose error stream holds a Status. */
const RUNTIME_PROTOCOL = 'v4.channel.k8s.io';

/** The streams of a command that runs, or is about to. */
export interface Command {
  readonly session: SpdySession;
  readonly error: SpdyStream;
  readonly stdin: SpdyStream | undefined;
  readonly stdout: SpdyStream | undefined;
  readonly stderr: SpdyStream | undefined;
  readonly resize: SpdyStream | undefined;
}

/** Opens the streams at the runtime, which begins when it has them all. Throws an ApiError, or a SpdyError. */
export async function openCommand(url: string, asked: CommandStreams, signal: AbortSignal): Promise<Command> {
  const { socket } = await openRuntimeStream(url, RUNTIME_PROTOCOL, signal);
  const session = new SpdySession(socket, { role: 'client' });
  const open = (wanted: boolean, streamtype: string) => (wanted ? session.open({ streamtype }) : undefined);
  try {
    const [error, stdin, stdout, stderr, resize] = await Promise.all([
      session.open({ streamtype: 'error' }),
      open(asked.stdin, 'stdin'),
      open(asked.stdout, 'stdout'),
      open(asked.stderr, 'stderr'),
      open(asked.tty, 'resize'),
    ]);
    return { session, error, stdin, stdout, stderr, resize };
  } catch (error) {
    session.destroy();
    throw error;
  }
}

/** Joins a client to a command, until the command has ended or the client has gone. */
export async function joinCommand(client: WebSocket, command: Command, protocol: ChannelProtocol): Promise<void> {
  const { session, error, stdout, stderr, stdin } = command;
  client.once('close', () => session.destroy());
  // Nothing is read back from them, and their end is to be noticed.
  for (const stream of [stdin, command.resize]) stream?.resume();
  client.on('message', (data: Buffer) => takeMessage(client, command, readMessage(data, protocol)));
  // As Kubernetes does: tells the client that all is set up.
  await sendMessage(client, printMessage(CHANNEL.stdout, Buffer.alloc(0)));
  const [status] = await Promise.all([
    pass(client, CHANNEL.error, error),
    pass(client, CHANNEL.stdout, stdout),
    pass(client, CHANNEL.stderr, stderr),
  ]);
  if (status === 0) await sendMessage(client, printMessage(CHANNEL.error, Buffer.from(JSON.stringify(LOST))));
  client.close(1000);
  session.close();
}

const LOST = {
  metadata: {},
  status: 'Failure',
  reason: 'InternalError',
  message: 'the container runtime ended the connection without saying how the command ended',
  code: 500,
};

function takeMessage(client: WebSocket, { stdin, resize }: Command, message: ReturnType<typeof readMessage>): void {
  switch (message.kind) {
    case 'stdin':
      // A command that has closed its input, or ended, takes no more.
      if (stdin === undefined || !stdin.writable || stdin.write(message.bytes)) return;
      client.pause();
      stdin.once('drain', () => client.resume()).once('close', () => client.resume());
      return;
    case 'stdin-end':
      stdin?.end();
      return;
    case 'resize':
      if (resize?.writable) resize.write(message.bytes);
      return;
    case 'other':
      return;
  }
}

/** Sends what a stream says until it ends, and no faster than the client takes it. Resolves to how many bytes those were. */
async function pass(client: WebSocket, channel: number, stream: SpdyStream | undefined): Promise<number> {
  let size = 0;
  try {
    for await (const chunk of stream ?? []) {
      size += (chunk as Buffer).length;
      await sendMessage(client, printMessage(channel, chunk as Buffer));
    }
  } catch {
    // The runtime or the client has gone: what there was has been sent.
  }
  return size;
}
