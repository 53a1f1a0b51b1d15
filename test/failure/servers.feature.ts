/** API servers that are killed and that stand still: what was acknowledged, who leads, and who goes on. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { Lease } from '../../src/api/coordination/v1/lease.ts';
import { Service } from '../../src/api/core/v1/service.ts';
import { EndpointSlice } from '../../src/api/discovery/v1/endpointslice.ts';
import { labStart, labStop } from '../../src/lab/lab.ts';
import { NAMESPACE, PORT, pool, slices } from '../e2e/l2/objects.ts';
import { now } from '../e2e/l2/traffic.ts';
import { contradictions, readBack, recordWrites } from './history.ts';
import type { LabServer } from './servers.ts';
import type { Stories } from './stories.ts';
import type { World } from './world.ts';

/** What the server that is killed is asked to write. */
const LOAD = { perSecond: 500, writers: 64 };
const CLIENTS = 16;
/** Of writes before the kill, in milliseconds. */
const BEFORE_KILL = 3_000;
/** Milliseconds that everything may take longer on a machine that is busy with other tests, too: twelve processes share its processors. */
const BUSY = 2_500;
/** Milliseconds from the kill of the server whose controllers lead until others have done what was asked. */
const TAKEN_OVER = 3_000 + BUSY;
/** Milliseconds from when a server falls silent until an agent has heard of a change by another. */
const FAILED_OVER = 2_000 + BUSY;
const CONTROLLERS_LEASE = { namespace: 'kube-system', name: 'postern-controllers' };

export function killedWhileWriting(stories: Stories): void {
  stories.story('no write that a server acknowledged is lost when it is killed under 500 writes a second', async () => {
    const { world } = stories;
    const [killed, other] = world.servers;
    assert.ok(killed && other);
    const end = new AbortController();
    const clients = Array.from({ length: CLIENTS }, () => killed.connect());
    const writing = recordWrites(clients, 'killed', LOAD, end.signal);
    await sleep(BEFORE_KILL);
    await labStop(world.dir, [killed.name], 'SIGKILL');
    end.abort();
    const writes = await writing;
    for (const client of clients) client.close();
    const made = writes.filter(({ answer }) => answer.kind === 'made');
    // How many of the 500 there are in a second depends on the machine, which has a dozen processes to run.
    assert.ok(made.length > LOAD.writers, `only ${made.length} writes were answered`);
    const found = await readBack(other.client, 'killed');
    assert.deepEqual(contradictions(writes, found), []);
    // Whatever is there was sent, once.
    const sent = new Set(writes.map(({ name }) => name));
    assert.deepEqual(
      [...found.keys()].filter((name) => !sent.has(name)),
      [],
    );
    await labStart(world.dir, [killed.name]);
    assert.deepEqual(contradictions(writes, await readBack(killed.client, 'killed')), []);
  });
}

export function leadingControllersKilled(stories: Stories): void {
  stories.story(
    'when the server whose controllers lead is killed, another takes over within three seconds',
    async () => {
      const { world } = stories;
      const leader = await leadingServer(world);
      const other = world.servers.find((server) => server !== leader) ?? assert.fail('there is one server only');
      await world.lan.apply(pool('taken-over', ['192.168.77.250/32'], { autoAssign: false }));
      const killed = now();
      await labStop(world.dir, [leader.name], 'SIGKILL');
      await other.client.create(Service, {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: {
          name: 'taken-over',
          namespace: NAMESPACE,
          annotations: { 'metallb.io/address-pool': 'taken-over' },
        },
        spec: { type: 'LoadBalancer', ipFamilies: ['IPv4'], ports: [{ port: PORT }] },
      });
      await world.lan.eventually('the load balancer has its address', async () => {
        const { status } = await other.client.get(Service, { namespace: NAMESPACE, name: 'taken-over' });
        return status?.loadBalancer?.ingress?.[0]?.ip;
      });
      const taken = now() - killed;
      assert.ok(taken < TAKEN_OVER, `after ${Math.round(taken)} ms`);
      assert.notEqual((await leadingServer(world)).name, leader.name);
    },
  );
}

export function serverSilent(stories: Stories): void {
  for (const [how, silence, end] of [
    ['is killed', (world: World, name: string) => labStop(world.dir, [name], 'SIGKILL'), undefined],
    ['stands still', signal('SIGSTOP'), signal('SIGCONT')],
  ] as const) {
    stories.story(`when a server ${how}, its agents hear of changes by another within two seconds`, async () => {
      const { world } = stories;
      const [node] = world.lan.nodes;
      assert.ok(node);
      const used = await serverOf(world, node.name);
      const other = world.servers.find((server) => server !== used) ?? assert.fail('there is one server only');
      const name = `news-${how.replaceAll(' ', '-')}`;
      const silent = now();
      await silence(world, used.name);
      try {
        await hears(world, other, name, node.name);
        assert.ok(now() - silent < FAILED_OVER, `after ${Math.round(now() - silent)} ms`);
      } finally {
        await end?.(world, used.name);
      }
    });
  }
}

/** The server that a node's agent is connected to. */
async function serverOf(world: World, node: string): Promise<LabServer> {
  const shown = await world.lan.at(node, ['ss', '-Htn', 'state', 'established', 'dport', '=', ':6443']);
  const peers = shown.split('\n').map((line) => line.trim().split(/\s+/).at(-1) ?? '');
  const connected = (address: string) => peers.filter((peer) => peer.startsWith(`${address}:`)).length;
  const counts = world.servers.map((server) => ({ server, count: connected(server.addresses[0] ?? '') }));
  // A node keeps a line to every server for logs and commands; to the one that it asks there are more.
  const [most] = counts.sort((a, b) => b.count - a.count);
  return most?.server ?? assert.fail(`${node} is connected to no server`);
}

function signal(which: 'SIGSTOP' | 'SIGCONT') {
  return async (world: World, name: string) => void process.kill(world.lan.pidOf(name), which);
}

/** Makes a Service by this server, and waits until a node forwards for it. */
async function hears(world: World, by: LabServer, name: string, node: string): Promise<void> {
  const { spec } = await by.client.create(Service, {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace: NAMESPACE },
    spec: { ipFamilies: ['IPv4'], ports: [{ name: 'tcp', port: PORT, targetPort: 8080 }] },
  });
  for (const slice of slices(name, world.lan.nodes, ['IPv4'])) await by.client.create(EndpointSlice, slice);
  const traffic = await world.lan.traffic(
    [{ by: 'connections', address: spec?.clusterIP ?? '', port: PORT, every: 20 }],
    node,
  );
  await traffic.stop();
}

/** The server whose controllers do the work now. */
async function leadingServer(world: World): Promise<LabServer> {
  return world.lan.eventually('controllers have a leader', async () => {
    const lease = await world.lan.client.get(Lease, CONTROLLERS_LEASE).catch(() => undefined);
    const holder = lease?.spec?.holderIdentity ?? '';
    return world.servers.find(({ name }) => holder === name || holder.startsWith(`${name}_`));
  });
}
