/** What Kubernetes' controllers say in Endpoints, each rule by itself, over HTTP against a real server. */
import assert from 'node:assert/strict';
import { describe } from 'node:test';
import type { Json } from '../../src/apiserver/testing/server.ts';
import { clusterTests } from './cluster-tests.ts';

const tests = clusterTests();
const { rule, eventually } = tests;
const dual = { ipFamilyPolicy: 'RequireDualStack' };

describe('Endpoints', () => {
  const subsets = async (name: string) =>
    (await tests.at.cluster.api.call('GET', `${tests.at.core}/endpoints/${name}`)).body.subsets;

  rule('are kept beside the slices, with who is ready and who is not', async () => {
    await tests.at.service('web', { ports: [{ name: 'http', port: 80, targetPort: 8080 }] }, { labels: { team: 'a' } });
    const first = await tests.at.pod('p1');
    const second = await tests.at.pod('p2', { ready: false, ips: ['10.244.0.6'] });
    const address = (ip: string, { metadata }: Json) => ({
      ip,
      nodeName: 'node1',
      targetRef: { kind: 'Pod', namespace: tests.at.name, name: metadata.name, uid: metadata.uid },
    });
    await eventually(
      () => subsets('web'),
      [
        {
          addresses: [address('10.244.0.5', first)],
          notReadyAddresses: [address('10.244.0.6', second)],
          ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
        },
      ],
    );
    const { metadata } = await tests.cluster.get(`${tests.at.core}/endpoints/web`);
    assert.deepEqual(metadata.labels, { team: 'a', 'endpoints.kubernetes.io/managed-by': 'endpoint-controller' });
    assert.equal(metadata.ownerReferences, undefined);
  });

  rule(
    'may have an address move to another node, as one does when a node gets the CIDR of one that is gone',
    async () => {
      const on = (nodeName: string) => ({
        subsets: [{ addresses: [{ ip: '10.244.0.5', nodeName }], ports: [{ port: 80 }] }],
      });
      await tests.cluster.create(`${tests.at.core}/endpoints`, { metadata: { name: 'moved' }, ...on('node1') });
      const { subsets: moved } = await tests.cluster.patch(`${tests.at.core}/endpoints/moved`, on('node2'));
      assert.equal(moved[0].addresses[0].nodeName, 'node2');
    },
  );

  rule('have the first family of a dual-stack Service', async () => {
    await tests.at.service('web', { ...dual, ipFamilies: ['IPv6', 'IPv4'] });
    await tests.at.pod('p1', { ips: ['10.244.0.5', 'fd00:10:244::5'] });
    const ips = async () =>
      (await subsets('web'))?.flatMap(({ addresses }: Json) => addresses.map(({ ip }: Json) => ip));
    await eventually(ips, ['fd00:10:244::5']);
  });

  rule('leave out a pod that ends', async () => {
    await tests.at.service('web');
    await tests.at.pod('p1');
    await eventually(async () => (await subsets('web'))?.length, 1);
    await tests.cluster.delete(`${tests.at.core}/pods/p1`);
    await eventually(() => subsets('web'), undefined);
  });

  rule('go with the Service', async () => {
    await tests.at.service('web');
    const code = async () => (await tests.cluster.api.call('GET', `${tests.at.core}/endpoints/web`)).code;
    await eventually(code, 200);
    await tests.cluster.delete(`${tests.at.core}/services/web`);
    await eventually(code, 404);
  });

  const handMade = (name: string, ip: string, labels = {}) => ({
    apiVersion: 'v1',
    kind: 'Endpoints',
    metadata: { name, labels },
    subsets: [{ addresses: [{ ip }, { ip: 'fd00::7' }], ports: [{ port: 5432 }] }],
  });

  rule('made by hand for a Service without a selector are mirrored into slices of both families', async () => {
    await tests.at.service('db', { selector: null });
    const made = await tests.cluster.create(`${tests.at.core}/endpoints`, handMade('db', '192.0.2.7'));
    await eventually(() => tests.at.endpointsOf('db'), ['IPv4 192.0.2.7 ready', 'IPv6 fd00::7 ready']);
    const [slice] = await tests.at.slicesOf('db');
    assert.equal(
      slice.metadata.labels['endpointslice.kubernetes.io/managed-by'],
      'endpointslicemirroring-controller.k8s.io',
    );
    assert.deepEqual(slice.metadata.ownerReferences, [
      {
        apiVersion: 'v1',
        kind: 'Endpoints',
        name: 'db',
        uid: made.metadata.uid,
        controller: true,
        blockOwnerDeletion: true,
      },
    ]);
    assert.deepEqual(slice.ports, [{ name: '', protocol: 'TCP', port: 5432 }]);
  });

  rule('made by hand are followed in their slices when they change and when they go', async () => {
    await tests.at.service('db', { selector: null });
    await tests.cluster.create(`${tests.at.core}/endpoints`, handMade('db', '192.0.2.7'));
    await tests.cluster.patch(`${tests.at.core}/endpoints/db`, {
      subsets: [{ notReadyAddresses: [{ ip: '192.0.2.8' }] }],
    });
    await eventually(() => tests.at.endpointsOf('db'), ['IPv4 192.0.2.8']);
    await tests.cluster.delete(`${tests.at.core}/endpoints/db`);
    await eventually(() => tests.at.slicesOf('db'), []);
  });

  rule('made by hand and deleted with Foreground go after their slices', async () => {
    await tests.at.service('db', { selector: null });
    await tests.cluster.create(`${tests.at.core}/endpoints`, handMade('db', '192.0.2.7'));
    await eventually(async () => (await tests.at.slicesOf('db')).length, 2);
    await tests.cluster.delete(`${tests.at.core}/endpoints/db`, { propagationPolicy: 'Foreground' });
    await eventually(async () => (await tests.cluster.get(`${tests.at.core}/endpoints`)).items.length, 0);
    assert.deepEqual(await tests.at.slicesOf('db'), []);
  });

  rule('with the label skip-mirror are not mirrored', async () => {
    await tests.at.service('db', { selector: null });
    const label = { 'endpointslice.kubernetes.io/skip-mirror': 'true' };
    await tests.cluster.create(`${tests.at.core}/endpoints`, handMade('db', '192.0.2.7', label));
    await tests.at.service('other', { selector: null });
    await tests.cluster.create(`${tests.at.core}/endpoints`, handMade('other', '192.0.2.9'));
    await eventually(async () => (await tests.at.endpointsOf('other')).length, 2);
    assert.deepEqual(await tests.at.slicesOf('db'), []);
  });

  rule('with a mistake are refused with every cause, and nothing is stored', async () => {
    const body = {
      apiVersion: 'v1',
      kind: 'Endpoints',
      metadata: { name: 'bad' },
      subsets: [{ addresses: [{ ip: '127.0.0.1' }], ports: [{ port: 0 }, { port: 70000 }] }, {}],
    };
    const { code, body: status } = await tests.cluster.api.call('POST', `${tests.at.core}/endpoints`, { body });
    assert.equal(code, 422);
    assert.deepEqual(
      status.details.causes.map(({ field }: Json) => field),
      [
        'subsets[0].addresses[0].ip',
        'subsets[0].ports[0].name',
        'subsets[0].ports[0].port',
        'subsets[0].ports[1].name',
        'subsets[0].ports[1].port',
        'subsets[1]',
      ],
    );
    assert.equal((await tests.cluster.api.call('GET', `${tests.at.core}/endpoints/bad`)).code, 404);
  });
});
