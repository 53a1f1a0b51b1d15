/**
 * `exec` and `attach` for clients that speak WebSocket: its channels are joined to the streams of a SPDY session with the runtime, one
 * to one. SPDY, because standard input can be ended there while the command goes on.
 */
import type { WebSocket } from 'ws';
import type { Clock } from '../../host/clock.ts';
import { SpdySession, type SpdyStream } from '../../host/spdy/session.ts';
import { CHANNEL, type ChannelProtocol, printMessage, readMessage } from './channels.ts';
import { CommandInput } from './command-input.ts';
import type { CommandStreams } from './request.ts';
import { openRuntimeStream } from './runtime-stream.ts';
import { sendMessage } from './websocket.ts';

/** What the runtime's streaming server calls the protocol whose error stream holds a Status. */
const RUNTIME_PROTOCOL = 'v4.channel.k8s.io';

/** Longest text about how a command ended. */
const STATUS_LIMIT = 64 * 1024;

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
export async function joinCommand(
  client: WebSocket,
  command: Command,
  protocol: ChannelProtocol,
  clock: Clock,
): Promise<void> {
  const { session, error, stdout, stderr, stdin } = command;
  client.once('close', () => session.destroy());
  // Nothing is read back from these, and their end is to be noticed.
  for (const stream of [stdin, command.resize]) stream?.resume();
  // Nothing is written to these. It is said now: at the end the runtime may have closed the connection, and a word to it then would
  // cost what it said last.
  for (const stream of [error, stdout, stderr]) stream?.end();
  const input = new CommandInput(client, command, clock);
  client.on('message', (data: Buffer) => input.take(readMessage(data, protocol)));
  // As Kubernetes does: tells the client that all is set up.
  await sendMessage(client, printMessage(CHANNEL.stdout, Buffer.alloc(0)));
  const outputs = Promise.all([pass(client, CHANNEL.stdout, stdout), pass(client, CHANNEL.stderr, stderr)]);
  if (stdout !== undefined) void outputs.then(() => input.hold());
  const told = Promise.all([readStatus(error), outputs]).then(([text]) => text);
  const status = await Promise.race([told, input.stuck]);
  await sendMessage(client, printMessage(CHANNEL.error, status ?? LOST));
  // What is still on its way to the command has nowhere to go, and must not keep the client's answer from being read.
  session.destroy();
  input.end();
  client.close(1000);
}

const LOST = Buffer.from(
  JSON.stringify({
    metadata: {},
    status: 'Failure',
    reason: 'InternalError',
    message: 'the container runtime has not said how the command ended',
    code: 500,
  }),
);

/** Sends what a stream says until it ends, and no faster than the client takes it. */
async function pass(client: WebSocket, channel: number, stream: SpdyStream | undefined): Promise<void> {
  try {
    for await (const chunk of stream ?? []) await sendMessage(client, printMessage(channel, chunk as Buffer));
  } catch {
    // The runtime or the client has gone: what there was has been sent.
  }
}

/**
 * How the command ended, in the runtime's own words; undefined when it does not say. Does not wait for the stream to end: where input is left that
 * nobody reads, containerd gets no further than this.
 */
async function readStatus(error: SpdyStream): Promise<Buffer | undefined> {
  let text: Buffer = Buffer.alloc(0);
  try {
    for await (const chunk of error) {
      text = Buffer.concat([text, chunk as Buffer]);
      if (text.length > STATUS_LIMIT || isWhole(text)) break;
    }
  } catch {
    // The runtime has gone: what it has said counts.
  }
  return text.length === 0 ? undefined : text;
}

function isWhole(text: Buffer): boolean {
  try {
    JSON.parse(text.toString());
    return true;
  } catch {
    return false;
  }
}
