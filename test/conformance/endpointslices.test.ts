/** What Kubernetes' controllers say in EndpointSlices, each rule by itself, over HTTP against a real server. */
import assert from 'node:assert/strict';
import { describe } from 'node:test';
import type { Json } from '../../src/apiserver/testing/server.ts';
import { clusterTests } from './cluster-tests.ts';

const tests = clusterTests();
const { rule, eventually } = tests;
const dual = { ipFamilyPolicy: 'RequireDualStack' };

describe('EndpointSlices of a Service with a selector', () => {
  rule('are one empty slice per family while nothing is selected', async () => {
    await tests.at.service('web', dual);
    const shapes = async () =>
      (await tests.at.slicesOf('web')).map((slice) => [slice.addressType, slice.endpoints]).sort();
    await eventually(shapes, [
      ['IPv4', []],
      ['IPv6', []],
    ]);
  });

  rule('carry the labels of the Service, its name and their manager, and belong to it', async () => {
    const { metadata } = await tests.at.service('web', {}, { labels: { team: 'a' } });
    await eventually(async () => (await tests.at.slicesOf('web')).length, 1);
    const [slice] = await tests.at.slicesOf('web');
    assert.match(slice.metadata.name, /^web-[a-z0-9]{5}$/);
    assert.equal(slice.metadata.generateName, 'web-');
    assert.deepEqual(slice.metadata.labels, {
      team: 'a',
      'kubernetes.io/service-name': 'web',
      'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io',
    });
    assert.deepEqual(slice.metadata.ownerReferences, [
      { apiVersion: 'v1', kind: 'Service', name: 'web', uid: metadata.uid, controller: true, blockOwnerDeletion: true },
    ]);
  });

  rule('of a headless Service are marked as such', async () => {
    await tests.at.service('web', { clusterIP: 'None' });
    const marks = async () =>
      (await tests.at.slicesOf('web')).map(({ metadata }) => metadata.labels['service.kubernetes.io/headless']);
    await eventually(marks, ['']);
  });

  rule('follow the labels of the Service', async () => {
    await tests.at.service('web');
    await tests.cluster.patch(`${tests.at.core}/services/web`, { metadata: { labels: { team: 'b' } } });
    await eventually(async () => (await tests.at.slicesOf('web')).map(({ metadata }) => metadata.labels.team), ['b']);
  });

  rule('tell of an endpoint its address, port, conditions, node, zone and pod', async () => {
    await tests.at.service('web', {
      ports: [{ name: 'http', port: 80, targetPort: 8080, appProtocol: 'kubernetes.io/h2c' }],
    });
    const pod = await tests.at.pod('p1');
    await eventually(() => tests.at.endpointsOf('web'), ['IPv4 10.244.0.5 ready serving']);
    const [slice] = await tests.at.slicesOf('web');
    assert.deepEqual(slice.ports, [{ name: 'http', protocol: 'TCP', port: 8080, appProtocol: 'kubernetes.io/h2c' }]);
    assert.deepEqual(slice.endpoints, [
      {
        addresses: ['10.244.0.5'],
        conditions: { ready: true, serving: true, terminating: false },
        targetRef: { kind: 'Pod', namespace: tests.at.name, name: 'p1', uid: pod.metadata.uid },
        nodeName: 'node1',
        zone: 'west',
      },
    ]);
  });

  rule('have the addresses of both families of a pod, each in its own slice', async () => {
    await tests.at.service('web', dual);
    await tests.at.pod('p1', { ips: ['10.244.0.5', 'fd00:10:244::5'] });
    await eventually(
      () => tests.at.endpointsOf('web'),
      ['IPv4 10.244.0.5 ready serving', 'IPv6 fd00:10:244::5 ready serving'],
    );
  });

  rule('have the second family once the Service is upgraded to it, and not after a downgrade', async () => {
    await tests.at.service('web');
    await tests.at.pod('p1', { ips: ['10.244.0.5', 'fd00:10:244::5'] });
    await eventually(() => tests.at.endpointsOf('web'), ['IPv4 10.244.0.5 ready serving']);
    await tests.cluster.patch(`${tests.at.core}/services/web`, { spec: dual });
    await eventually(async () => (await tests.at.endpointsOf('web')).length, 2);
    await tests.cluster.patch(`${tests.at.core}/services/web`, { spec: { ipFamilyPolicy: 'SingleStack' } });
    await eventually(() => tests.at.endpointsOf('web'), ['IPv4 10.244.0.5 ready serving']);
    await eventually(async () => (await tests.at.slicesOf('web')).length, 1);
  });

  rule('show a pod that is not ready as neither ready nor serving', async () => {
    await tests.at.service('web');
    await tests.at.pod('p1', { ready: false });
    await eventually(() => tests.at.endpointsOf('web'), ['IPv4 10.244.0.5']);
    await tests.at.podStatus('p1', { ready: true });
    await eventually(() => tests.at.endpointsOf('web'), ['IPv4 10.244.0.5 ready serving']);
  });

  rule('show a pod that ends as serving and terminating, and no longer once it is gone', async () => {
    await tests.at.service('web');
    await tests.at.pod('p1');
    await tests.cluster.delete(`${tests.at.core}/pods/p1`);
    await eventually(() => tests.at.endpointsOf('web'), ['IPv4 10.244.0.5 serving terminating']);
    await tests.cluster.delete(`${tests.at.core}/pods/p1?gracePeriodSeconds=0`);
    await eventually(() => tests.at.endpointsOf('web'), []);
  });

  rule('show every pod as ready with publishNotReadyAddresses, and still say whether it serves', async () => {
    await tests.at.service('web', { publishNotReadyAddresses: true });
    await tests.at.pod('p1', { ready: false });
    await eventually(() => tests.at.endpointsOf('web'), ['IPv4 10.244.0.5 ready']);
  });

  rule('leave out pods that have ended or have no address', async () => {
    await tests.at.service('web');
    await tests.at.pod('ended');
    await tests.cluster.patch(`${tests.at.core}/pods/ended/status`, { status: { phase: 'Succeeded' } });
    await tests.at.pod('without', { ips: [] });
    await tests.at.pod('good', { ips: ['10.244.0.8'] });
    await eventually(() => tests.at.endpointsOf('web'), ['IPv4 10.244.0.8 ready serving']);
  });

  rule('follow the labels of pods and the selector of the Service', async () => {
    await tests.at.service('web');
    await tests.at.pod('p1', { labels: { app: 'other' } });
    await tests.at.pod('p2', { ips: ['10.244.0.6'] });
    await eventually(() => tests.at.endpointsOf('web'), ['IPv4 10.244.0.6 ready serving']);
    await tests.cluster.patch(`${tests.at.core}/pods/p2`, { metadata: { labels: { app: 'other' } } });
    await eventually(() => tests.at.endpointsOf('web'), []);
    await tests.cluster.patch(`${tests.at.core}/services/web`, { spec: { selector: { app: 'other' } } });
    await eventually(
      () => tests.at.endpointsOf('web'),
      ['IPv4 10.244.0.5 ready serving', 'IPv4 10.244.0.6 ready serving'],
    );
  });

  rule('give a pod its hostname only under the headless Service that its subdomain names', async () => {
    await tests.at.service('web', { clusterIP: 'None' });
    await tests.at.service('other', { clusterIP: 'None', selector: { app: 'web' } });
    await tests.at.pod('p1', { spec: { hostname: 'first', subdomain: 'web' } });
    const names = async (service: string) =>
      (await tests.at.slicesOf(service)).flatMap(({ endpoints }) =>
        endpoints.map(({ hostname }: Json) => hostname ?? ''),
      );
    await eventually(() => names('web'), ['first']);
    await eventually(() => names('other'), ['']);
  });

  rule(
    'are apart for pods whose named port has different numbers, and without the port for one that lacks it',
    async () => {
      await tests.at.service('web', { ports: [{ port: 80, targetPort: 'http' }] });
      const ports = (containerPort: number) => ({
        containers: [{ name: 'c', image: 'i', ports: [{ name: 'http', containerPort }] }],
      });
      await tests.at.pod('p1', { ips: ['10.244.0.1'], spec: ports(8080) });
      await tests.at.pod('p2', { ips: ['10.244.0.2'], spec: ports(9090) });
      await tests.at.pod('p3', { ips: ['10.244.0.3'] });
      const shapes = async () =>
        (await tests.at.slicesOf('web'))
          .map(({ ports: own, endpoints }) =>
            [own.map(({ port }: Json) => port).join(), ...endpoints.map(({ addresses }: Json) => addresses[0])].join(
              ' ',
            ),
          )
          .sort();
      await eventually(shapes, [' 10.244.0.3', '8080 10.244.0.1', '9090 10.244.0.2']);
    },
  );

  rule('take a targetPort by number, and the port itself when there is none', async () => {
    await tests.at.service('web', {
      ports: [
        { name: 'a', port: 80, targetPort: 8080 },
        { name: 'b', port: 81, protocol: 'UDP' },
      ],
    });
    await tests.at.pod('p1');
    const ports = async () => (await tests.at.slicesOf('web')).map((slice) => slice.ports);
    await eventually(ports, [
      [
        { name: 'a', protocol: 'TCP', port: 8080 },
        { name: 'b', protocol: 'UDP', port: 81 },
      ],
    ]);
  });

  for (const trafficDistribution of ['PreferClose', 'PreferSameZone', 'PreferSameNode']) {
    const node = trafficDistribution === 'PreferSameNode' ? { forNodes: [{ name: 'node1' }] } : {};
    rule(`hint with ${trafficDistribution} where an endpoint is best used from, and not once it is unset`, async () => {
      await tests.at.service('web', { trafficDistribution });
      await tests.at.pod('p1');
      const hints = async () =>
        (await tests.at.slicesOf('web')).flatMap(({ endpoints }) => endpoints.map((e: Json) => e.hints));
      await eventually(hints, [{ forZones: [{ name: 'west' }], ...node }]);
      await tests.cluster.patch(`${tests.at.core}/services/web`, { spec: { trafficDistribution: null } });
      await eventually(hints, [undefined]);
    });
  }

  rule('hold at most 100 endpoints, and a change of one writes one slice', async () => {
    await tests.at.service('web');
    const pods = Array.from({ length: 250 }, (_, i) => `p${i}`);
    await Promise.all(pods.map((name, i) => tests.at.podAtOnce(name, `10.244.${1 + (i >> 7)}.${1 + (i & 127)}`)));
    const sizes = async () => (await tests.at.slicesOf('web')).map(({ endpoints }) => endpoints.length);
    await eventually(async () => (await sizes()).reduce((sum, size) => sum + size, 0), 250);
    assert.ok((await sizes()).every((size) => size <= 100));
    const versions = async () =>
      new Map((await tests.at.slicesOf('web')).map(({ metadata }) => [metadata.name, metadata.resourceVersion]));
    const before = await versions();
    await tests.at.podStatus('p7', { ready: false, ips: ['10.244.1.8'] });
    await eventually(async () => (await tests.at.endpointsOf('web')).includes('IPv4 10.244.1.8'), true);
    const changed = [...(await versions())].filter(([name, version]) => before.get(name) !== version);
    assert.equal(changed.length, 1);
  });

  rule('come back when somebody deletes one, and are put right when somebody changes one', async () => {
    await tests.at.service('web');
    await tests.at.pod('p1');
    await eventually(() => tests.at.endpointsOf('web'), ['IPv4 10.244.0.5 ready serving']);
    const [slice] = await tests.at.slicesOf('web');
    await tests.cluster.patch(`${tests.at.slices}/${slice.metadata.name}`, { endpoints: [] });
    await eventually(() => tests.at.endpointsOf('web'), ['IPv4 10.244.0.5 ready serving']);
    await tests.cluster.delete(`${tests.at.slices}/${slice.metadata.name}`);
    await eventually(() => tests.at.endpointsOf('web'), ['IPv4 10.244.0.5 ready serving']);
  });

  rule('go with the Service, and stay without an owner when it is deleted with Orphan', async () => {
    await tests.at.service('web');
    await tests.at.service('kept');
    await eventually(async () => [...(await tests.at.slicesOf('web')), ...(await tests.at.slicesOf('kept'))].length, 2);
    await tests.cluster.delete(`${tests.at.core}/services/web`);
    await eventually(() => tests.at.slicesOf('web'), []);
    await tests.cluster.delete(`${tests.at.core}/services/kept`, { propagationPolicy: 'Orphan' });
    await eventually(async () => (await tests.cluster.get(`${tests.at.core}/services`)).items.length, 0);
    const owners = async () => (await tests.at.slicesOf('kept')).map(({ metadata }) => metadata.ownerReferences ?? []);
    await eventually(owners, [[]]);
  });

  rule('are not made again while a delete with Foreground waits for them to go', async () => {
    await tests.at.service('web');
    await tests.at.pod('a');
    await eventually(() => tests.at.endpointsOf('web'), ['IPv4 10.244.0.5 ready serving']);
    const before = await tests.cluster.api.store.revision();
    await tests.cluster.delete(`${tests.at.core}/services/web`, { propagationPolicy: 'Foreground' });
    await eventually(async () => (await tests.cluster.get(`${tests.at.core}/services`)).items.length, 0);
    assert.deepEqual(await tests.at.slicesOf('web'), []);
    const writes = (await tests.cluster.api.store.revision()) - before;
    assert.ok(writes < 10, `the delete took ${writes} revisions`);
  });
});

