/** Hints of `service.kubernetes.io/topology-mode: Auto`, over HTTP against a real server and its controllers. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import type { Json } from '../../src/apiserver/testing/server.ts';
import { type Cluster, type Place, startCluster } from './endpoints.ts';

const MODE = 'service.kubernetes.io/topology-mode';

let cluster: Cluster;
let at: Place;
before(async () => {
  cluster = await startCluster();
  await cluster.node('node2', 'east');
  for (const name of ['node1', 'node2']) await cpu(name, '4');
  at = await cluster.namespace('zones');
});
// Time passes while the tests wait, and a node that is silent for long is not ready.
beforeEach(async () => {
  for (const name of ['node1', 'node2']) await cluster.heartbeat(name);
});
after(() => cluster?.close());

const cpu = (node: string, amount: string) =>
  cluster.patch(`/api/v1/nodes/${node}/status`, { status: { allocatable: { cpu: amount } } });

/** Ready pods, so many on each node. */
async function pods(app: string, onNode1: number, onNode2: number): Promise<void> {
  const nodes = [...Array(onNode1).fill('node1'), ...Array(onNode2).fill('node2')];
  for (const [i, nodeName] of nodes.entries()) {
    const ips = [`10.244.7.${i + 1}`];
    await at.pod(`${app}-${i}`, { labels: { app }, ips, spec: { nodeName } });
  }
}

const annotate = (service: string, mode: string | null) =>
  cluster.patch(`${at.core}/services/${service}`, { metadata: { annotations: { [MODE]: mode } } });

/** The zones that the Service's endpoints are for, sorted; `-` for one without hints. */
async function zones(service: string): Promise<readonly string[]> {
  const slices = await at.slicesOf(service);
  const hints = slices.flatMap(({ endpoints }) => endpoints.map((e: Json) => e.hints));
  return hints.map((hint) => (hint === undefined ? '-' : hint.forZones.map((zone: Json) => zone.name).join())).sort();
}

/** `TYPE REASON: message` of the Events that tell of the Service's hints. */
async function news(service: string): Promise<readonly string[]> {
  const { items } = await cluster.get(`${at.core}/events`);
  return items
    .filter(({ involvedObject, reason }: Json) => involvedObject.name === service && /Hints/.test(reason))
    .map(({ type, reason, message }: Json) => `${type} ${reason}: ${message}`);
}

const ENABLED = 'Normal TopologyAwareHintsEnabled: Topology Aware Hints has been enabled, addressType: IPv4';
const disabled = (why: string) => `Warning TopologyAwareHintsDisabled: ${why}, addressType: IPv4`;

describe('EndpointSlices of a Service with topology-mode Auto', () => {
  it('hint zones by the share of their CPU, and no more once the annotation is gone, which Events tell', async () => {
    await at.service('web', {}, { annotations: { [MODE]: 'Auto' } });
    await pods('web', 3, 1);
    await cluster.eventually(() => zones('web'), ['east', 'east', 'west', 'west']);
    await cluster.eventually(async () => (await news('web')).includes(ENABLED), true);
    await annotate('web', null);
    await cluster.eventually(() => zones('web'), ['-', '-', '-', '-']);
    const over = disabled('Topology Aware Hints has been disabled');
    await cluster.eventually(async () => (await news('web')).includes(over), true);
  });

  it('have none while there are fewer endpoints than zones, and some once there are enough', async () => {
    await at.service('few', {}, { annotations: { [MODE]: 'Auto' } });
    await pods('few', 1, 0);
    const few = disabled('Insufficient number of endpoints (1 endpoints, 2 zones)');
    await cluster.eventually(async () => [await zones('few'), (await news('few')).includes(few)], [['-'], true]);
    await at.pod('few-more', { labels: { app: 'few' }, ips: ['10.244.8.1'], spec: { nodeName: 'node2' } });
    await cluster.eventually(() => zones('few'), ['east', 'west']);
  });

  it('go by the annotation where trafficDistribution is set too, and by that once the annotation is gone', async () => {
    await at.service('both', { trafficDistribution: 'PreferClose' }, { annotations: { [MODE]: 'auto' } });
    await pods('both', 3, 1);
    await cluster.eventually(() => zones('both'), ['east', 'east', 'west', 'west']);
    await annotate('both', 'Disabled');
    await cluster.eventually(() => zones('both'), ['east', 'west', 'west', 'west']);
  });

  it('are written anew when the zones’ CPU changes so much that some would be overloaded, and not before', async () => {
    await at.service('grown', {}, { annotations: { [MODE]: 'Auto' } });
    await pods('grown', 4, 4);
    await cluster.eventually(() => zones('grown'), [...Array(4).fill('east'), ...Array(4).fill('west')]);
    const [before] = await at.slicesOf('grown');
    await cpu('node2', '5');
    // What comes after it has been seen: a pod of another Service.
    await at.service('after');
    await at.pod('after', { labels: { app: 'after' }, ips: ['10.244.9.1'] });
    await cluster.eventually(() => at.endpointsOf('after'), ['IPv4 10.244.9.1 ready serving']);
    assert.deepEqual(await at.slicesOf('grown'), [before]);
    await cpu('node2', '12');
    await cluster.eventually(() => zones('grown'), [...Array(6).fill('east'), ...Array(2).fill('west')]);
    await cpu('node2', '4');
    await cluster.eventually(() => zones('grown'), [...Array(4).fill('east'), ...Array(4).fill('west')]);
  });
});
