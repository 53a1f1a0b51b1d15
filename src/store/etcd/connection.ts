/**
 * A gRPC connection to one member of etcd. gRPC and the definitions are loaded with the first: who keeps objects elsewhere
 * never pays for them.
 */
import { once } from 'node:events';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { checkServerIdentity, type PeerCertificate } from 'node:tls';
import type { ChannelCredentials, ChannelOptions, Client, Metadata, ServiceError } from '@grpc/grpc-js';
import type { MethodDefinition, PackageDefinition } from '@grpc/proto-loader';
import { type Logger, silentLogger } from '../../host/log.ts';
import { messageOf } from '../../lib/errors.ts';
import { checkPEM, checkTime, isSameSecurity, type Security } from './certificates.ts';
import { CallError, failureKind } from './failure.ts';
import type { CallName, RequestOf, ResponseOf, WatchResponse } from './messages.ts';

export interface Connection {
  readonly endpoint: string;
  /** Throws {@link CallError}. `timeout` in milliseconds. */
  call<Name extends CallName>(
    name: Name,
    request: RequestOf<Name>,
    timeout: number,
    token?: string,
  ): Promise<ResponseOf<Name>>;
  /** What etcd tells of a watch, until the signal is aborted or the reader stops. Throws {@link CallError}. */
  watch(request: object, signal: AbortSignal, token?: string): AsyncGenerator<WatchResponse, void, undefined>;
  /** Ends every call under way: they fail as lost. */
  close(): void;
}

/** A page of a list, or the changes of one revision, is at most some tens of values of 1.5 MiB. */
const MAX_MESSAGE_BYTES = 256 * 1024 * 1024;

/** Bytes on their way to a watch whose reader is slow; more stay with etcd. */
const FLOW_CONTROL_WINDOW = 1024 * 1024;

// Beside the questions about health of `cluster.ts`. etcd closes connections that are pinged more often than every 5 s
// (its flag --grpc-keepalive-min-time).
const KEEPALIVE = { time: 10_000, timeout: 3000 };

const SERVICES: Readonly<Record<CallName, string>> = {
  Range: 'KV',
  Txn: 'KV',
  Compact: 'KV',
  Authenticate: 'Auth',
  MemberList: 'Cluster',
  Status: 'Maintenance',
};

/** Opens connections, each with the certificates as they are then. */
export class Connector {
  readonly #grpc: typeof import('@grpc/grpc-js');
  readonly #definitions: PackageDefinition;
  readonly #reload: (() => Promise<Security>) | undefined;
  readonly #log: Logger;
  #security: Security;
  /** Why they could not be read the last time: told once, not at each look. */
  #obstacle: string | undefined;

  constructor(
    grpc: typeof import('@grpc/grpc-js'),
    definitions: PackageDefinition,
    { security, reload, log }: ConnectorOptions,
  ) {
    this.#grpc = grpc;
    this.#definitions = definitions;
    this.#security = security;
    this.#reload = reload;
    this.#log = log;
  }

