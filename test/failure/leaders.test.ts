/** Three servers on one etcd: whichever of them dies, stops or freezes, one of them works, and nothing is done twice. */
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ReplicaSet } from '../../src/api/apps/v1/replicaset.ts';
import { Job } from '../../src/api/batch/v1/job.ts';
import { Lease } from '../../src/api/coordination/v1/lease.ts';
import { Pod } from '../../src/api/core/v1/pod.ts';
import { Service } from '../../src/api/core/v1/service.ts';
import type { Kind } from '../../src/api/kind.ts';
import { VirtualMachine } from '../../src/api/kubevirt/v1/virtualmachine.ts';
import type { KubeObject } from '../../src/api/meta/v1.ts';
import { IPAddressPool } from '../../src/api/metallb/v1beta1/ipaddresspool.ts';
import { ApiError, isAlreadyExists } from '../../src/api/status.ts';
import { type Client, TransportError } from '../../src/client/client.ts';
import { createClient } from '../../src/client/http-client.ts';
import { loadKubeconfig } from '../../src/client/kubeconfig.ts';
import { fileScope, skipWithoutEtcd, startEtcd } from '../../src/store/etcd/etcd.fixture.ts';
import type { Store } from '../../src/store/store.ts';
import { startServer } from '../e2e/server.ts';
import { leads, type OneOfServers, startServers } from './loopback-servers.ts';

const skip = skipWithoutEtcd();
const scope = fileScope();
const LEASE = { namespace: 'kube-system', name: 'postern-controllers' };
const PODS = '/registry/pods/default/';
const COUNT = 50;
const MACHINES = 10;
const BALANCERS = 20;
/** Milliseconds. */
const FROZEN = 4000;

let servers: readonly OneOfServers[];
let store: Store;
let anyServer: Client;
const made: string[] = [];

before(async () => {
  if (skip) return;
  const etcd = await startEtcd(scope, { members: 1 });
  servers = await startServers(scope, etcd, 3);
  store = await etcd.open(scope);
  const [first, ...more] = servers;
  assert.ok(first);
  const endpoint = await loadKubeconfig(first.server.kubeconfig);
  const client = createClient({ ...endpoint, otherServers: more.map(({ server }) => server.url) });
  const end = new AbortController();
  const recording = record(end.signal);
  scope.after(async () => {
    client.close();
    end.abort();
    await recording;
  });
  anyServer = client;
});

async function until<T>(what: string, look: () => Promise<T | undefined>): Promise<T> {
  for (const end = performance.now() + 60_000; performance.now() < end; ) {
    const found = await look();
    if (found !== undefined) return found;
    await sleep(20);
  }
  throw new Error(`waited in vain for ${what}`);
}

/** The server that leads, as its lease says. */
async function leader(): Promise<OneOfServers> {
  return until('a leader', async () => {
    for (const one of servers) {
      if (await leads(one)) return one;
    }
    return undefined;
  });
}

const template = (name: string) => ({
  metadata: { labels: { of: name } },
  spec: { containers: [{ name: 'c', image: 'i' }] },
});

function replicaSet(name: string, replicas: number): ReplicaSet {
  const spec = { replicas, selector: { matchLabels: { of: name } }, template: template(name) };
  return { apiVersion: 'apps/v1', kind: 'ReplicaSet', metadata: { name, namespace: 'default' }, spec };
}

function job(name: string, completions: number): Job {
  const { metadata, spec } = template(name);
  const pod = { metadata, spec: { ...spec, restartPolicy: 'Never' as const } };
  const wanted = { completions, parallelism: completions, template: pod };
  return { apiVersion: 'batch/v1', kind: 'Job', metadata: { name, namespace: 'default' }, spec: wanted };
}

function machine(name: string): VirtualMachine {
  const domain = { memory: { guest: '64Mi' }, devices: { interfaces: [{ name: 'default', masquerade: {} }] } };
  const spec = { domain, networks: [{ name: 'default', pod: {} }] };
  return {
    ...{ apiVersion: 'kubevirt.io/v1', kind: 'VirtualMachine', metadata: { name, namespace: 'default' } },
    spec: { runStrategy: 'Always', template: { spec } },
  };
}

function balancer(name: string): Service {
  const spec = { type: 'LoadBalancer' as const, ports: [{ port: 80 }] };
  return { apiVersion: 'v1', kind: 'Service', metadata: { name, namespace: 'default' }, spec };
}

/** As many addresses as the rounds want. */
const POOL: IPAddressPool = {
  apiVersion: 'metallb.io/v1beta1',
  kind: 'IPAddressPool',
  metadata: { name: 'lan', namespace: 'metallb-system' },
  spec: { addresses: [`192.0.2.1-192.0.2.${3 * BALANCERS}`] },
};

/** The address of each Service that has one. */
async function balanced(): Promise<readonly string[]> {
  const { items } = await anyServer.list(Service, { namespace: 'default' });
  return items.flatMap(({ status }) => status?.loadBalancer?.ingress?.map(({ ip = '' }) => ip) ?? []);
}

