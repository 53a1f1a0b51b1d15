/** For conformance tests of endpoints: a real server and its controllers, spoken to over HTTP. */
import assert from 'node:assert/strict';
import { setImmediate } from 'node:timers/promises';
import { Pod } from '../../src/api/core/v1/pod.ts';
import { type Json, startTestServer, type TestServer } from '../../src/apiserver/testing/server.ts';
import type { Client } from '../../src/client/client.ts';
import { createClient } from '../../src/client/http-client.ts';
import { startControllers } from '../../src/controllers/controllers.ts';
import { FakeClock } from '../../src/host/clock.ts';
import { silentLogger } from '../../src/host/log.ts';
import { mustParseCIDR } from '../../src/lib/ip.ts';

const MERGE = 'application/merge-patch+json';
const LEASES = '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases';
/** Looks at the server before a test gives up; each lets the controllers' clock go on. */
const LOOKS = 400;
const STEP = 100;

export class Cluster {
  readonly api: TestServer;
  readonly client: Client;
  readonly #clock: FakeClock;
  readonly #end: () => Promise<void>;

  constructor(api: TestServer, client: Client, clock: FakeClock, end: () => Promise<void>) {
    this.api = api;
    this.client = client;
    this.#clock = clock;
    this.#end = end;
  }

  close(): Promise<void> {
    return this.#end();
  }

  async get(path: string): Promise<Json> {
    const { code, body } = await this.api.call('GET', path);
    assert.equal(code, 200, path);
    return body;
  }

  async create(path: string, body: object): Promise<Json> {
    const reply = await this.api.call('POST', path, { body });
    assert.equal(reply.code, 201, reply.text);
    return reply.body;
  }

  async patch(path: string, body: object): Promise<Json> {
    const reply = await this.api.call('PATCH', path, { body, type: MERGE });
    assert.equal(reply.code, 200, reply.text);
    return reply.body;
  }

  async delete(path: string, body?: object): Promise<void> {
    const { code, text } = await this.api.call('DELETE', path, body === undefined ? {} : { body });
    assert.ok(code === 200 || code === 202, text);
  }

  /** A namespace of its own, so that tests do not see each other's objects. */
  async namespace(name: string): Promise<Place> {
    await this.heartbeat('node1');
    await this.create('/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
    return new Place(this, name);
  }

  /** A node that is ready. */
  async node(name: string, zone: string): Promise<void> {
    const labels = { 'topology.kubernetes.io/zone': zone };
    await this.create('/api/v1/nodes', { apiVersion: 'v1', kind: 'Node', metadata: { name, labels } });
    const status = { conditions: [{ type: 'Ready', status: 'True' }] };
    await this.patch(`/api/v1/nodes/${name}/status`, { status });
    await this.create(LEASES, { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name } });
  }

  /** Says that a node is still there, as its agent does every few seconds. */
  async heartbeat(name: string): Promise<void> {
    const renewTime = new Date(this.#clock.now()).toISOString().replace('Z', '000Z');
    await this.patch(`${LEASES}/${name}`, { spec: { holderIdentity: name, renewTime } });
  }

  /** Asks until what is asked for no longer differs from what is expected; fails with the last difference. */
  async eventually<T>(ask: () => Promise<T>, expected: T): Promise<void> {
    for (let look = 1; ; look++) {
      const found = await ask();
      try {
        assert.deepEqual(found, expected);
        return;
      } catch (error) {
        if (look === LOOKS) throw error;
      }
      await this.#clock.advance(STEP);
      await setImmediate();
    }
  }
}

export interface PodOptions {
  readonly labels?: Readonly<Record<string, string>>;
  readonly ready?: boolean;
  readonly ips?: readonly string[];
  readonly spec?: object;
  readonly readyMessage?: string;
}

export class Place {
  readonly cluster: Cluster;
  readonly name: string;
  readonly core: string;
  readonly slices: string;

  constructor(cluster: Cluster, name: string) {
    this.cluster = cluster;
    this.name = name;
    this.core = `/api/v1/namespaces/${name}`;
    this.slices = `/apis/discovery.k8s.io/v1/namespaces/${name}/endpointslices`;
  }

  service(name: string, spec: object = {}, metadata: object = {}): Promise<Json> {
    return this.cluster.create(`${this.core}/services`, {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name, ...metadata },
      spec: { selector: { app: name }, ports: [{ port: 80, targetPort: 8080 }], ...spec },
    });
  }

  /** A pod on node1 that runs; then its status, as its node would write it. */
  async pod(name: string, options: PodOptions = {}): Promise<Json> {
    const { labels = { app: 'web' }, spec = {} } = options;
    await this.cluster.create(`${this.core}/pods`, {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, labels },
      spec: { nodeName: 'node1', containers: [{ name: 'c', image: 'i' }], ...spec },
    });
    return this.podStatus(name, options);
  }

  /** The same on one connection, for very many. */
  async podAtOnce(name: string, ip: string): Promise<void> {
    const { client } = this.cluster;
    const metadata = { name, namespace: this.name, labels: { app: 'web' } };
    const spec = { nodeName: 'node1', containers: [{ name: 'c', image: 'i' }] };
    const pod = await client.create(Pod, { apiVersion: 'v1', kind: 'Pod', metadata, spec });
    const conditions = [{ type: 'Ready', status: 'True' }];
    await client.updateStatus(Pod, { ...pod, status: { phase: 'Running', podIP: ip, podIPs: [{ ip }], conditions } });
  }

  podStatus(name: string, { ready = true, ips = ['10.244.0.5'], readyMessage }: PodOptions): Promise<Json> {
    const message = readyMessage === undefined ? {} : { reason: 'GuestNotReady', message: readyMessage };
    return this.cluster.patch(`${this.core}/pods/${name}/status`, {
      status: {
        phase: 'Running',
        podIP: ips[0],
        podIPs: ips.map((ip) => ({ ip })),
        conditions: [{ type: 'Ready', status: ready ? 'True' : 'False', ...message }],
      },
    });
  }

  /** The slices of a Service. */
  async slicesOf(service: string): Promise<readonly Json[]> {
    const selector = encodeURIComponent(`kubernetes.io/service-name=${service}`);
    return (await this.cluster.get(`${this.slices}?labelSelector=${selector}`)).items;
  }

  /** The same in short: `FAMILY address [ready serving terminating]`, sorted. */
  async endpointsOf(service: string): Promise<readonly string[]> {
    const slices = await this.slicesOf(service);
    return slices
      .flatMap(({ addressType, endpoints }) =>
        endpoints.map(({ addresses, conditions }: Json) =>
          [addressType, addresses[0], ...CONDITIONS.filter((name) => conditions?.[name])].join(' '),
        ),
      )
      .sort();
  }
}

const CONDITIONS = ['ready', 'serving', 'terminating'];

export async function startCluster(): Promise<Cluster> {
  const clock = new FakeClock(Date.now());
  const api = await startTestServer({ advertise: () => ['192.0.2.5'] });
  const client = createClient({
    server: `https://127.0.0.1:${api.server.port}`,
    caData: api.pki.caCertificate,
    clientCertificate: api.admin.certificate,
    clientKey: api.admin.key,
  });
  const ended = new AbortController();
  const clusterCIDRs = ['10.244.0.0/16', 'fd00:10:244::/48'].map(mustParseCIDR);
  await startControllers({ client, log: silentLogger, clock, clusterCIDRs }, ended.signal);
  const cluster = new Cluster(api, client, clock, async () => {
    ended.abort();
    client.close();
    await api.close();
  });
  await cluster.node('node1', 'west');
  return cluster;
}
