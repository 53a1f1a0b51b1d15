/** endpoints.kubernetes.io/last-change-trigger-time, over HTTP against a real server and its controllers. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Json } from '../../src/apiserver/testing/server.ts';
import { type Cluster, type Place, startCluster } from './endpoints.ts';

const ANNOTATION = 'endpoints.kubernetes.io/last-change-trigger-time';

let cluster: Cluster;
let at: Place;
before(async () => {
  cluster = await startCluster();
  at = await cluster.namespace('triggers');
});
after(() => cluster?.close());

/** What the node writes when a pod's readiness changes at a time of its clock. */
async function become(pod: string, status: 'True' | 'False', lastTransitionTime: string): Promise<void> {
  const conditions = [{ type: 'Ready', status, lastTransitionTime }];
  await cluster.patch(`${at.core}/pods/${pod}/status`, { status: { conditions } });
}

/** `readiness trigger-time` as slices and Endpoints tell it. */
async function told(service: string): Promise<readonly (readonly string[])[]> {
  const [slice] = await at.slicesOf(service);
  const { body } = await cluster.api.call('GET', `${at.core}/endpoints/${service}`);
  const time = (object: Json) => object?.metadata?.annotations?.[ANNOTATION] ?? 'none';
  const readyOf = (endpoints: readonly Json[] = []) => `${endpoints.filter((e) => e.conditions.ready).length} ready`;
  return [
    [readyOf(slice?.endpoints), time(slice)],
    [`${body?.subsets?.[0]?.addresses?.length ?? 0} ready`, time(body)],
  ];
}

/** Both say the same. */
const bothSay = (service: string, ready: number, time: string) =>
  cluster.eventually(
    () => told(service),
    [
      [`${ready} ready`, time],
      [`${ready} ready`, time],
    ],
  );

describe('the trigger time of EndpointSlices and Endpoints', () => {
  it('is when the Service was created, then when the pod whose readiness changed did so', async () => {
    const { metadata } = await at.service('web');
    await bothSay('web', 0, metadata.creationTimestamp);
    await at.pod('a', { ready: false });
    await become('a', 'True', '2026-03-01T10:00:00Z');
    await bothSay('web', 1, '2026-03-01T10:00:00Z');
    await become('a', 'False', '2026-03-01T10:00:05Z');
    await bothSay('web', 0, '2026-03-01T10:00:05Z');
  });

  it('is the time of that pod, though others became ready later before', async () => {
    await at.service('two');
    await at.pod('late', { labels: { app: 'two' }, ready: false, ips: ['10.244.0.6'] });
    await become('late', 'True', '2026-03-01T12:00:00Z');
    await bothSay('two', 1, '2026-03-01T12:00:00Z');
    await at.pod('early', { labels: { app: 'two' }, ready: false, ips: ['10.244.0.7'] });
    await become('early', 'True', '2026-03-01T11:00:00Z');
    await bothSay('two', 2, '2026-03-01T11:00:00Z');
  });

  it('is taken off by a change that no pod set off, and alone is no reason to write', async () => {
    await at.service('gone');
    await at.pod('g', { labels: { app: 'gone' }, ready: false, ips: ['10.244.0.8'] });
    await become('g', 'True', '2026-03-01T13:00:00Z');
    await bothSay('gone', 1, '2026-03-01T13:00:00Z');
    const [before] = await at.slicesOf('gone');
    await become('g', 'True', '2026-03-01T13:00:09Z');
    // A later change of another Service's pod has been seen when this one's is told.
    await become('early', 'False', '2026-03-01T13:00:10Z');
    await bothSay('two', 1, '2026-03-01T13:00:10Z');
    assert.deepEqual(await at.slicesOf('gone'), [before]);

    await cluster.delete(`${at.core}/pods/g?gracePeriodSeconds=0`);
    await bothSay('gone', 0, 'none');
  });
});
