/**
 * Durable writes of single objects through three servers on an etcd of three members, with 64 clients at once, against the
 * same bytes written straight to that etcd, as many at once.
 */
import type { Endpoint } from '../../src/client/client.ts';
import { loadKubeconfig } from '../../src/client/kubeconfig.ts';
import { startServers } from '../../test/failure/loopback-servers.ts';
import { Connection } from '../api/connection.ts';
import type { Measured } from '../harness.ts';
import { CLIENTS, compareWrites, straightWrites, withEtcd } from '../store/etcd-load.ts';

const SERVERS = 3;
/** What the object says, in bytes: about a Pod's or a VirtualMachineInstance's. */
const SIZE = 3000;
const PATH = '/api/v1/namespaces/default/configmaps';

/** Nothing where etcd is not installed. */
export function measureServers(): Promise<Measured> {
  return withEtcd(async (etcd, scope) => {
    const servers = await startServers(scope, etcd, SERVERS);
    const endpoints = await Promise.all(servers.map(({ server }) => loadKubeconfig(server.kubeconfig)));
    const connections = await Promise.all(
      Array.from({ length: CLIENTS }, (_, i) => Connection.open(endpoints[i % SERVERS] as Endpoint)),
    );
    scope.after(() => {
      for (const connection of connections) connection.close();
    });
    const value = new Uint8Array(SIZE).fill(65);
    const keyOf = (client: number, n: number) => `/registry/bench/${client}-${n}`;
    return compareWrites(await straightWrites(etcd, scope, { value, keyOf }), {
      through: (client, n) => createOne(connections[client], `c${client}-${n}`),
      what: `${SERVERS} servers on it`,
      figure: 'servers-writes-to-etcd-itself',
    });
  });
}

async function createOne(connection: Connection | undefined, name: string): Promise<void> {
  const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { text: 'x'.repeat(SIZE) } };
  const answer = await connection?.request('POST', PATH, object);
  if (answer?.code !== 201) throw new Error(`creating ${name} was answered ${answer?.code} ${answer?.body}`);
}
