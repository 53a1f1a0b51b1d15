/** The door over HTTPS: signed requests in, answers out, or what a fault makes of them. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Door, Outcome } from './door.ts';
import { Failure } from './failure.ts';
import { MAX_BODY, type WireAnswer, type WireRequest, wireFailure } from './front.ts';
import { TOKEN_PATH } from './identity.ts';

/** Both throw a {@link Failure} for those who may not come in. */
export interface Keeper {
  readonly admit: (request: WireRequest) => void;
  readonly giveToken: (request: WireRequest) => WireAnswer;
}

export function handler(door: Door, keeper: Keeper) {
  return async (message: IncomingMessage, response: ServerResponse): Promise<void> => {
    const request = await wireRequest(message);
    if (request === undefined) {
      response.writeHead(413).end();
      return;
    }
    const isToken = request.target === TOKEN_PATH && request.method === 'POST';
    give(response, isToken ? token(keeper, request) : door.enter(request, () => keeper.admit(request)));
  };
}

function token(keeper: Keeper, request: WireRequest): Outcome {
  try {
    return { answer: keeper.giveToken(request) };
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return { answer: wireFailure(error) };
  }
}

async function wireRequest(message: IncomingMessage): Promise<WireRequest | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of message as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BODY) return undefined;
    chunks.push(chunk);
  }
  const { method = '', url = '' } = message;
  const headers = Object.entries(message.headers).map(([name, value]) => [name, String(value)]);
  return { method, target: url, headers: Object.fromEntries(headers), body: Buffer.concat(chunks).toString() };
}

function give(response: ServerResponse, { answer, how }: Outcome): void {
  // Nothing is said until the client, or the end of the test, closes the connection.
  if (how === 'timeout' || how === 'timeout-after-doing') return;
  if (answer === undefined) {
    response.socket?.destroy();
    return;
  }
  const body = Buffer.from(answer.body);
  response.writeHead(answer.status, {
    ...answer.headers,
    'content-length': how === 'half' ? body.length + 1 : body.length,
  });
  if (how !== 'half') {
    response.end(body);
    return;
  }
  response.write(body.subarray(0, body.length / 2), () => response.socket?.destroy());
}
