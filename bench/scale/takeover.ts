/**
 * How long it takes, when the server whose controllers lead is killed, until another one's do the work, in a cluster of 10,000 Services: from
 * the kill to the slice of a Service that is made right after it, and not seen by the dead one.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { EndpointSlice } from '../../src/api/discovery/v1/endpointslice.ts';
import { createClient } from '../../src/client/http-client.ts';
import { loadKubeconfig } from '../../src/client/kubeconfig.ts';
import { leads, type OneOfServers, startServers } from '../../test/failure/loopback-servers.ts';
import { Connection } from '../api/connection.ts';
import { createPod, createService, each, type Send, startNode } from '../api/objects.ts';
import type { Measured } from '../harness.ts';
import { withEtcd } from '../store/etcd-load.ts';

const SERVERS = 3;
const SERVICES = 10_000;
const CLIENTS = 16;
const ROUNDS = 7;
/** For what was written last to be done with, and for the server that was killed to know everything again. */
const REST = 10_000;
const NODE = 'bench';
/** Milliseconds between looks at who leads. */
const INTERVAL = 20;
/** Milliseconds that a slice is waited for. */
const LIMIT = 60_000;

/** Nothing where etcd is not installed. */
export function measureTakeover(): Promise<Measured> {
  return withEtcd(async (etcd, scope) => {
    const servers = await startServers(scope, etcd, SERVERS);
    const [first, ...more] = servers;
    if (first === undefined) throw new Error('there is no server');
    const endpoint = await loadKubeconfig(first.server.kubeconfig);
    const any = createClient({ ...endpoint, otherServers: more.map(({ server }) => server.url) });
    scope.after(() => any.close());
    scope.after(await startNode((method, path, body) => any.raw(method, path, body), NODE));
    const connections = await Promise.all(Array.from({ length: CLIENTS }, () => Connection.open(endpoint)));
    await each(connections, SERVICES, (send, i) => createService(send, `s-${i}`));
    await each(connections, SERVICES, (send, number) => createPod(send, { number, app: `s-${number}`, node: NODE }));
    for (const connection of connections) connection.close();
    await filled(first);
    const [led, worked]: [number[], number[]] = [[], []];
    for (let round = 0; round < ROUNDS; round++) {
      await sleep(REST);
      const taken = await takeOver(servers, round);
      led.push(taken.leads);
      worked.push(taken.works);
    }
    return {
      rows: [
        { what: `another leads, of ${SERVICES} Services`, unit: 'ms', samples: led },
        { what: 'a slice is made by it', unit: 'ms', samples: worked },
      ],
      figures: [{ name: 'take-over', value: Math.max(...worked), unit: 'ms', goal: 3000 }],
    };
  });
}

/** Milliseconds from the kill until another one says that it leads, and until it has done something. */
async function takeOver(servers: readonly OneOfServers[], round: number): Promise<{ leads: number; works: number }> {
  const leader = await leaderOf(servers);
  const others = servers.filter((one) => one !== leader);
  const [other] = others;
  if (other === undefined) throw new Error('there is no other server');
  const send: Send = (method, path, body) => other.client.raw(method, path, body);
  const service = `new-${round}`;
  const { resourceVersion } = await other.client.list(EndpointSlice, { namespace: 'default', limit: 1 });
  const began = performance.now();
  await leader.server.kill();
  const leading = leaderOf(others).then(() => performance.now() - began);
  await createService(send, service, `s-${round}`);
  await filledSlice(other, service, resourceVersion);
  const works = performance.now() - began;
  await leader.server.restart();
  return { leads: await leading, works };
}

/** Waits until the Service has an endpoint, as whoever proxies it does: by a watch. */
async function filledSlice({ client }: OneOfServers, service: string, resourceVersion: string): Promise<void> {
  const labelSelector = `kubernetes.io/service-name=${service}`;
  const watch = client.watch(
    EndpointSlice,
    { namespace: 'default', labelSelector, resourceVersion },
    AbortSignal.timeout(LIMIT),
  );
  for await (const event of watch) {
    if (event.type !== 'BOOKMARK' && event.object.endpoints.length > 0) return;
  }
  throw new Error(`nothing made a slice for Service ${service}`);
}

/** The one whose controllers lead, once there is one. */
async function leaderOf(servers: readonly OneOfServers[]): Promise<OneOfServers> {
  for (;;) {
    for (const one of servers) {
      if (await leads(one)) return one;
    }
    await sleep(INTERVAL);
  }
}

/** Waits until each Service's slice has its endpoint. */
async function filled({ client }: OneOfServers): Promise<void> {
  for (;;) {
    const { items } = await client.list(EndpointSlice, { namespace: 'default' });
    if (items.filter(({ endpoints }) => endpoints.length > 0).length >= SERVICES) return;
    await sleep(1000);
  }
}
