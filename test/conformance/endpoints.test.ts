/** What Kubernetes' controllers say about endpoints, each rule by itself, over HTTP against a real server. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Json } from '../../src/apiserver/testing/server.ts';
import { type Cluster, type Place, startCluster } from './endpoints.ts';

let cluster: Cluster;
let count = 0;
let at: Place;
before(async () => {
  cluster = await startCluster();
});
after(() => cluster?.close());

/** A test with a namespace of its own in `at`. */
function rule(name: string, run: () => Promise<void>): void {
  it(name, async () => {
    at = await cluster.namespace(`ns-${++count}`);
    await run();
  });
}

const eventually = <T>(ask: () => Promise<T>, expected: T) => cluster.eventually(ask, expected);
const dual = { ipFamilyPolicy: 'RequireDualStack' };

describe('EndpointSlices of a Service with a selector', () => {
  rule('are one empty slice per family while nothing is selected', async () => {
    await at.service('web', dual);
    const shapes = async () => (await at.slicesOf('web')).map((slice) => [slice.addressType, slice.endpoints]).sort();
    await eventually(shapes, [
      ['IPv4', []],
      ['IPv6', []],
    ]);
  });

  rule('carry the labels of the Service, its name and their manager, and belong to it', async () => {
    const { metadata } = await at.service('web', {}, { labels: { team: 'a' } });
    await eventually(async () => (await at.slicesOf('web')).length, 1);
    const [slice] = await at.slicesOf('web');
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
    await at.service('web', { clusterIP: 'None' });
    const marks = async () =>
      (await at.slicesOf('web')).map(({ metadata }) => metadata.labels['service.kubernetes.io/headless']);
    await eventually(marks, ['']);
  });

  rule('follow the labels of the Service', async () => {
    await at.service('web');
    await cluster.patch(`${at.core}/services/web`, { metadata: { labels: { team: 'b' } } });
    await eventually(async () => (await at.slicesOf('web')).map(({ metadata }) => metadata.labels.team), ['b']);
  });

  rule('tell of an endpoint its address, port, conditions, node, zone and pod', async () => {
    await at.service('web', {
      ports: [{ name: 'http', port: 80, targetPort: 8080, appProtocol: 'kubernetes.io/h2c' }],
    });
    const pod = await at.pod('p1');
    await eventually(() => at.endpointsOf('web'), ['IPv4 10.244.0.5 ready serving']);
    const [slice] = await at.slicesOf('web');
    assert.deepEqual(slice.ports, [{ name: 'http', protocol: 'TCP', port: 8080, appProtocol: 'kubernetes.io/h2c' }]);
    assert.deepEqual(slice.endpoints, [
      {
        addresses: ['10.244.0.5'],
        conditions: { ready: true, serving: true, terminating: false },
        targetRef: { kind: 'Pod', namespace: at.name, name: 'p1', uid: pod.metadata.uid },
        nodeName: 'node1',
        zone: 'west',
      },
    ]);
  });

  rule('have the addresses of both families of a pod, each in its own slice', async () => {
    await at.service('web', dual);
    await at.pod('p1', { ips: ['10.244.0.5', 'fd00:10:244::5'] });
    await eventually(
      () => at.endpointsOf('web'),
      ['IPv4 10.244.0.5 ready serving', 'IPv6 fd00:10:244::5 ready serving'],
    );
  });

  rule('have the second family once the Service is upgraded to it, and not after a downgrade', async () => {
    await at.service('web');
    await at.pod('p1', { ips: ['10.244.0.5', 'fd00:10:244::5'] });
    await eventually(() => at.endpointsOf('web'), ['IPv4 10.244.0.5 ready serving']);
    await cluster.patch(`${at.core}/services/web`, { spec: dual });
    await eventually(async () => (await at.endpointsOf('web')).length, 2);
    await cluster.patch(`${at.core}/services/web`, { spec: { ipFamilyPolicy: 'SingleStack' } });
    await eventually(() => at.endpointsOf('web'), ['IPv4 10.244.0.5 ready serving']);
    await eventually(async () => (await at.slicesOf('web')).length, 1);
  });

  rule('show a pod that is not ready as neither ready nor serving', async () => {
    await at.service('web');
    await at.pod('p1', { ready: false });
    await eventually(() => at.endpointsOf('web'), ['IPv4 10.244.0.5']);
    await at.podStatus('p1', { ready: true });
    await eventually(() => at.endpointsOf('web'), ['IPv4 10.244.0.5 ready serving']);
  });

  rule('show a pod that ends as serving and terminating, and no longer once it is gone', async () => {
    await at.service('web');
    await at.pod('p1');
    await cluster.delete(`${at.core}/pods/p1`);
    await eventually(() => at.endpointsOf('web'), ['IPv4 10.244.0.5 serving terminating']);
    await cluster.delete(`${at.core}/pods/p1?gracePeriodSeconds=0`);
    await eventually(() => at.endpointsOf('web'), []);
  });

  rule('show every pod as ready with publishNotReadyAddresses, and still say whether it serves', async () => {
    await at.service('web', { publishNotReadyAddresses: true });
    await at.pod('p1', { ready: false });
    await eventually(() => at.endpointsOf('web'), ['IPv4 10.244.0.5 ready']);
  });

  rule('leave out pods that have ended or have no address', async () => {
    await at.service('web');
    await at.pod('ended');
    await cluster.patch(`${at.core}/pods/ended/status`, { status: { phase: 'Succeeded' } });
    await at.pod('without', { ips: [] });
    await at.pod('good', { ips: ['10.244.0.8'] });
    await eventually(() => at.endpointsOf('web'), ['IPv4 10.244.0.8 ready serving']);
  });

  rule('follow the labels of pods and the selector of the Service', async () => {
    await at.service('web');
    await at.pod('p1', { labels: { app: 'other' } });
    await at.pod('p2', { ips: ['10.244.0.6'] });
    await eventually(() => at.endpointsOf('web'), ['IPv4 10.244.0.6 ready serving']);
    await cluster.patch(`${at.core}/pods/p2`, { metadata: { labels: { app: 'other' } } });
    await eventually(() => at.endpointsOf('web'), []);
    await cluster.patch(`${at.core}/services/web`, { spec: { selector: { app: 'other' } } });
    await eventually(() => at.endpointsOf('web'), ['IPv4 10.244.0.5 ready serving', 'IPv4 10.244.0.6 ready serving']);
  });

  rule('give a pod its hostname only under the headless Service that its subdomain names', async () => {
    await at.service('web', { clusterIP: 'None' });
    await at.service('other', { clusterIP: 'None', selector: { app: 'web' } });
    await at.pod('p1', { spec: { hostname: 'first', subdomain: 'web' } });
    const names = async (service: string) =>
      (await at.slicesOf(service)).flatMap(({ endpoints }) => endpoints.map(({ hostname }: Json) => hostname ?? ''));
    await eventually(() => names('web'), ['first']);
    await eventually(() => names('other'), ['']);
  });

  rule(
    'are apart for pods whose named port has different numbers, and without the port for one that lacks it',
    async () => {
      await at.service('web', { ports: [{ port: 80, targetPort: 'http' }] });
      const ports = (containerPort: number) => ({
        containers: [{ name: 'c', image: 'i', ports: [{ name: 'http', containerPort }] }],
      });
      await at.pod('p1', { ips: ['10.244.0.1'], spec: ports(8080) });
      await at.pod('p2', { ips: ['10.244.0.2'], spec: ports(9090) });
      await at.pod('p3', { ips: ['10.244.0.3'] });
      const shapes = async () =>
        (await at.slicesOf('web'))
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
    await at.service('web', {
      ports: [
        { name: 'a', port: 80, targetPort: 8080 },
        { name: 'b', port: 81, protocol: 'UDP' },
      ],
    });
    await at.pod('p1');
    const ports = async () => (await at.slicesOf('web')).map((slice) => slice.ports);
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
      await at.service('web', { trafficDistribution });
      await at.pod('p1');
      const hints = async () =>
        (await at.slicesOf('web')).flatMap(({ endpoints }) => endpoints.map((e: Json) => e.hints));
      await eventually(hints, [{ forZones: [{ name: 'west' }], ...node }]);
      await cluster.patch(`${at.core}/services/web`, { spec: { trafficDistribution: null } });
      await eventually(hints, [undefined]);
    });
  }

  rule('hold at most 100 endpoints, and a change of one writes one slice', async () => {
    await at.service('web');
    const pods = Array.from({ length: 250 }, (_, i) => `p${i}`);
    await Promise.all(pods.map((name, i) => at.podAtOnce(name, `10.244.${1 + (i >> 7)}.${1 + (i & 127)}`)));
    const sizes = async () => (await at.slicesOf('web')).map(({ endpoints }) => endpoints.length);
    await eventually(async () => (await sizes()).reduce((sum, size) => sum + size, 0), 250);
    assert.ok((await sizes()).every((size) => size <= 100));
    const versions = async () =>
      new Map((await at.slicesOf('web')).map(({ metadata }) => [metadata.name, metadata.resourceVersion]));
    const before = await versions();
    await at.podStatus('p7', { ready: false, ips: ['10.244.1.8'] });
    await eventually(async () => (await at.endpointsOf('web')).includes('IPv4 10.244.1.8'), true);
    const changed = [...(await versions())].filter(([name, version]) => before.get(name) !== version);
    assert.equal(changed.length, 1);
  });

  rule('come back when somebody deletes one, and are put right when somebody changes one', async () => {
    await at.service('web');
    await at.pod('p1');
    await eventually(() => at.endpointsOf('web'), ['IPv4 10.244.0.5 ready serving']);
    const [slice] = await at.slicesOf('web');
    await cluster.patch(`${at.slices}/${slice.metadata.name}`, { endpoints: [] });
    await eventually(() => at.endpointsOf('web'), ['IPv4 10.244.0.5 ready serving']);
    await cluster.delete(`${at.slices}/${slice.metadata.name}`);
    await eventually(() => at.endpointsOf('web'), ['IPv4 10.244.0.5 ready serving']);
  });

  rule('go with the Service, and stay without an owner when it is deleted with Orphan', async () => {
    await at.service('web');
    await at.service('kept');
    await eventually(async () => [...(await at.slicesOf('web')), ...(await at.slicesOf('kept'))].length, 2);
    await cluster.delete(`${at.core}/services/web`);
    await eventually(() => at.slicesOf('web'), []);
    await cluster.delete(`${at.core}/services/kept`, { propagationPolicy: 'Orphan' });
    await eventually(async () => (await cluster.get(`${at.core}/services`)).items.length, 0);
    const owners = async () => (await at.slicesOf('kept')).map(({ metadata }) => metadata.ownerReferences ?? []);
    await eventually(owners, [[]]);
  });

  rule('are not made again while a delete with Foreground waits for them to go', async () => {
    await at.service('web');
    await at.pod('a');
    await eventually(() => at.endpointsOf('web'), ['IPv4 10.244.0.5 ready serving']);
    const before = await cluster.api.store.revision();
    await cluster.delete(`${at.core}/services/web`, { propagationPolicy: 'Foreground' });
    await eventually(async () => (await cluster.get(`${at.core}/services`)).items.length, 0);
    assert.deepEqual(await at.slicesOf('web'), []);
    const writes = (await cluster.api.store.revision()) - before;
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
    await at.service('db', { selector: null });
    const made = await cluster.create(at.slices, own('db'));
    // A Service that is served meanwhile shows that the controllers have been round.
    await at.service('web');
    await eventually(async () => (await at.slicesOf('web')).length, 1);
    const slices = await at.slicesOf('db');
    assert.deepEqual(slices, [made]);
  });

  rule('of a Service with a selector are left beside its own', async () => {
    await cluster.create(at.slices, own('web'));
    await at.service('web');
    await at.pod('p1');
    await eventually(() => at.endpointsOf('web'), ['IPv4 10.244.0.5 ready serving', 'IPv4 192.0.2.7']);
  });

  rule('stay as they were when a Service loses its selector', async () => {
    await at.service('web');
    await at.pod('p1');
    await eventually(() => at.endpointsOf('web'), ['IPv4 10.244.0.5 ready serving']);
    await cluster.patch(`${at.core}/services/web`, { spec: { selector: null } });
    await cluster.delete(`${at.core}/pods/p1?gracePeriodSeconds=0`);
    await at.service('other');
    await eventually(async () => (await at.slicesOf('other')).length, 1);
    assert.deepEqual(await at.endpointsOf('web'), ['IPv4 10.244.0.5 ready serving']);
  });

  rule('are not made for a Service that is only a name', async () => {
    await at.service('alias', {
      type: 'ExternalName',
      externalName: 'example.com',
      selector: { app: 'web' },
      ports: [],
    });
    await at.service('web');
    await eventually(async () => (await at.slicesOf('web')).length, 1);
    assert.deepEqual(await at.slicesOf('alias'), []);
  });
});