/** Notes the names of all pods that are made, as etcd tells of them. */
async function record(signal: AbortSignal): Promise<void> {
  for await (const { events } of store.watch(PODS, await store.revision(), signal)) {
    for (const event of events) {
      if (event.kind === 'put' && event.previous === undefined) made.push(event.entry.key.slice(PODS.length));
    }
  }
}

/** How many pods were made whose names begin so. */
function madeOf(prefix: string): number {
  return made.filter((name) => name.startsWith(prefix)).length;
}

/** Creates an object, whatever happens to servers meanwhile. */
async function create<T extends KubeObject>(kind: Kind<T>, object: T): Promise<void> {
  await until(`${kind.kind} ${object.metadata.name}`, async () => {
    try {
      await anyServer.create(kind, object);
      return true;
    } catch (error) {
      if (isAlreadyExists(error)) return true;
      if (error instanceof TransportError || (error instanceof ApiError && error.code >= 500)) return undefined;
      throw error;
    }
  });
}

/** Another server than this one. */
function otherThan(one: OneOfServers): OneOfServers {
  const found = servers.find((other) => other !== one);
  assert.ok(found);
  return found;
}

test('one of three leads, and the lease says so', { skip }, async () => {
  const { client } = await leader();
  const { spec } = await client.get(Lease, LEASE);
  assert.equal(spec?.leaseDurationSeconds, 2);
  assert.match(spec?.holderIdentity ?? '', /_[0-9a-f-]{36}$/);
});

test('when the leader is killed another one works within three seconds', { skip }, async () => {
  const first = await leader();
  const { client } = otherThan(first);
  const began = performance.now();
  await first.server.kill();
  await client.create(ReplicaSet, replicaSet('killed', 3));
  await until('its pods', async () => {
    const { items } = await client.list(Pod, { labelSelector: 'of=killed' });
    return items.length === 3 ? items : undefined;
  });
  const took = performance.now() - began;
  await first.server.restart();
  assert.ok(took < 3000, `${took} ms`);
});

test('when the leader is asked to end another one works at once', { skip }, async () => {
  const first = await leader();
  const { client } = otherThan(first);
  await first.server.end();
  const began = performance.now();
  await client.create(ReplicaSet, replicaSet('ended', 3));
  await until('its pods', async () => {
    const { items } = await client.list(Pod, { labelSelector: 'of=ended' });
    return items.length === 3 ? items : undefined;
  });
  const took = performance.now() - began;
  await first.server.restart();
  assert.ok(took < 1000, `${took} ms`);
});

/** As when its machine hangs: for longer than others believe in it, in the middle of whatever it does. */
async function freeze({ server }: OneOfServers): Promise<void> {
  server.freeze(true);
  await sleep(FROZEN);
  server.freeze(false);
}

async function killed({ server }: OneOfServers): Promise<void> {
  await server.kill();
  await sleep(1000);
  await server.restart();
}

const ROUNDS = [freeze, killed, freeze];

test('nothing is made twice, whichever way leaders go in the middle of making it', { skip }, async () => {
  await create(IPAddressPool, POOL);
  for (const [round, go] of ROUNDS.entries()) {
    const one = await leader();
    const going = until('the first pods', async () => (madeOf(`set${round}-`) > 3 ? true : undefined)).then(() =>
      go(one),
    );
    await create(ReplicaSet, replicaSet(`set${round}`, COUNT));
    await create(Job, job(`job${round}`, COUNT));
    for (let i = 0; i < MACHINES; i++) await create(VirtualMachine, machine(`vm${round}-${i}`));
    for (let i = 0; i < BALANCERS; i++) await create(Service, balancer(`lb${round}-${i}`));
    await going;
    await until(`all of round ${round}`, async () => {
      const guests = madeOf(`virt-launcher-vm${round}-`) >= MACHINES;
      return madeOf(`set${round}-`) >= COUNT && madeOf(`job${round}-`) >= COUNT && guests ? true : undefined;
    });
  }
  await until('all addresses', async () => ((await balanced()).length >= ROUNDS.length * BALANCERS ? true : undefined));
  // What is still on its way of those who were stopped.
  await sleep(1000);
  const given = await balanced();
  assert.deepEqual([given.length, new Set(given).size], [ROUNDS.length * BALANCERS, ROUNDS.length * BALANCERS]);
  for (const round of ROUNDS.keys()) {
    assert.equal(madeOf(`set${round}-`), COUNT);
    assert.equal(madeOf(`job${round}-`), COUNT);
    for (let i = 0; i < MACHINES; i++) assert.equal(madeOf(`virt-launcher-vm${round}-${i}-`), 1);
  }
});

test('a server that starts before its etcd waits for it', { skip }, async (t) => {
  const etcd = await startEtcd(t, { members: 1 });
  const [member] = etcd.members;
  await member?.kill();
  const argv = ['--store', 'etcd', '--etcd-endpoints', etcd.endpoints.join(',')];
  const starting = startServer(argv);
  // Longer than it takes to give an etcd up.
  await sleep(6500);
  member?.start();
  const server = await starting;
  t.after(() => server.stop());
  assert.match(server.said(), /etcd does not answer; the server waits for it/);
});
