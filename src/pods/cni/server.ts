/** Where the agent is asked by its plugin: a unix socket for root alone. One request per connection, one JSON text each way. */
import { chmod, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import type { Logger } from '../../host/log.ts';
import { seconds } from '../../lib/duration.ts';
import type { RawRequest } from './request.ts';
import type { PluginAnswer } from './result.ts';

/** Answers one question of a plugin. May reject: the plugin is then told to try again. */
export type Answerer = (request: RawRequest) => Promise<PluginAnswer>;

/** Bytes of a request. */
const LONGEST = 1 << 20;
/** A node of 110 pods that all begin at once is served; no more files than that are opened for it. */
const MOST_CONNECTIONS = 256;
/** unix(7): 108, with the zero at the end. */
const LONGEST_PATH = 107;
/** For the request to arrive: the plugin has it at hand. */
const PATIENCE = seconds(10);

/** Resolves when it listens. Ends with the signal. */
export async function servePlugins(
  socketPath: string,
  answer: Answerer,
  { log }: { readonly log: Logger },
  signal: AbortSignal,
): Promise<void> {
  if (Buffer.byteLength(socketPath) > LONGEST_PATH) {
    throw new Error(
      `${socketPath} is longer than the ${LONGEST_PATH} bytes of a unix socket’s path: shorten --state-dir`,
    );
  }
  await rm(socketPath, { force: true });
  const server = createServer({ allowHalfOpen: true }, (socket) => receive(socket, answer, log));
  server.maxConnections = MOST_CONNECTIONS;
  await listening(server, socketPath);
  await chmod(socketPath, 0o600);
  const end = () => server.close();
  if (signal.aborted) end();
  else signal.addEventListener('abort', end, { once: true });
}

function listening(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function receive(socket: Socket, answer: Answerer, log: Logger): void {
  let text = '';
  socket.setTimeout(PATIENCE, () => socket.destroy());
  // The plugin may be killed at any time; the runtime asks again.
  socket.on('error', (err) => log.debug({ err }, 'a plugin went away'));
  socket.setEncoding('utf8').on('data', (part: string) => {
    text += part;
    if (text.length > LONGEST) socket.destroy();
  });
  socket.on('end', () => {
    socket.setTimeout(0);
    const request = parseRaw(text);
    if (request === undefined) {
      socket.destroy();
      return;
    }
    answer(request).then(
      (said) => socket.end(JSON.stringify(said)),
      (err: unknown) => {
        log.error({ err }, 'cannot answer a plugin');
        socket.destroy();
      },
    );
  });
}

/** Undefined for what no plugin of ours sends. */
function parseRaw(text: string): RawRequest | undefined {
  try {
    const value = JSON.parse(text) as Partial<RawRequest> | null;
    const { env, config } = value ?? {};
    const isText = (each: unknown): boolean => typeof each === 'string';
    if (typeof config !== 'string' || typeof env !== 'object' || env === null) return undefined;
    return Object.values(env).every(isText) ? { env, config } : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
