import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Lease } from '../../api/coordination/v1/lease.ts';
import type { Service } from '../../api/core/v1/service.ts';
import { type AnnouncerFacts, announcerLease } from '../../api/metallb/v1beta1/announcer-lease.ts';
import { ServiceL2Status } from '../../api/metallb/v1beta1/servicel2status.ts';
import { failure } from '../../api/status.ts';
import { fakeClient } from '../../client/fake.ts';
import { clusterView } from './cluster.ts';
import { clusterText } from './cluster-text.ts';

const NOW = Date.parse('2026-01-01T00:01:00Z');

const service = (name: string, ...addresses: readonly string[]): Service => ({
  ...{ apiVersion: 'v1', kind: 'Service', metadata: { name, namespace: 'shop' }, spec: { type: 'LoadBalancer' } },
  status: { loadBalancer: { ingress: addresses.map((ip) => ({ ip })) } },
});

const announcement = (serviceName: string, node: string): ServiceL2Status => ({
  ...{ apiVersion: 'metallb.io/v1beta1', kind: 'ServiceL2Status' },
  metadata: { name: `l2-${serviceName}-${node}`, namespace: 'metallb-system' },
  status: { node, serviceName, serviceNamespace: 'shop', interfaces: [{ name: 'eth0' }] },
});

const lease = (node: string, secondsAgo: number, facts: Partial<AnnouncerFacts> = {}): Lease =>
  announcerLease({ node, port: 7952, hears: [], onLan: true, ...facts }, NOW - secondsAgo * 1000);

test('the API tells who announces every Service that has an address, and how the announcers are', async () => {
  const client = fakeClient([
    ...[service('web', '192.168.77.200', 'fd00:77::200'), service('new'), announcement('web', 'node2')],
    ...[lease('node1', 2, { hears: ['node2'] }), lease('node2', 4, { hears: ['node1'] })],
    { ...lease('other', 1), metadata: { name: 'kube-scheduler', namespace: 'metallb-system' } },
  ]);
  assert.equal(
    clusterText(await clusterView(client, NOW)),
    `
SERVICE   ADDRESSES                     NODE   INTERFACES
shop/web  192.168.77.200, fd00:77::200  node2  eth0

ANNOUNCER  LEASE  RENEWED  HEARTBEATS  HEARS  ON LAN
node1      fresh  2s ago   UDP 7952    node2  yes
node2      fresh  4s ago   UDP 7952    node1  yes`.trim(),
  );
});

test('what is wrong is told: nobody announces, a lease ends, a LAN is lost, a port is closed', async () => {
  const client = fakeClient([
    service('web', '192.168.77.200'),
    ...[lease('node1', 2), lease('node2', 2, { port: 7953, hears: ['node1'], onLan: false })],
    ...[lease('node3', 40), lease('node4', 1, { port: undefined })],
  ]);
  const text = clusterText(await clusterView(client, NOW));
  assert.match(text, /^shop\/web +192\.168\.77\.200 +- +-$/m);
  assert.deepEqual(
    text
      .split('Not as it should be:\n')[1]
      ?.split('\n')
      .map((line) => line.trim()),
    [
      '192.168.77.200 of shop/web: nobody says that it announces them: postern why service web -n shop',
      'node3 has not renewed its lease for 40s: it has stopped, or has lost the API',
      'node2 has lost its LAN',
      'node1 does not hear node2: is UDP port 7953 open between them?',
    ],
  );
});

test('a cluster without announcers, and without their kinds, has nothing to show', async () => {
  const client = fakeClient();
  client.failWith((_, kind) => (kind === ServiceL2Status.kind ? failure(404, 'NotFound', 'no such page') : undefined));
  assert.equal(
    clusterText(await clusterView(client, NOW)),
    'No Service has a load balancer address.\n\nNo announcer has ever run in this cluster.',
  );
});
