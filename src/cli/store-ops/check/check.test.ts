import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { encode } from '../../../apiserver/storage/codec.ts';
import { NAMESPACES, SERVICES, service, startTestServer } from '../../../apiserver/testing/server.ts';
import { openMemoryStore } from '../../../store/memory/memory-store.ts';
import type { Store } from '../../../store/store.ts';
import { snapshotOf } from '../../../store/transfer/snapshot.ts';
import { checkObjects } from './check.ts';

/** What a server keeps of a few objects of most shapes. */
async function servedStore(): Promise<Store> {
  const store = openMemoryStore();
  const api = await startTestServer({ store });
  const made = [
    await api.call('POST', SERVICES, { body: service('web', { type: 'NodePort' }) }),
    await api.call('POST', SERVICES, { body: service('other') }),
    await api.call('POST', '/api/v1/nodes', { body: { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n1' } } }),
    await api.call('POST', NAMESPACES, { body: { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } } }),
    await api.call('POST', '/apis/metallb.io/v1beta1/namespaces/default/ipaddresspools', {
      body: {
        apiVersion: 'metallb.io/v1beta1',
        kind: 'IPAddressPool',
        metadata: { name: 'c' },
        spec: { addresses: ['192.0.2.0/24'] },
      },
    }),
  ];
  assert.deepEqual(
    made.map(({ code, text }) => (code === 201 ? '' : text)),
    made.map(() => ''),
  );
  await api.server.close();
  return store;
}

const check = async (store: Store) => checkObjects(await snapshotOf(store), () => {});

async function read(store: Store, key: string) {
  const entry = await store.get(key);
  assert.ok(entry);
  return JSON.parse(Buffer.from(entry.value).toString());
}

const write = (store: Store, key: string, value: unknown) =>
  store.txn([], [{ kind: 'put', key, value: typeof value === 'string' ? Buffer.from(value) : encode(value as never) }]);

test('finds nothing wrong with what a server has written, and counts it', async () => {
  const store = await servedStore();
  const report = await check(store);
  assert.deepEqual(report.problems, []);
  assert.equal(report.revision, await store.revision());
  const { services, nodes, 'ipaddresspools.metallb.io': pools } = report.objects;
  assert.deepEqual([services, nodes, pools], [3, 1, 1]);
});

const SPECS = '/registry/services/specs/default';
const UID = '00000000-0000-4000-8000-000000000000';

/** Each damage, with the errors and warnings that it makes. */
const damages: readonly [string, (store: Store) => Promise<unknown>, readonly RegExp[]][] = [
  ['a value is cut off', (store) => write(store, `${SPECS}/web`, '{"kind":'), [/error .*web is not JSON/]],
  ['a value is no object', (store) => write(store, '/registry/minions/n1', '7'), [/error .*n1 is JSON, and no object/]],
  [
    'a value is in protobuf',
    (store) => write(store, '/registry/pods/default/a', 'k8s\0rest'),
    [/error .*is in protobuf/],
  ],
  [
    'an object lies under another name',
    async (store) => write(store, '/registry/minions/n2', { ...(await read(store, '/registry/minions/n1')) }),
    [
      /error .*n2 metadata.name is "n1"; where it is kept it is n2/,
      /error .*n2 has the uid of \/registry\/minions\/n1/,
    ],
  ],
  [
    'an object lies in another namespace, and among another kind',
    async (store) => write(store, '/registry/configmaps/shop/web', await read(store, `${SPECS}/web`)),
    [
      /kind is "Service"; where it is kept it is ConfigMap/,
      /metadata.namespace is "default"; where it is kept it is shop/,
      /has the uid/,
    ],
  ],
  [
    'an object has a version that is not served, no uid and no time',
    (store) => write(store, '/registry/minions/n1', { apiVersion: 'v2', kind: 'Node', metadata: { name: 'n1' } }),
    [
      /apiVersion is "v2"; where it is kept it is v1/,
      /metadata.uid is missing/,
      /metadata.creationTimestamp is missing/,
    ],
  ],
  [
    'a key is no object’s',
    (store) => write(store, '/registry/pods/default', '{}'),
    [/error .*keys end in NAMESPACE\/NAME/],
  ],
  [
    'keys are of kinds of others',
    async (store) => [
      await write(store, '/registry/masterleases/10.0.0.1', 'x'),
      await write(store, '/registry/masterleases/10.0.0.2', 'x'),
    ],
    [/^warning \/registry\/masterleases\/10.0.0.1 and 1 more are of no kind .*masterleases/],
  ],
  [
    'an address and a port are not held',
    async (store) => {
      const { spec } = await read(store, `${SPECS}/web`);
      const keys = [
        ...spec.clusterIPs.map((ip: string) => `/registry/ipaddresses/${ip}`),
        `/registry/postern.dev/nodeports/${spec.ports[0].nodePort}`,
      ];
      return store.txn(
        [],
        keys.map((key: string) => ({ kind: 'delete', key }) as const),
      );
    },
    [/error .*web Cluster IP .*not allocated/, /error .*web Port \d+ is not allocated/],
  ],
  [
    'an address and a port are held for nobody',
    (store) => store.txn([], [{ kind: 'delete', key: `${SPECS}/web` }]),
    [/warning .*ipaddresses.* appears to have leaked/, /warning .*nodeports.* appears to have leaked/],
  ],
  [
    'two Services have one address',
    async (store) => {
      const [web, other] = [await read(store, `${SPECS}/web`), await read(store, `${SPECS}/other`)];
      const { clusterIP, clusterIPs } = web.spec;
      return write(store, `${SPECS}/other`, { ...other, spec: { ...other.spec, clusterIP, clusterIPs } });
    },
    [/error .*was assigned to multiple services/, /warning .*leaked/],
  ],
  [
    'an owner and a namespace are not there',
    (store) => {
      const ownerReferences = [
        { apiVersion: 'v1', kind: 'Pod', name: 'gone', uid: UID },
        { apiVersion: 'example.com/v1', kind: 'Unknown', name: 'elsewhere', uid: '1' },
      ];
      const metadata = {
        name: 'a',
        namespace: 'none',
        uid: '2',
        creationTimestamp: '2030-01-01T00:00:00Z',
        ownerReferences,
      };
      return write(store, '/registry/configmaps/none/a', { apiVersion: 'v1', kind: 'ConfigMap', metadata });
    },
    [
      /warning .*is owned by Pod gone of uid .*which is not there/,
      /warning .*is in namespace none, which is not there/,
    ],
  ],
];

describe('a store is found to be wrong when', () => {
  for (const [title, damage, expected] of damages) {
    test(title, async () => {
      const store = await servedStore();
      await damage(store);
      const { problems, errors, warnings } = await check(store);
      const texts = problems.map(({ severity, key, message }) => `${severity} ${key} ${message}`);
      for (const pattern of expected)
        assert.ok(
          texts.some((text) => pattern.test(text)),
          `${pattern}: ${texts.join('\n')}`,
        );
      assert.equal(problems.filter(({ severity }) => severity === 'error').length, errors);
      assert.equal(problems.length, errors + warnings);
      for (const { remedy } of problems) assert.notEqual(remedy, '');
    });
  }
});

test('revisions that cannot be are told', async () => {
  const value = encode({
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: 'n1', uid: UID, creationTimestamp: '2030-01-01T00:00:00Z' },
  });
  const entry = { key: '/registry/minions/n1', value, created: 9, modified: 8 };
  const snapshot = {
    revision: 9,
    async *pages() {
      yield [entry];
    },
  };
  const { problems } = await checkObjects(snapshot, () => {});
  assert.match(problems[0]?.message ?? '', /made at revision 9 and modified at 8, in a store at 9/);
});
