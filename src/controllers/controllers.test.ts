/** Controllers that are ready to work, and do not yet. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Service } from '../api/core/v1/service.ts';
import { EndpointSlice } from '../api/discovery/v1/endpointslice.ts';
import { keyOf } from '../api/meta/v1.ts';
import { fakeClient } from '../client/fake.ts';
import { eventually, settle } from '../client/testing.ts';
import { FakeClock } from '../host/clock.ts';
import { silentLogger } from '../host/log.ts';
import { mustParseCIDR } from '../lib/ip.ts';
import { prepareControllers } from './controllers.ts';

const NAMESPACE = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'default' }, status: { phase: 'Active' } };

function service(name: string) {
  const spec = { type: 'ClusterIP', clusterIP: '10.96.0.9', clusterIPs: ['10.96.0.9'], ipFamilies: ['IPv4'] };
  const ports = [{ name: '', port: 80, targetPort: 80, protocol: 'TCP' }];
  const metadata = { name, namespace: 'default' };
  return { apiVersion: 'v1', kind: 'Service', metadata, spec: { ...spec, selector: { app: name }, ports } };
}

test('controllers that are got ready write nothing, and read nothing again when they begin to work', async (t) => {
  const clock = new FakeClock();
  const client = fakeClient([NAMESPACE, service('first')], { clock });
  const end = new AbortController();
  t.after(() => end.abort());
  const lists: string[] = [];
  client.failWith((verb, kind) => {
    if (verb === 'list') lists.push(kind);
    return undefined;
  });
  const options = { client, log: silentLogger, clock, clusterCIDRs: [mustParseCIDR('10.244.0.0/16')] };
  const work = await prepareControllers(options, end.signal);
  client.seed(service('second'));
  await clock.advance(60_000);
  await settle();
  assert.deepEqual(client.writes, []);
  const read = [...lists];
  assert.ok(read.includes('Service') && read.includes('EndpointSlice'));
  // Kinds that only clean-up follows are not kept by who may never work.
  assert.ok(!read.includes('ConfigMap') && !read.includes('Role'));

  await work(end.signal);
  await eventually(async () => (await client.list(EndpointSlice)).items.length === 2);
  // But for what is looked through now and then, and followed by none: tokens and Events that are over, and what this test reads.
  const others = ['EndpointSlice', 'Secret', 'Event'];
  assert.deepEqual(
    lists.slice(read.length).filter((kind) => read.includes(kind) && !others.includes(kind)),
    [],
  );
  await eventually(async () => lists.includes('ConfigMap') && lists.includes('Role'));
});

test('controllers that are ready keep nothing but what there is, however much comes and goes', async (t) => {
  const clock = new FakeClock();
  const client = fakeClient([NAMESPACE], { clock });
  const end = new AbortController();
  t.after(() => end.abort());
  const options = { client, log: silentLogger, clock, clusterCIDRs: [mustParseCIDR('10.244.0.0/16')] };
  const work = await prepareControllers(options, end.signal);
  for (let i = 0; i < 50; i++) {
    const passing = client.seed(service(`passing${i}`));
    await settle(1);
    client.remove(Service, keyOf(passing));
  }
  await settle();
  const gets: string[] = [];
  client.failWith((verb, kind, key) => {
    if (verb !== 'list' && verb !== 'watch' && key.includes('passing')) gets.push(`${verb} ${kind} ${key}`);
    return undefined;
  });
  await work(end.signal);
  await settle(50);
  assert.deepEqual(gets, []);
});
