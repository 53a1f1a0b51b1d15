/** An API server for tests: over real HTTPS on a free port, with a store in memory. */

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { printKubeconfig } from '../../client/kubeconfig.ts';
import type { Clock } from '../../host/clock.ts';
import { silentLogger } from '../../host/log.ts';
import { mustParseCIDR } from '../../lib/ip.ts';
import { openMemoryStore } from '../../store/memory/memory-store.ts';
import type { Store } from '../../store/store.ts';
import type { KeyPair } from '../pki/certificate.ts';
import { openPki, type Pki } from '../pki/pki.ts';
import { type ApiServer, type ApiServerOptions, startApiServer } from '../server.ts';

export interface TestServerOptions {
  readonly store?: Store;
  readonly serviceCIDRs?: readonly string[];
  readonly nodePortRange?: { readonly first: number; readonly last: number };
  readonly clock?: Clock;
  readonly socket?: boolean;
  readonly advertise?: () => readonly string[];
  readonly peers?: ApiServerOptions['peers'];
  /** Where the certificates are; default: a folder of its own. */
  readonly pkiDir?: string;
}

// biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape.
export type Json = any;

export interface Reply {
  readonly code: number;
  readonly headers: IncomingMessage['headers'];
  readonly text: string;
  readonly body: Json;
}

export interface CallOptions {
  readonly body?: unknown;
  readonly type?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Default: an administrator; null: no certificate. */
  readonly as?: KeyPair | null;
  readonly socketPath?: string;
}

export class TestServer {
  readonly dir: string;
  readonly store: Store;
  readonly pki: Pki;
  readonly server: ApiServer;
  readonly admin: KeyPair;

  constructor(parts: { dir: string; store: Store; pki: Pki; server: ApiServer; admin: KeyPair }) {
    this.dir = parts.dir;
    this.store = parts.store;
    this.pki = parts.pki;
    this.server = parts.server;
    this.admin = parts.admin;
  }

  get socketPath(): string {
    return join(this.dir, 'api.sock');
  }

  /** One request; the whole answer, parsed when it is JSON. */
  async call(method: string, path: string, options: CallOptions = {}): Promise<Reply> {
    const response = await this.open(method, path, options);
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString('utf8');
    const isJson = (response.headers['content-type'] ?? '').startsWith('application/json');
    const body = isJson && text !== '' ? (JSON.parse(text) as Json) : undefined;
    return { code: response.statusCode ?? 0, headers: response.headers, text, body };
  }

  /** The lines of a watch, as they come; ends with the stream or the signal. */
  async *watch(path: string, signal: AbortSignal, headers: Record<string, string> = {}): AsyncGenerator<Json> {
    const response = await this.open('GET', path, { headers });
    signal.addEventListener('abort', () => response.destroy(), { once: true });
    let rest = '';
    try {
      for await (const chunk of response) {
        rest += String(chunk);
        const lines = rest.split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines) yield JSON.parse(line) as Json;
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  open(method: string, path: string, options: CallOptions): Promise<IncomingMessage> {
    const { body, as = this.admin, type = 'application/json', headers = {}, socketPath } = options;
    const bytes =
      body === undefined
        ? undefined
        : body instanceof Uint8Array || typeof body === 'string'
          ? body
          : JSON.stringify(body);
    return new Promise((resolve, reject) => {
      const request = httpsRequest(
        {
          ...(socketPath === undefined
            ? { host: '127.0.0.1', port: this.server.port }
            : { socketPath, servername: 'localhost' }),
          method,
          path,
          agent: false,
          ca: this.pki.caCertificate,
          ...(as === null ? {} : { cert: as.certificate, key: as.key }),
          headers: {
            ...(bytes === undefined ? {} : { 'content-type': type, 'content-length': Buffer.byteLength(bytes) }),
            ...headers,
          },
        },
        resolve,
      );
      request.on('error', reject);
      request.end(bytes);
    });
  }

  /** A kubeconfig file for a user. */
  async kubeconfig(user: KeyPair = this.admin, name = 'kubeconfig'): Promise<string> {
    const path = join(this.dir, name);
    const endpoint = {
      server: `https://127.0.0.1:${this.server.port}`,
      caData: this.pki.caCertificate,
      clientCertificate: user.certificate,
      clientKey: user.key,
    };
    await writeFile(path, printKubeconfig({ endpoint, name: 'postern' }), { mode: 0o600 });
    return path;
  }

  async close(): Promise<void> {
    await this.server.close();
    await this.store.close();
    await rm(this.dir, { recursive: true });
  }
}

export async function startTestServer(options: TestServerOptions = {}): Promise<TestServer> {
  const dir = await mkdtemp(join(tmpdir(), 'postern-apiserver-'));
  const pki = await openPki(options.pkiDir ?? join(dir, 'pki'), { hosts: [] });
  const store = options.store ?? openMemoryStore();
  const admin = await pki.issueClientCertificate({ commonName: 'admin', organizations: ['system:masters'] });
  const server = await startApiServer(
    {
      store,
      pki,
      listen: { host: '127.0.0.1', port: 0 },
      ...(options.socket ? { socketPath: join(dir, 'api.sock') } : {}),
      serviceCIDRs: (options.serviceCIDRs ?? ['10.96.0.0/16', 'fd00:10:96::/112']).map(mustParseCIDR),
      nodePortRange: options.nodePortRange ?? { first: 30000, last: 32767 },
      log: silentLogger,
      ...(options.advertise === undefined ? {} : { advertise: options.advertise }),
      ...(options.clock === undefined ? {} : { clock: options.clock }),
      ...(options.peers === undefined ? {} : { peers: options.peers }),
    },
    new AbortController().signal,
  ).catch(async (error: unknown) => {
    await rm(dir, { recursive: true });
    throw error;
  });
  return new TestServer({ dir, store, pki, server, admin });
}

/** A Service of one port. */
export function service(name: string, spec: object = {}): Json {
  return { apiVersion: 'v1', kind: 'Service', metadata: { name }, spec: { ports: [{ port: 80 }], ...spec } };
}

/** A namespaced object with next to nothing in it. */
export function lease(name: string, more: { metadata?: object; spec?: object } = {}): Json {
  return {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { name, ...more.metadata },
    spec: more.spec ?? { holderIdentity: 'a' },
  };
}

export const LEASES = '/apis/coordination.k8s.io/v1/namespaces/default/leases';
export const SERVICES = '/api/v1/namespaces/default/services';
export const NAMESPACES = '/api/v1/namespaces';