  /** Takes certificates that were renewed; those that cannot be used are left, and told. */
  async refresh(): Promise<void> {
    if (this.#reload === undefined) return;
    try {
      const next = await this.#reload();
      this.#obstacle = undefined;
      if (isSameSecurity(next, this.#security)) return;
      checkPEM(next);
      this.#security = next;
      this.#log.info({}, 'the certificates for etcd were renewed, and are used from now on');
    } catch (error) {
      const obstacle = messageOf(error);
      if (obstacle === this.#obstacle) return;
      this.#obstacle = obstacle;
      const text =
        'the certificates for etcd could not be read again; those from before are used. The user of this process has to be able to read them';
      this.#log.warn({ err: error, uid: process.getuid?.() }, text);
    }
  }

  /** To an endpoint such as `https://10.0.0.1:2379`. Throws when the client's own certificate is of no use now. */
  connect(endpoint: string): Connection {
    const url = new URL(endpoint);
    if (url.protocol === 'https:') checkTime(this.#security);
    const client = new this.#grpc.Client(url.host, ...this.#channelTo(url));
    return new MemberConnection(endpoint, client, this.#definitions, (headers) => {
      const metadata = new this.#grpc.Metadata();
      for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
      return metadata;
    });
  }

  #channelTo({ hostname, protocol }: URL): [ChannelCredentials, ChannelOptions] {
    const { credentials } = this.#grpc;
    if (protocol === 'http:') return [credentials.createInsecure(), OPTIONS];
    const { ca, key, certificate } = this.#security;
    const parts = [pem(ca), pem(key), pem(certificate)] as const;
    const address = hostname.replace(/^\[|\]$/g, '');
    if (isIP(address) === 0) return [credentials.createSsl(...parts), OPTIONS];
    // TLS has no server names that are addresses (RFC 6066, section 3): another is sent, and the address is what is checked.
    const checkAddress = (_: string, certificate: PeerCertificate) => checkServerIdentity(address, certificate);
    const secure = credentials.createSsl(...parts, { checkServerIdentity: checkAddress });
    return [secure, { ...OPTIONS, 'grpc.ssl_target_name_override': 'etcd' }];
  }
}

export interface ConnectorOptions {
  readonly security: Security;
  /** Reads what `security` was read from once more; undefined: it never changes. */
  readonly reload?: (() => Promise<Security>) | undefined;
  readonly log: Logger;
}

/** Throws what is wrong with certificates. */
export async function openConnector(options: ConnectorOptions): Promise<Connector> {
  checkPEM(options.security);
  const [grpc, definitions] = await Promise.all([import('@grpc/grpc-js'), loadDefinitions()]);
  return new Connector(grpc, definitions, options);
}

/** A function that opens connections with certificates that stay as they are. */
export async function connector(security: Security): Promise<(endpoint: string) => Connection> {
  const opened = await openConnector({ security, log: silentLogger });
  return (endpoint) => opened.connect(endpoint);
}

function pem(text: string | Buffer | undefined): Buffer | null {
  return text === undefined ? null : Buffer.from(text);
}

const OPTIONS = {
  'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
  'grpc.max_send_message_length': -1,
  'grpc.keepalive_time_ms': KEEPALIVE.time,
  'grpc.keepalive_timeout_ms': KEEPALIVE.timeout,
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.min_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 1000,
  'grpc.enable_http_proxy': 0,
  'grpc.enable_retries': 0,
  'grpc.service_config_disable_resolution': 1,
  'grpc.use_local_subchannel_pool': 1,
  'grpc-node.flow_control_window': FLOW_CONTROL_WINDOW,
};

let loaded: Promise<PackageDefinition> | undefined;

/** What `proto/etcd.proto` defines. Read once for all connections: the definitions never change. */
function loadDefinitions(): Promise<PackageDefinition> {
  loaded ??= import('@grpc/proto-loader').then(({ load }) =>
    load(join(import.meta.dirname, 'proto', 'etcd.proto'), { longs: Number, enums: String, defaults: true }),
  );
  return loaded;
}

class MemberConnection implements Connection {
  readonly endpoint: string;
  readonly #client: Client;
  readonly #definitions: PackageDefinition;
  readonly #metadataOf: (headers: Readonly<Record<string, string>>) => Metadata;
  readonly #underWay = new Set<{ cancel(): void }>();

  constructor(
    endpoint: string,
    client: Client,
    definitions: PackageDefinition,
    metadataOf: (headers: Readonly<Record<string, string>>) => Metadata,
  ) {
    this.endpoint = endpoint;
    this.#client = client;
    this.#definitions = definitions;
    this.#metadataOf = metadataOf;
  }

  call<Name extends CallName>(
    name: Name,
    request: RequestOf<Name>,
    timeout: number,
    token?: string,
  ): Promise<ResponseOf<Name>> {
    const { path, requestSerialize, responseDeserialize } = this.#method(SERVICES[name], name);
    const metadata = this.#headers(token, name !== 'Status' && name !== 'MemberList');
    return new Promise((resolve, reject) => {
      const call = this.#client.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        request,
        metadata,
        { deadline: Date.now() + timeout },
        (error, response) => {
          this.#underWay.delete(call);
          if (error !== null) reject(this.#failure(name, error));
          else resolve(response as ResponseOf<Name>);
        },
      );
      this.#underWay.add(call);
    });
  }

  async *watch(request: object, signal: AbortSignal, token?: string): AsyncGenerator<WatchResponse, void, undefined> {
    if (signal.aborted) return;
    const { path, requestSerialize, responseDeserialize } = this.#method('Watch', 'Watch');
    const call = this.#client.makeBidiStreamRequest(
      path,
      requestSerialize,
      responseDeserialize,
      this.#headers(token, true),
    );
    const cancel = (): void => call.cancel();
    signal.addEventListener('abort', cancel, { once: true });
    this.#underWay.add(call);
    // What comes after the reader has gone is of no interest to anybody.
    call.on('error', () => {});
    try {
      if (!call.write(request)) await once(call, 'drain', { signal });
      yield* call as unknown as AsyncIterable<WatchResponse>;
    } catch (error) {
      if (!signal.aborted) throw this.#failure('Watch', error);
    } finally {
      signal.removeEventListener('abort', cancel);
      this.#underWay.delete(call);
      cancel();
    }
  }

  close(): void {
    for (const call of this.#underWay) call.cancel();
    this.#client.close();
  }

  #method(service: string, name: string): MethodDefinition<object, object> {
    const definition = this.#definitions[`etcdserverpb.${service}`];
    const method = definition === undefined || 'format' in definition ? undefined : definition[name];
    if (method === undefined) throw new Error(`etcd.proto defines no call ${name}`);
    return method as MethodDefinition<object, object>;
  }

  /** A member that knows of no leader refuses at once what needs one, and ends watches, rather than to be silent. */
  #headers(token: string | undefined, needsLeader: boolean): Metadata {
    return this.#metadataOf({ ...(token !== undefined && { token }), ...(needsLeader && { hasleader: 'true' }) });
  }

  #failure(call: string, error: unknown): CallError {
    const { code, details, message } = error as Partial<ServiceError>;
    const text = details || message || String(error);
    return new CallError(this.endpoint, call, failureKind(code, text), plain(text), error);
  }
}

/** Without what gRPC puts around the reason: of a member that refuses connections, `connect ECONNREFUSED 10.0.0.1:2379`. */
const plain = (text: string): string =>
  text.replace('No connection established. Last error: Error: ', '').replace(/[.\s]*Resolution note:\s*$/, '');
