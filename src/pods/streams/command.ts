/**
 * `exec` and `attach` for clients that speak WebSocket: its channels are joined to the streams of a SPDY session with the runtime, one
 * to one. SPDY, because standard input can be ended there while the command goes on.
 */
import type { WebSocket } from 'ws';
import { SpdySession, type SpdyStream } from '../../host/spdy/session.ts';
import { seconds } from '../../lib/duration.ts';
import { CHANNEL, type ChannelProtocol, printMessage, readMessage } from './channels.ts';
import type { CommandStreams } from './request.ts';
import { openRuntimeStream } from './runtime-stream.ts';
import { sendMessage } from './websocket.ts';

/** What the runtime's streaming server calls the protocol whose error stream holds a Status. */
const RUNTIME_PROTOCOL = 'v4.channel.k8s.io';

/** How long a command that has closed its outputs gets to end before it is given more input. */
const HOLD = seconds(1);

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
  const end = () => session.destroy();
  signal.addEventListener('abort', end, { once: true });
  void session.closed.then(() => signal.removeEventListener('abort', end));
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
  // Nothing is read back from these, and their end is to be noticed.
  for (const stream of [stdin, command.resize]) stream?.resume();
  // Nothing is written to these. It is said now: at the end the runtime may have closed the connection, and a word to it then would
  // cost what it said last.
  for (const stream of [error, stdout, stderr]) stream?.end();
  client.on('message', (data: Buffer) => takeMessage(client, command, readMessage(data, protocol)));
  // As Kubernetes does: tells the client that all is set up.
  await sendMessage(client, printMessage(CHANNEL.stdout, Buffer.alloc(0)));
  const outputs = [pass(client, CHANNEL.stdout, stdout), pass(client, CHANNEL.stderr, stderr)];
  void Promise.all(outputs).then(() => holdInput(client, command));
  const [status] = await Promise.all([pass(client, CHANNEL.error, error), ...outputs]);
  if (status === 0) await sendMessage(client, printMessage(CHANNEL.error, Buffer.from(JSON.stringify(LOST))));
  // What is still on its way to the command has nowhere to go, and must not keep the client's answer from being read.
  session.destroy();
  client.resume();
  client.close(1000);
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

/**
 * A command that has closed its outputs has most likely ended, and the runtime is about to say how and to close the connection. What is
 * written to it then would reset the connection, and could cost those last words.
 */
function holdInput(client: WebSocket, { stdin, stdout, session }: Command): void {
  if (stdin === undefined || stdout === undefined) return;
  client.pause();
  const timer = setTimeout(() => client.resume(), HOLD);
  void session.closed.then(() => clearTimeout(timer));
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
