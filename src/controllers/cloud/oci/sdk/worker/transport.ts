/** How the SDK's requests get to OCI: over connections that are kept, once each, and with everything known of the answer. */
import type { IncomingMessage } from 'node:http';
import { Agent, request as httpsRequest } from 'node:https';
import type * as common from 'oci-common';
import { seconds } from '../../../../../lib/duration.ts';
import { currentExchange, type Exchange } from './exchange.ts';
import type { Signer } from './signer.ts';

type HttpRequest = common.HttpRequest;

/** Bytes of an answer. A page of 1,000 load balancers is a few million. */
const MAX_ANSWER = 32 * 1024 * 1024;
/** OCI closes connections that are idle for longer. */
const IDLE = seconds(30);

export class Transport implements common.HttpClient {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 16, maxFreeSockets: 8, timeout: IDLE });
  readonly #signer: Signer;

  constructor(signer: Signer) {
    this.#signer = signer;
  }

  async send(request: HttpRequest): Promise<Response> {
    const exchange = currentExchange();
    try {
      // What is signed is what is sent: the SDK and the URL do not escape the same.
      request.uri = new URL(request.uri).href;
      const response = await this.#authenticated(request, exchange);
      exchange.stage = 'answered';
      if (!response.ok) exchange.refusal = refusalOf(response);
      return response;
    } catch (error) {
      exchange.failure = error;
      throw error;
    }
  }

  /** A token may have been withdrawn before its time. */
  async #authenticated(request: HttpRequest, exchange: Exchange): Promise<Response> {
    const keyId = await this.#sign(request, exchange);
    const response = await this.#connected(request, exchange);
    if (response.status !== 401 || !(await this.#signer.renew(keyId))) return response;
    await this.#sign(request, exchange);
    return this.#connected(request, exchange);
  }

  async #sign(request: HttpRequest, exchange: Exchange): Promise<string> {
    exchange.stage = 'signing';
    const keyId = await this.#signer.sign(request);
    exchange.stage = 'sent';
    return keyId;
  }

  /** A connection that was kept may be gone at the very moment it is used. */
  async #connected(request: HttpRequest, { signal }: Exchange): Promise<Response> {
    try {
      return await this.#once(request, signal);
    } catch (error) {
      if (request.method !== 'GET' || signal.aborted) throw error;
      return this.#once(request, signal);
    }
  }

  #once({ uri, method, headers, body }: HttpRequest, signal: AbortSignal): Promise<Response> {
    const { promise, resolve, reject } = Promise.withResolvers<Response>();
    const options = { method, headers: Object.fromEntries(headers), agent: this.#agent, signal };
    const sent = httpsRequest(uri, options, (message) => void responseOf(message).then(resolve, reject));
    sent.on('error', reject);
    sent.end(body);
    return promise;
  }
}

/** Statuses whose answers have no body. https://fetch.spec.whatwg.org/#null-body-status */
const WITHOUT_BODY: readonly (number | undefined)[] = [204, 205, 304];

async function responseOf(message: IncomingMessage): Promise<Response> {
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let length = 0;
  for await (const chunk of message as AsyncIterable<Buffer<ArrayBuffer>>) {
    length += chunk.length;
    // Leaving the loop ends the connection.
    if (length > MAX_ANSWER) throw new Error(`OCI answers with more than ${MAX_ANSWER} bytes`);
    chunks.push(chunk);
  }
  const headers = new Headers();
  for (const [name, values] of Object.entries(message.headersDistinct)) {
    for (const value of values ?? []) headers.append(name, value);
  }
  const body = WITHOUT_BODY.includes(message.statusCode) ? null : new Blob(chunks);
  return new Response(body, { status: message.statusCode ?? 0, statusText: message.statusMessage ?? '', headers });
}

function refusalOf({ status, headers }: Response): NonNullable<Exchange['refusal']> {
  const requestId = headers.get('opc-request-id');
  const retryAfter = millisecondsOf(headers.get('retry-after'));
  return {
    status,
    ...(requestId === null ? {} : { requestId }),
    ...(retryAfter === undefined ? {} : { retryAfter }),
  };
}

/** Seconds, or a date. https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3 */
function millisecondsOf(retryAfter: string | null): number | undefined {
  if (retryAfter === null) return undefined;
  if (/^\d{1,9}$/.test(retryAfter)) return Number(retryAfter) * 1000;
  const at = Date.parse(retryAfter);
  return Number.isNaN(at) ? undefined : Math.max(0, at - Date.now());
}
