/** A server on a disk, with its controllers, that can be stopped and started again; everything about it over HTTP. */
import { rm } from 'node:fs/promises';
import { setImmediate } from 'node:timers/promises';
import {
  type CallOptions,
  type Reply,
  startTestServer,
  type TestServer,
} from '../../../src/apiserver/testing/server.ts';
import { createClient } from '../../../src/client/http-client.ts';
import { startControllers } from '../../../src/controllers/controllers.ts';
import { FakeClock } from '../../../src/host/clock.ts';
import { silentLogger } from '../../../src/host/log.ts';
import { openLmdbStore } from '../../../src/store/lmdb/lmdb-store.ts';
import { NODE_PORTS, NODES, RANGES } from './actions.ts';

const LEASES = '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases';

/** A server that runs, and how to end it and its controllers. */
interface Running {
  readonly api: TestServer;
  end(): Promise<void>;
}

export class Machine {
  readonly #dir: string;
  readonly #clock = new FakeClock(Date.now());
  #running: Running | undefined;

  constructor(dir: string) {
    this.#dir = dir;
  }

  get api(): TestServer {
    if (this.#running === undefined) throw new Error('the server does not run');
    return this.#running.api;
  }

  call(method: string, path: string, options?: CallOptions): Promise<Reply> {
    return this.api.call(method, path, options);
  }

  async start(): Promise<void> {
    const store = await openLmdbStore({ dir: this.#dir });
    const api = await startTestServer({ store, serviceCIDRs: RANGES.kubernetes, nodePortRange: NODE_PORTS });
    const { certificate, key } = api.admin;
    const client = createClient({
      server: `https://127.0.0.1:${api.server.port}`,
      caData: api.pki.caCertificate,
      clientCertificate: certificate,
      clientKey: key,
    });
    const ended = new AbortController();
    const end = async () => {
      ended.abort();
      client.close();
      await api.close();
    };
    this.#running = { api, end };
    await startControllers({ client, log: silentLogger, clock: this.#clock, clusterCIDRs: [] }, ended.signal);
  }

  async stop(): Promise<void> {
    await this.#running?.end();
    this.#running = undefined;
  }

  /** Ends it, and removes what it wrote. */
  async close(): Promise<void> {
    await this.stop();
    await rm(this.#dir, { recursive: true, force: true });
  }

  /** What nodes say every few seconds, or they count as lost. */
  async heartbeat(): Promise<void> {
    const renewTime = new Date(this.#clock.now()).toISOString().replace('Z', '000Z');
    for (const name of NODES) {
      const body = {
        apiVersion: 'coordination.k8s.io/v1',
        kind: 'Lease',
        metadata: { name },
        spec: { holderIdentity: name, renewTime },
      };
      await this.call('PATCH', `${LEASES}/${name}?fieldManager=node`, { body, type: 'application/apply-patch+yaml' });
    }
  }

  /** Lets the controllers' clock go on, and them do what is due. */
  async pass(milliseconds: number): Promise<void> {
    await this.#clock.advance(milliseconds);
    await setImmediate();
  }
}
