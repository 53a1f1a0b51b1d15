/** The test cloud over HTTPS, as Oracle's SDK reaches it. */
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { Server } from 'node:http';
import { createServer, type Server as SecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { Secret } from '../config/secret.ts';
import type { OciConfig } from '../config.ts';
import { type ApiKey, apiKey } from './api-key.ts';
import { issue, makeAuthority } from './certificates.ts';
import { REGION, TENANCY } from './cloud.ts';
import { Failure } from './failure.ts';
import { handler } from './https.ts';
import { InstanceIdentity } from './identity.ts';
import { authenticate } from './signature.ts';
import { TestCloud, type TestCloudOptions } from './test-cloud.ts';

export interface OciServerOptions extends TestCloudOptions {
  /** Who asks: a user with a key (unless said), or the instance itself. */
  readonly as?: OciConfig['credentials']['kind'];
}

const HOST = '127.0.0.1';
const USER = `ocid1.user.oc1..${'a'.repeat(60)}`;

export class OciServer extends TestCloud {
  /** `https://ADDRESS:PORT` of all its services. */
  readonly endpoint: string;
  /** Of the authority that certified the server, in PEM. */
  readonly ca: string;
  /** Undefined: a user asks. */
  readonly identity: InstanceIdentity | undefined;
  /** How far its clock is ahead of that of its clients, in milliseconds: for tests to change. */
  skew = 0;
  readonly #parts: Parts;
  #directory: Promise<string> | undefined;

  /** Use {@link startOciServer}. */
  constructor(options: OciServerOptions, parts: Parts) {
    super(options);
    this.endpoint = `https://${HOST}:${portOf(parts.https)}`;
    this.ca = parts.ca;
    this.identity = parts.identity;
    this.#parts = parts;
    parts.https.on(
      'request',
      handler(this.door, {
        admit: (request) => authenticate(request, (keyId) => this.#keyOf(keyId), this.#now()),
        giveToken: (request) => {
          if (this.identity === undefined) throw new Failure(404, 'NotFound', 'No instance asks this server.');
          return this.identity.giveToken(request, this.#now());
        },
      }),
    );
  }

  /** How to reach it, with the VCN and the subnets that are there from the start. */
  config(change: Partial<OciConfig> = {}): OciConfig {
    const { compartmentId, vcnId, subnet1, subnet2 } = this.world;
    const { endpoint } = this;
    return {
      credentials:
        this.identity === undefined
          ? { ...this.#user(), kind: 'api-key', privateKey: new Secret(this.#parts.key.privateKey) }
          : { kind: 'instance-principal' },
      region: REGION,
      compartment: compartmentId,
      vcn: vcnId,
      loadBalancer: {
        disabled: false,
        subnet1,
        subnet2,
        securityListManagementMode: 'All',
        securityLists: {},
      },
      tags: { freeform: {}, defined: {} },
      rateLimits: undefined,
      endpoints: {
        core: endpoint,
        loadBalancer: endpoint,
        networkLoadBalancer: endpoint,
        ...this.#identityEndpoints(),
      },
      ca: this.ca,
      warnings: [],
      ...change,
    };
  }

  /** The same as a file of the cloud provider's format; resolves with its path. It goes when the server stops. */
  async configFile(more: Readonly<Record<string, unknown>> = {}): Promise<string> {
    this.#directory ??= mkdtemp(join(tmpdir(), 'postern-oci-'));
    const directory = await this.#directory;
    const caFile = join(directory, 'ca.pem');
    await writeFile(caFile, this.ca);
    const { compartmentId, vcnId, subnet1, subnet2 } = this.world;
    const path = join(directory, 'cloud-provider.yaml');
    const text = stringify({
      ...(this.identity === undefined
        ? { auth: { ...this.#user(), region: REGION, key: this.#parts.key.privateKey } }
        : { useInstancePrincipals: true }),
      compartment: compartmentId,
      vcn: vcnId,
      loadBalancer: { subnet1, subnet2 },
      endpoint: this.endpoint,
      ...(this.identity === undefined ? {} : { endpoints: this.#identityEndpoints() }),
      caFile,
      ...more,
    });
    await writeFile(path, text, { mode: 0o600 });
    return path;
  }

  /** Ends every connection; those who wait for an answer get none. */
  async stop(): Promise<void> {
    for (const server of [this.#parts.https, this.#parts.metadata]) {
      server?.close();
      server?.closeAllConnections();
    }
    if (this.#directory !== undefined) await rm(await this.#directory, { recursive: true, force: true });
  }

  #now(): number {
    return Date.now() + this.skew;
  }

  #user() {
    return { tenancy: TENANCY, user: USER, fingerprint: this.#parts.key.fingerprint };
  }

  #keyOf(keyId: string) {
    if (this.identity !== undefined) return this.identity.keyOf(keyId, this.#now());
    const { tenancy, user, fingerprint } = this.#user();
    return keyId === `${tenancy}/${user}/${fingerprint}` ? this.#parts.key.publicKey : undefined;
  }

  #identityEndpoints() {
    const { metadata } = this.#parts;
    return metadata === undefined
      ? {}
      : { auth: this.endpoint, metadata: `http://${HOST}:${portOf(metadata)}/opc/v2/` };
  }
}

export async function startOciServer(options: OciServerOptions = {}): Promise<OciServer> {
  const [authority, key, identity] = await Promise.all([
    makeAuthority('CN=test cloud authority'),
    apiKey(),
    options.as === 'instance-principal' ? InstanceIdentity.make(TENANCY) : undefined,
  ]);
  const { certificate: cert, key: tlsKey } = await issue(authority, { subject: 'CN=test cloud', host: HOST });
  const https = await listening(createServer({ cert, key: tlsKey, noDelay: true }));
  const metadata = identity === undefined ? undefined : await listening(identity.metadataServer());
  return new OciServer(options, { https, ca: authority.certificate, key, identity, metadata });
}

async function listening<T extends Server | SecureServer>(server: T): Promise<T> {
  server.listen(0, HOST);
  await once(server, 'listening');
  return server;
}

const portOf = (server: Server | SecureServer) => (server.address() as AddressInfo).port;

/** What takes time to make. */
interface Parts {
  readonly https: SecureServer;
  readonly ca: string;
  readonly key: ApiKey;
  readonly identity: InstanceIdentity | undefined;
  readonly metadata: Server | undefined;
}
