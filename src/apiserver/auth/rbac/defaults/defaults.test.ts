import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { validateObject } from '../../../../api/meta/validation.ts';
import { ClusterRole } from '../../../../api/rbac/v1/clusterrole.ts';
import { ClusterRoleBinding } from '../../../../api/rbac/v1/clusterrolebinding.ts';
import { openMemoryStore } from '../../../../store/memory/memory-store.ts';
import { Codec } from '../../../storage/codec.ts';
import { kindPrefix, objectKey } from '../../../storage/keys.ts';
import { type Json, startTestServer, type TestServer } from '../../../testing/server.ts';
import { coverage } from '../covers.ts';
import { DEFAULT_BINDINGS } from './bindings.ts';
import { COMPONENT_ROLES } from './component-roles.ts';
import { withFirstRules } from './desired.ts';
import { USER_ROLES } from './user-roles.ts';
import { AUTOUPDATE } from './words.ts';

const ROLES = withFirstRules([...COMPONENT_ROLES, ...USER_ROLES]);

test('each has a name of its own and is as the API takes it, and each binding gives one of them', () => {
  const all = [
    ...ROLES.map((role) => [ClusterRole, role] as const),
    ...DEFAULT_BINDINGS.map((one) => [ClusterRoleBinding, one] as const),
  ];
  assert.deepEqual(
    all.flatMap(([kind, object]) => validateObject(kind, object)),
    [],
  );
  const names = ROLES.map(({ metadata }) => metadata.name);
  assert.equal(new Set(names).size, names.length);
  assert.deepEqual(
    DEFAULT_BINDINGS.filter(({ roleRef }) => !names.includes(roleRef.name)),
    [],
  );
});

test('whoever may edit may view, and whoever administers a namespace may edit it', () => {
  const rulesOf = (name: string) => ROLES.find(({ metadata }) => metadata.name === name)?.rules ?? [];
  const [view, edit, admin] = [rulesOf('view'), rulesOf('edit'), rulesOf('admin')];
  assert.ok(view.length > 0);
  assert.deepEqual(coverage(edit, view), { kind: 'covered' });
  assert.deepEqual(coverage(admin, edit), { kind: 'covered' });
  assert.equal(coverage(view, edit).kind, 'missing');
  assert.ok(!JSON.stringify(view).includes('secrets'), 'who may view may not read secrets: there are tokens in them');
});

describe('at the start of a server', () => {
  const store = openMemoryStore();
  const ROLE = '/apis/rbac.authorization.k8s.io/v1/clusterroles';
  const BINDING = '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings';
  let api: TestServer;
  before(async () => {
    api = await startTestServer({ store });
  });
  after(() => api.close());

  const change = async (path: string, body: object) => {
    const { code, text } = await api.call('PATCH', path, { type: 'application/merge-patch+json', body });
    assert.equal(code, 200, text);
  };
  const get = async (path: string): Promise<Json> => (await api.call('GET', path)).body;
  /** Another server on the same store. */
  const another = async () => (await startTestServer({ store: unclosed() })).close();
  const unclosed = () => new Proxy(store, { get: (of, name) => (name === 'close' ? async () => {} : bound(of, name)) });
  const bound = (of: object, name: string | symbol) => {
    const value: unknown = Reflect.get(of, name);
    return typeof value === 'function' ? value.bind(of) : value;
  };

  test('what was taken from a role or binding is there again, what was added stays, and a second start writes nothing', async () => {
    const mine = { verbs: ['get'], apiGroups: ['example.org'], resources: ['things'] };
    await change(`${ROLE}/system:node-bootstrapper`, { rules: [mine], metadata: { labels: null } });
    await change(`${BINDING}/system:discovery`, { subjects: [{ kind: 'User', name: 'eve' }] });
    await another();
    const role = await get(`${ROLE}/system:node-bootstrapper`);
    assert.deepEqual(role.rules[0], mine);
    assert.deepEqual(role.rules[1].resources, ['certificatesigningrequests']);
    assert.equal(role.metadata.labels['kubernetes.io/bootstrapping'], 'rbac-defaults');
    const { subjects } = await get(`${BINDING}/system:discovery`);
    assert.deepEqual(
      subjects.map(({ name }: Json) => name),
      ['eve', 'system:authenticated'],
    );
    const before = await store.list(kindPrefix(ClusterRole));
    await another();
    const after = await store.list(kindPrefix(ClusterRole));
    assert.deepEqual(
      after.entries.map(({ modified }) => modified),
      before.entries.map(({ modified }) => modified),
    );
  });

  test('what is marked to be left alone is left alone', async () => {
    const marked = { metadata: { annotations: { [AUTOUPDATE]: 'false' } } };
    await change(`${ROLE}/system:monitoring`, { ...marked, rules: [] });
    await change(`${BINDING}/system:public-info-viewer`, { ...marked, subjects: [] });
    await another();
    assert.deepEqual((await get(`${ROLE}/system:monitoring`)).rules, []);
    assert.deepEqual((await get(`${BINDING}/system:public-info-viewer`)).subjects, []);
    assert.equal((await api.call('GET', '/version', { as: null })).code, 401);
    assert.equal((await api.call('GET', '/livez', { as: null })).code, 200);
  });

  test('a binding of another role under the name of ours is made anew', async () => {
    const key = objectKey(ClusterRoleBinding, undefined, 'system:monitoring');
    const entry = await store.get(key);
    assert.ok(entry);
    const object = new Codec().decode(entry).object as ClusterRoleBinding;
    const other = { ...object, roleRef: { ...object.roleRef, name: 'cluster-admin' } };
    await store.txn([], [{ kind: 'put', key, value: Buffer.from(JSON.stringify(other)) }]);
    await another();
    const found = await get(`${BINDING}/system:monitoring`);
    assert.equal(found.roleRef.name, 'system:monitoring');
    assert.notEqual(found.metadata.uid, object.metadata.uid);
  });

  test('several servers that start at once all do, and each knows at once what is bound at another', async () => {
    const empty = openMemoryStore();
    const shared = new Proxy(empty, { get: (of, name) => (name === 'close' ? async () => {} : bound(of, name)) });
    const servers = await Promise.all([1, 2, 3].map(() => startTestServer({ store: shared })));
    assert.equal((await empty.list(kindPrefix(ClusterRole))).entries.length, ROLES.length);
    const [one, other] = servers as [TestServer, TestServer];
    const eve = await other.pki.issueClientCertificate({ commonName: 'eve', organizations: [] });
    const nodes = async () => (await other.call('GET', '/api/v1/nodes', { as: eve })).code;
    const roleRef = { kind: 'ClusterRole', name: 'system:node-proxier' };
    const subjects = [{ kind: 'User', name: 'eve' }];
    assert.equal(await nodes(), 403);
    await one.call('POST', BINDING, { body: { metadata: { name: 'eve' }, roleRef, subjects } });
    assert.equal(await nodes(), 200);
    await one.call('DELETE', `${BINDING}/eve`);
    assert.equal(await nodes(), 403);
    await Promise.all(servers.map((server) => server.close()));
    await empty.close();
  });
});