describe('Endpoints', () => {
  const subsets = async (name: string) =>
    (await at.cluster.api.call('GET', `${at.core}/endpoints/${name}`)).body.subsets;

  rule('are kept beside the slices, with who is ready and who is not', async () => {
    await at.service('web', { ports: [{ name: 'http', port: 80, targetPort: 8080 }] }, { labels: { team: 'a' } });
    const first = await at.pod('p1');
    const second = await at.pod('p2', { ready: false, ips: ['10.244.0.6'] });
    const address = (ip: string, { metadata }: Json) => ({
      ip,
      nodeName: 'node1',
      targetRef: { kind: 'Pod', namespace: at.name, name: metadata.name, uid: metadata.uid },
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
    const { metadata } = await cluster.get(`${at.core}/endpoints/web`);
    assert.deepEqual(metadata.labels, { team: 'a', 'endpoints.kubernetes.io/managed-by': 'endpoint-controller' });
    assert.equal(metadata.ownerReferences, undefined);
  });

  rule(
    'may have an address move to another node, as one does when a node gets the CIDR of one that is gone',
    async () => {
      const on = (nodeName: string) => ({
        subsets: [{ addresses: [{ ip: '10.244.0.5', nodeName }], ports: [{ port: 80 }] }],
      });
      await cluster.create(`${at.core}/endpoints`, { metadata: { name: 'moved' }, ...on('node1') });
      const { subsets: moved } = await cluster.patch(`${at.core}/endpoints/moved`, on('node2'));
      assert.equal(moved[0].addresses[0].nodeName, 'node2');
    },
  );

  rule('have the first family of a dual-stack Service', async () => {
    await at.service('web', { ...dual, ipFamilies: ['IPv6', 'IPv4'] });
    await at.pod('p1', { ips: ['10.244.0.5', 'fd00:10:244::5'] });
    const ips = async () =>
      (await subsets('web'))?.flatMap(({ addresses }: Json) => addresses.map(({ ip }: Json) => ip));
    await eventually(ips, ['fd00:10:244::5']);
  });

  rule('leave out a pod that ends', async () => {
    await at.service('web');
    await at.pod('p1');
    await eventually(async () => (await subsets('web'))?.length, 1);
    await cluster.delete(`${at.core}/pods/p1`);
    await eventually(() => subsets('web'), undefined);
  });

  rule('go with the Service', async () => {
    await at.service('web');
    const code = async () => (await cluster.api.call('GET', `${at.core}/endpoints/web`)).code;
    await eventually(code, 200);
    await cluster.delete(`${at.core}/services/web`);
    await eventually(code, 404);
  });

  const handMade = (name: string, ip: string, labels = {}) => ({
    apiVersion: 'v1',
    kind: 'Endpoints',
    metadata: { name, labels },
    subsets: [{ addresses: [{ ip }, { ip: 'fd00::7' }], ports: [{ port: 5432 }] }],
  });

  rule('made by hand for a Service without a selector are mirrored into slices of both families', async () => {
    await at.service('db', { selector: null });
    const made = await cluster.create(`${at.core}/endpoints`, handMade('db', '192.0.2.7'));
    await eventually(() => at.endpointsOf('db'), ['IPv4 192.0.2.7 ready', 'IPv6 fd00::7 ready']);
    const [slice] = await at.slicesOf('db');
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
    await at.service('db', { selector: null });
    await cluster.create(`${at.core}/endpoints`, handMade('db', '192.0.2.7'));
    await cluster.patch(`${at.core}/endpoints/db`, { subsets: [{ notReadyAddresses: [{ ip: '192.0.2.8' }] }] });
    await eventually(() => at.endpointsOf('db'), ['IPv4 192.0.2.8']);
    await cluster.delete(`${at.core}/endpoints/db`);
    await eventually(() => at.slicesOf('db'), []);
  });

  rule('made by hand and deleted with Foreground go after their slices', async () => {
    await at.service('db', { selector: null });
    await cluster.create(`${at.core}/endpoints`, handMade('db', '192.0.2.7'));
    await eventually(async () => (await at.slicesOf('db')).length, 2);
    await cluster.delete(`${at.core}/endpoints/db`, { propagationPolicy: 'Foreground' });
    await eventually(async () => (await cluster.get(`${at.core}/endpoints`)).items.length, 0);
    assert.deepEqual(await at.slicesOf('db'), []);
  });

  rule('with the label skip-mirror are not mirrored', async () => {
    await at.service('db', { selector: null });
    const label = { 'endpointslice.kubernetes.io/skip-mirror': 'true' };
    await cluster.create(`${at.core}/endpoints`, handMade('db', '192.0.2.7', label));
    await at.service('other', { selector: null });
    await cluster.create(`${at.core}/endpoints`, handMade('other', '192.0.2.9'));
    await eventually(async () => (await at.endpointsOf('other')).length, 2);
    assert.deepEqual(await at.slicesOf('db'), []);
  });

  rule('with a mistake are refused with every cause, and nothing is stored', async () => {
    const body = {
      apiVersion: 'v1',
      kind: 'Endpoints',
      metadata: { name: 'bad' },
      subsets: [{ addresses: [{ ip: '127.0.0.1' }], ports: [{ port: 0 }, { port: 70000 }] }, {}],
    };
    const { code, body: status } = await cluster.api.call('POST', `${at.core}/endpoints`, { body });
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
    assert.equal((await cluster.api.call('GET', `${at.core}/endpoints/bad`)).code, 404);
  });
});

describe('A Service that does not work says why, in a condition and an Event:', () => {
  const condition = async (type: string) => {
    const { status } = await cluster.get(`${at.core}/services/web`);
    const found = status.conditions?.find((each: Json) => each.type === `postern.dev/${type}`);
    return found && `${found.status} ${found.reason}`;
  };
  const message = async (type: string) => {
    const { status } = await cluster.get(`${at.core}/services/web`);
    return status.conditions.find((each: Json) => each.type === `postern.dev/${type}`).message as string;
  };
  const reasons = async () => {
    const { items } = await cluster.get(`${at.core}/events`);
    return items.filter((event: Json) => event.involvedObject.kind === 'Service').map(({ reason }: Json) => reason);
  };
  const vm = (labels: object) => ({
    apiVersion: 'kubevirt.io/v1',
    kind: 'VirtualMachine',
    metadata: { name: 'a' },
    spec: {
      runStrategy: 'Always',
      template: { metadata: { labels }, spec: { domain: { devices: {}, memory: { guest: '64Mi' } } } },
    },
  });
  const vms = () => `/apis/kubevirt.io/v1/namespaces/${at.name}/virtualmachines`;

  rule('no pod has the label', async () => {
    await at.service('web');
    await eventually(() => condition('EndpointsReady'), 'False NothingSelected');
    assert.match(await message('EndpointsReady'), /no virtual machine and no pod carries the label app=web/);
    await eventually(async () => (await reasons()).includes('NothingSelected'), true);
  });

  rule('the virtual machine has it only in its template and needs a restart', async () => {
    await cluster.create(vms(), vm({}));
    const instance = `/apis/kubevirt.io/v1/namespaces/${at.name}/virtualmachineinstances/a`;
    await eventually(async () => (await cluster.api.call('GET', instance)).code, 200);
    await cluster.patch(`${vms()}/a`, { spec: { template: { metadata: { labels: { app: 'web' } } } } });
    await at.service('web');
    await eventually(() => condition('EndpointsReady'), 'False RestartNeeded');
    assert.match(
      await message('EndpointsReady'),
      /virtual machine a has app=web in its template, .*postern vm restart a/,
    );
    await eventually(async () => (await reasons()).includes('RestartNeeded'), true);
  });

  rule('the guest is not ready, and which probe fails', async () => {
    await at.service('web');
    const readyMessage = 'the guest runs and its readiness probe fails: connection refused at 10.244.0.5:8080';
    await at.pod('p1', { ready: false, readyMessage });
    await eventually(() => condition('EndpointsReady'), 'False NotReady');
    assert.match(await message('EndpointsReady'), /readiness probe fails: connection refused at 10\.244\.0\.5:8080/);
    await at.podStatus('p1', { ready: true });
    await eventually(() => condition('EndpointsReady'), 'True EndpointsReady');
  });

  const pool = (addresses: string[]) => ({
    apiVersion: 'metallb.io/v1beta1',
    kind: 'IPAddressPool',
    metadata: { name: 'lan', namespace: 'kube-system' },
    spec: { addresses },
  });
  const POOLS = '/apis/metallb.io/v1beta1/namespaces/kube-system/ipaddresspools';

  rule('the pool is empty', async () => {
    await cluster.create(POOLS, pool(['192.0.2.100/32']));
    await at.service('first', { type: 'LoadBalancer' });
    const given = async () => (await cluster.get(`${at.core}/services/first`)).status.loadBalancer?.ingress?.[0]?.ip;
    await eventually(given, '192.0.2.100');
    await at.service('web', { type: 'LoadBalancer' });
    await eventually(() => condition('AddressAllocated'), 'False AllocationFailed');
    assert.match(await message('AddressAllocated'), /pool "lan": all of its 1 IPv4 addresses are in use/);
    await eventually(async () => (await reasons()).includes('AllocationFailed'), true);
    await cluster.delete(`${at.core}/services/first`);
    // Else it would take the address of the next test's pool.
    await cluster.delete(`${at.core}/services/web`);
    await cluster.delete(`${POOLS}/lan`);
  });

  rule('no announcer: nothing says from where the address is to be announced', async () => {
    await cluster.create(POOLS, pool(['192.0.2.101/32']));
    await at.service('web', { type: 'LoadBalancer' });
    await eventually(() => condition('AnnouncerFound'), 'False NoAnnouncer');
    assert.match(
      await message('AnnouncerFound'),
      /nobody announces 192\.0\.2\.101: no L2Advertisement is about its pool "lan"/,
    );
    await cluster.delete(`${POOLS}/lan`);
  });
});