describe('EndpointSlices of a Service without a selector', () => {
  const own = (name: string) => ({
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: `${name}-mine`, labels: { 'kubernetes.io/service-name': name } },
    addressType: 'IPv4',
    ports: [{ name: '', port: 5432, protocol: 'TCP' }],
    endpoints: [{ addresses: ['192.0.2.7'] }],
  });

  rule('are what people make, and nobody touches them', async () => {
    await tests.at.service('db', { selector: null });
    const made = await tests.cluster.create(tests.at.slices, own('db'));
    // A Service that is served meanwhile shows that the controllers have been round.
    await tests.at.service('web');
    await eventually(async () => (await tests.at.slicesOf('web')).length, 1);
    const slices = await tests.at.slicesOf('db');
    assert.deepEqual(slices, [made]);
  });

  rule('of a Service with a selector are left beside its own', async () => {
    await tests.cluster.create(tests.at.slices, own('web'));
    await tests.at.service('web');
    await tests.at.pod('p1');
    await eventually(() => tests.at.endpointsOf('web'), ['IPv4 10.244.0.5 ready serving', 'IPv4 192.0.2.7']);
  });

  rule('stay as they were when a Service loses its selector', async () => {
    await tests.at.service('web');
    await tests.at.pod('p1');
    await eventually(() => tests.at.endpointsOf('web'), ['IPv4 10.244.0.5 ready serving']);
    await tests.cluster.patch(`${tests.at.core}/services/web`, { spec: { selector: null } });
    await tests.cluster.delete(`${tests.at.core}/pods/p1?gracePeriodSeconds=0`);
    await tests.at.service('other');
    await eventually(async () => (await tests.at.slicesOf('other')).length, 1);
    assert.deepEqual(await tests.at.endpointsOf('web'), ['IPv4 10.244.0.5 ready serving']);
  });

  rule('are not made for a Service that is only a name', async () => {
    await tests.at.service('alias', {
      type: 'ExternalName',
      externalName: 'example.com',
      selector: { app: 'web' },
      ports: [],
    });
    await tests.at.service('web');
    await eventually(async () => (await tests.at.slicesOf('web')).length, 1);
    assert.deepEqual(await tests.at.slicesOf('alias'), []);
  });
});
