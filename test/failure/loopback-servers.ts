/** Several real `postern server` processes on one etcd, with one authority, on free ports of the loopback interface. */
import { cp, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Client } from '../../src/client/client.ts';
import { createClient } from '../../src/client/http-client.ts';
import { loadKubeconfig } from '../../src/client/kubeconfig.ts';
import type { EtcdFixture, Scope } from '../../src/store/etcd/etcd.fixture.ts';
import { startServer, type TestServer } from '../e2e/server.ts';

/** What servers of one cluster have in common, besides their etcd. */
const AUTHORITY = ['ca.pem', 'service-account.pem'];

/** A server, and an administrator's client of it and no other. */
export interface OneOfServers {
  readonly server: TestServer;
  readonly client: Client;
}

/** Starts the servers, one after another; they end with the scope. */
export async function startServers(
  scope: Scope,
  etcd: EtcdFixture,
  count: number,
  options: readonly string[] = [],
): Promise<readonly OneOfServers[]> {
  const started: OneOfServers[] = [];
  for (let i = 0; i < count; i++) {
    const dir = await mkdtemp(join(tmpdir(), 'postern-test-'));
    const [first] = started;
    if (first !== undefined) {
      await mkdir(join(dir, 'pki'), { mode: 0o700 });
      for (const name of AUTHORITY) await cp(join(first.server.dir, 'pki', name), join(dir, 'pki', name));
    }
    const argv = ['--store', 'etcd', '--etcd-endpoints', etcd.endpoints.join(','), ...options];
    const server = await startServer(argv, dir);
    // The kubeconfig knows the others, too.
    const client = createClient({ ...(await loadKubeconfig(server.kubeconfig)), otherServers: [] });
    scope.after(async () => {
      client.close();
      await server.stop();
      await rm(dir, { recursive: true, force: true });
    });
    started.push({ server, client });
  }
  return started;
}

/** Whether the controllers of this server lead, as its metrics say. One that does not answer does not. */
export async function leads({ client }: OneOfServers): Promise<boolean> {
  const metrics = await client.raw('GET', '/metrics').catch(() => '');
  return /^leader_election_master_status\{.*\} 1$/m.test(String(metrics));
}
