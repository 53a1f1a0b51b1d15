/**
 * A gRPC connection to a container runtime's socket, of which calls are made by name. gRPC and the definitions are loaded with
 * the first connection: a node without a container runtime never pays for them.
 */
import { join } from 'node:path';
import type { Client, ClientReadableStream, Metadata, ServiceError, StatusObject } from '@grpc/grpc-js';
import type { MethodDefinition, PackageDefinition, ServiceDefinition } from '@grpc/proto-loader';
import { type CRICode, CRIError } from './cri.ts';

export interface CallOptions {
  /** Milliseconds after which the call fails; Infinity for calls that may take as long as they like. Default: 2 minutes. */
  readonly timeout?: number;
  readonly signal?: AbortSignal;
  /** Headers of the call, such as `containerd-namespace`. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** One of a runtime's services. Every failure is a {@link CRIError}. */
export interface Service {
  call<Response>(method: string, request: object, options?: CallOptions): Promise<Response>;
  /** Messages as the runtime sends them, until it ends the stream. The signal ends it without an error. */
  stream<Response>(
    method: string,
    request: object,
    signal: AbortSignal,
    headers?: CallOptions['headers'],
  ): AsyncIterable<Response>;
  /** Sends messages, and resolves to what is answered last. */
  send<Response>(method: string, requests: AsyncIterable<object>, options?: CallOptions): Promise<Response>;
}

/** A connection over which services can be asked. */
export interface Connection {
  /** `proto` is a file in `proto/`, `name` the full name of a service in there. */
  service(proto: string, name: string): Promise<Service>;
  close(): void;
}

// The kubelet gives calls that do not wait for anything two minutes as well (its flag --runtime-request-timeout).
const CALL_TIMEOUT = 120_000;

// containerd sends up to 16 MiB, which is also what it keeps of the output of a command.
const MAX_MESSAGE_BYTES = 32 * 1024 * 1024;

// A runtime that was restarted is to be found again at once, and one that stays away is not to be asked all the time.
const RECONNECT_MS = { first: 50, most: 1000 };

/** Opens a connection, which is made when it is first used, and again after it was lost. */
export async function connect(socketPath: string): Promise<Connection> {
  const grpc = await import('@grpc/grpc-js');
  const client = new grpc.Client(`unix://${socketPath}`, grpc.credentials.createInsecure(), {
    'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
    'grpc.initial_reconnect_backoff_ms': RECONNECT_MS.first,
    'grpc.min_reconnect_backoff_ms': RECONNECT_MS.first,
    'grpc.max_reconnect_backoff_ms': RECONNECT_MS.most,
    'grpc.enable_http_proxy': 0,
    'grpc.service_config_disable_resolution': 1,
    // What gRPC calls the host: containerd's server refuses the path that it would be otherwise.
    'grpc.default_authority': 'localhost',
  });
  const metadataOf = (headers: CallOptions['headers'] = {}): Metadata => {
    const metadata = new grpc.Metadata();
    for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
    return metadata;
  };
  return {
    service: async (proto, name) => openService(client, metadataOf, await loadService(proto, name)),
    close: () => client.close(),
  };
}

const loaded = new Map<string, Promise<PackageDefinition>>();

async function loadService(proto: string, name: string): Promise<ServiceDefinition> {
  const definitions = await definitionsIn(proto);
  const definition = definitions[name];
  if (definition === undefined || 'format' in definition) throw new Error(`${proto} defines no service ${name}`);
  return definition;
}

/** What a file in `proto/` defines. Read once for all connections: the definitions never change. */
export function definitionsIn(proto: string): Promise<PackageDefinition> {
  const known = loaded.get(proto);
  if (known !== undefined) return known;
  const definitions = import('@grpc/proto-loader').then(({ load }) =>
    load(join(import.meta.dirname, 'proto', proto), { longs: String, enums: String, defaults: true }),
  );
  loaded.set(proto, definitions);
  return definitions;
}

function openService(
  client: Client,
  metadataOf: (headers: CallOptions['headers']) => Metadata,
  definition: ServiceDefinition,
): Service {
  const methodOf = (name: string): MethodDefinition<object, object> => {
    const method = definition[name];
    if (method === undefined) throw new Error(`no such call: ${name}`);
    return method;
  };
  return {
    call: <Response>(name: string, request: object, options: CallOptions = {}) =>
      new Promise<Response>((resolve, reject) => {
        const { path, requestSerialize, responseDeserialize } = methodOf(name);
        const call = client.makeUnaryRequest(
          path,
          requestSerialize,
          responseDeserialize,
          request,
          metadataOf(options.headers),
          deadlineOf(options),
          (error, response) => {
            options.signal?.removeEventListener('abort', cancel);
            if (error !== null) reject(failure(name, error));
            else resolve(response as Response);
          },
        );
        const cancel = (): void => call.cancel();
        if (options.signal?.aborted) cancel();
        options.signal?.addEventListener('abort', cancel, { once: true });
      }),

    async *stream<Response>(name: string, request: object, signal: AbortSignal, headers: CallOptions['headers']) {
      if (signal.aborted) return;
      const { path, requestSerialize, responseDeserialize } = methodOf(name);
      const call = client.makeServerStreamRequest(
        path,
        requestSerialize,
        responseDeserialize,
        request,
        metadataOf(headers),
      );
      const cancel = (): void => call.cancel();
      signal.addEventListener('abort', cancel, { once: true });
      try {
        yield* call as AsyncIterable<Response> & ClientReadableStream<object>;
      } catch (error) {
        if (!signal.aborted) throw failure(name, error);
      } finally {
        signal.removeEventListener('abort', cancel);
        cancel();
      }
    },

    send: <Response>(name: string, requests: AsyncIterable<object>, options: CallOptions = {}) =>
      new Promise<Response>((resolve, reject) => {
        const { path, requestSerialize, responseDeserialize } = methodOf(name);
        const call = client.makeBidiStreamRequest(
          path,
          requestSerialize,
          responseDeserialize,
          metadataOf(options.headers),
          deadlineOf(options),
        );
        let last: object | undefined;
        call.on('data', (message: object) => {
          last = message;
        });
        call.on('error', (error) => reject(failure(name, error)));
        call.on('status', ({ code }: StatusObject) => {
          // Any other status is an error, told as one.
          if (code === 0) resolve(last as Response);
        });
        const write = async (): Promise<void> => {
          for await (const request of requests) {
            if (!call.write(request)) await new Promise((drained) => call.once('drain', drained));
          }
          call.end();
        };
        write().catch((error: unknown) => {
          reject(error);
          call.cancel();
        });
      }),
  };
}

function deadlineOf({ timeout = CALL_TIMEOUT }: CallOptions): { deadline?: number } {
  return Number.isFinite(timeout) ? { deadline: Date.now() + timeout } : {};
}

/** By gRPC's numbers of codes (https://grpc.github.io/grpc/core/md_doc_statuscodes.html). */
const CODES: Readonly<Record<number, CRICode>> = {
  1: 'cancelled',
  3: 'invalid-argument',
  4: 'deadline-exceeded',
  5: 'not-found',
  6: 'already-exists',
  12: 'unimplemented',
  14: 'unavailable',
};

function failure(call: string, error: unknown): CRIError {
  const { code, details, message } = error as Partial<ServiceError>;
  return new CRIError(call, CODES[code ?? 2] ?? 'unknown', details ?? message ?? String(error), { cause: error });
}
