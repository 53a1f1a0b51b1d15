import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { KeyPair } from '../pki/certificate.ts';
import { type Json, service, startTestServer, type TestServer } from '../testing/server.ts';

const RBAC = '/apis/rbac.authorization.k8s.io/v1';
const SHOP = '/api/v1/namespaces/shop';
const ROLES = `${RBAC}/namespaces/shop/roles`;
const BINDINGS = `${RBAC}/namespaces/shop/rolebindings`;
const REVIEWS = '/apis/authorization.k8s.io/v1';
const MERGE = 'application/merge-patch+json';
const APPLY = 'application/apply-patch+yaml';

let api: TestServer;
let eve: KeyPair;
before(async () => {
  api = await startTestServer();
  eve = await api.pki.issueClientCertificate({ commonName: 'eve', organizations: ['devs'] });
  await ok(api.call('POST', '/api/v1/namespaces', { body: { metadata: { name: 'shop' } } }));
});
after(() => api.close());

async function ok(reply: ReturnType<TestServer['call']>): Promise<Json> {
  const { code, body, text } = await reply;
  assert.ok(code < 300, text);
  return body;
}

/** Gives a user of the group `devs` some rules in the namespace, and takes them again. */
async function given(rules: readonly object[], run: () => Promise<void>): Promise<void> {
  const roleRef = { kind: 'Role', name: 'given' };
  await ok(api.call('POST', ROLES, { body: { metadata: { name: 'given' }, rules } }));
  const subjects = [{ kind: 'Group', name: 'devs' }];
  await ok(api.call('POST', BINDINGS, { body: { metadata: { name: 'given' }, roleRef, subjects } }));
  try {
    await run();
  } finally {
    await ok(api.call('DELETE', `${BINDINGS}/given`));
    await ok(api.call('DELETE', `${ROLES}/given`));
  }
}

const rule = (verbs: string, groups: string, resources: string) => ({
  verbs: verbs.split(' '),
  apiGroups: groups.split(' '),
  resources: resources.split(' '),
});

test('a binding that was answered counts in the next request, and its end too', async () => {
  const codes: number[] = [];
  for (let i = 0; i < 20; i++) {
    await given([rule('get', '', 'services')], async () => {
      codes.push((await api.call('GET', `${SHOP}/services/none`, { as: eve })).code);
    });
    codes.push((await api.call('GET', `${SHOP}/services/none`, { as: eve })).code);
  }
  assert.deepEqual(new Set(codes.filter((_, i) => i % 2 === 0)), new Set([404]));
  assert.deepEqual(new Set(codes.filter((_, i) => i % 2 === 1)), new Set([403]));
});

const VERBS: readonly (readonly [string, string, string, string])[] = [
  ['GET', '/services', 'list', 'services'],
  ['GET', '/services?watch=1&timeoutSeconds=1', 'watch', 'services'],
  ['GET', '/services/x', 'get', 'services'],
  ['POST', '/services', 'create', 'services'],
  ['PUT', '/configmaps/x', 'update', 'configmaps'],
  ['PATCH', '/services/x', 'patch', 'services'],
  ['PUT', '/services/x/status', 'update', 'services/status'],
  ['DELETE', '/services/x', 'delete', 'services'],
  ['DELETE', '/services', 'deletecollection', 'services'],
  ['GET', '/pods/x/log', 'get', 'pods/log'],
  ['GET', '/pods/x/exec?command=sh', 'create', 'pods/exec'],
  ['POST', '/pods/x/portforward', 'create', 'pods/portforward'],
  ['POST', '/pods/x/eviction', 'create', 'pods/eviction'],
  ['POST', '/pods/x/binding', 'create', 'pods/binding'],
  ['POST', '/serviceaccounts/x/token', 'create', 'serviceaccounts/token'],
  ['PUT', '/finalize', 'update', 'namespaces/finalize'],
];
for (const [method, path, verb, resource] of VERBS) {
  test(`${method} ${path} takes the verb ${verb} on ${resource}, and no other`, async () => {
    const refused = await api.call(method, `${SHOP}${path}`, { as: eve, body: method === 'GET' ? undefined : {} });
    assert.equal(refused.code, 403, refused.text);
    const expected = `User "eve" cannot ${verb} resource "${resource}" in API group "" in the namespace "shop"`;
    assert.ok(refused.body.message.endsWith(`is forbidden: ${expected}`), refused.body.message);
    const every = 'get list watch create update patch delete deletecollection';
    const others = every.split(' ').filter((one) => one !== verb);
    await given([rule(others.join(' '), '', resource), rule(verb, '', 'others')], async () => {
      assert.equal((await api.call(method, `${SHOP}${path}`, { as: eve })).code, 403);
    });
    await given([rule(verb, '', resource)], async () => {
      const { code } = await api.call(method, `${SHOP}${path}`, { as: eve, body: method === 'GET' ? undefined : {} });
      assert.notEqual(code, 403);
    });
  });
}

test('an action on a virtual machine takes a right of its own', async () => {
  const path = '/apis/subresources.kubevirt.io/v1/namespaces/shop/virtualmachines/x/restart';
  const { body } = await api.call('PUT', path, { as: eve });
  assert.match(
    body.message,
    /cannot update resource "virtualmachines\/restart" in API group "subresources.kubevirt.io"/,
  );
  await given([rule('*', 'kubevirt.io', '*')], async () => {
    assert.equal((await api.call('PUT', path, { as: eve })).code, 403);
  });
  await given([rule('update', 'subresources.kubevirt.io', 'virtualmachines/restart')], async () => {
    assert.equal((await api.call('PUT', path, { as: eve })).code, 404);
  });
});

test('who may have one object by its name may list and watch that one, and no other', async () => {
  const named = { ...rule('get list watch delete', '', 'configmaps'), resourceNames: ['mine'] };
  await given([named], async () => {
    const code = async (query: string) => (await api.call('GET', `${SHOP}/configmaps${query}`, { as: eve })).code;
    assert.deepEqual(
      await Promise.all(
        ['/mine', '/other', '?fieldSelector=metadata.name%3Dmine', '?fieldSelector=metadata.name%3Dother', ''].map(
          code,
        ),
      ),
      [404, 403, 200, 403, 403],
    );
  });
});

test('who may change a Service and not make one makes none by applying it; a change that would create a role needs that too', async () => {
  const body = { ...service('web'), metadata: { name: 'web' } };
  const path = `${SHOP}/services/web?fieldManager=eve`;
  await given(
    [rule('patch update', '', 'services'), rule('update', 'rbac.authorization.k8s.io', 'roles')],
    async () => {
      const applied = await api.call('PATCH', path, { as: eve, type: APPLY, body });
      assert.equal(applied.code, 403);
      assert.match(applied.body.message, /cannot create resource "services"/);
      const role = { metadata: { name: 'fresh' }, rules: [rule('update', '', 'services')] };
      const put = await api.call('PUT', `${ROLES}/fresh`, { as: eve, body: role });
      assert.match(put.body.message, /cannot create resource "roles"/);
    },
  );
  await given([rule('patch create', '', 'services')], async () => {
    assert.equal((await api.call('PATCH', path, { as: eve, type: APPLY, body })).code, 201);
  });
});

test('a role is not made larger than what one has oneself, by whatever way it is written', async () => {
  const rules = [rule('*', 'rbac.authorization.k8s.io', 'roles rolebindings'), rule('get', '', 'pods')];
  const role = (...more: object[]) => ({ metadata: { name: 'mine' }, rules: more });
  await given(rules, async () => {
    // `*` on roles holds the verbs escalate and bind.
    await ok(api.call('POST', ROLES, { as: eve, body: role(rule('*', '*', '*')) }));
    await ok(api.call('DELETE', `${ROLES}/mine`));
  });
  const writes = 'get create update patch delete';
  await given([rule(writes, 'rbac.authorization.k8s.io', 'roles rolebindings'), rule('get', '', 'pods')], async () => {
    await ok(api.call('POST', ROLES, { as: eve, body: role(rule('get', '', 'pods')) }));
    const larger = role(rule('get list', '', 'pods'));
    const apply = { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'Role', ...larger };
    const tries = [
      await api.call('PUT', `${ROLES}/mine`, { as: eve, body: larger }),
      await api.call('PATCH', `${ROLES}/mine`, { as: eve, type: MERGE, body: larger }),
      await api.call('PATCH', `${ROLES}/mine?fieldManager=x&force=true`, { as: eve, type: APPLY, body: apply }),
      await api.call('POST', `${ROLES}?dryRun=All`, { as: eve, body: { ...larger, metadata: { name: 'dry' } } }),
    ];
    for (const { code, body } of tries) {
      assert.equal(code, 403);
      assert.match(
        body.message,
        /attempting to grant RBAC permissions not currently held:\n\{APIGroups:\[""\], Resources:\["pods"\], Verbs:\["list"\]\}$/,
      );
    }
    // What is not about rights may be changed in roles that hold more.
    await ok(api.call('PUT', `${ROLES}/mine`, { body: role(rule('*', '*', '*')) }));
    const labels = { metadata: { labels: { a: 'b' } } };
    await ok(api.call('PATCH', `${ROLES}/mine`, { as: eve, type: MERGE, body: labels }));
    await ok(api.call('DELETE', `${ROLES}/mine`, { as: eve }));
  });
});

test('a role that is not there cannot be given, and one that would bring roles together takes all rights', async () => {
  await given([rule('create', 'rbac.authorization.k8s.io', 'rolebindings')], async () => {
    const body = { metadata: { name: 'b' }, roleRef: { kind: 'ClusterRole', name: 'none' }, subjects: [] };
    const { code, body: status } = await api.call('POST', BINDINGS, { as: eve, body });
    assert.deepEqual([code, status.message], [404, 'clusterroles.rbac.authorization.k8s.io "none" not found']);
  });
  const roleRef = { kind: 'ClusterRole', name: 'maker' };
  const rules = [rule('create', 'rbac.authorization.k8s.io', 'clusterroles')];
  await ok(api.call('POST', `${RBAC}/clusterroles`, { body: { metadata: { name: 'maker' }, rules } }));
  const subjects = [{ kind: 'User', name: 'eve' }];
  await ok(
    api.call('POST', `${RBAC}/clusterrolebindings`, { body: { metadata: { name: 'maker' }, roleRef, subjects } }),
  );
  const aggregationRule = { clusterRoleSelectors: [{ matchLabels: { a: 'b' } }] };
  const { body } = await api.call('POST', `${RBAC}/clusterroles`, {
    as: eve,
    body: { metadata: { name: 'agg' }, aggregationRule },
  });
  assert.match(body.message, /must have cluster-admin privileges to use an aggregationRule/);
  await ok(api.call('DELETE', `${RBAC}/clusterrolebindings/maker`));
});

test('those who do not say who they are get health and version, and nothing that a role may give them by mistake', async () => {
  const everybody = {
    metadata: { name: 'everybody' },
    roleRef: { kind: 'ClusterRole', name: 'cluster-admin' },
    subjects: [
      { kind: 'Group', name: 'system:unauthenticated' },
      { kind: 'User', name: 'system:anonymous' },
    ],
  };
  const codes = () =>
    Promise.all(
      ['/livez', '/version', '/api', '/api/v1/pods', `${SHOP}/secrets`].map(
        async (path) => (await api.call('GET', path, { as: null })).code,
      ),
    );
  assert.deepEqual(await codes(), [200, 200, 401, 401, 401]);
  await ok(api.call('POST', `${RBAC}/clusterrolebindings`, { body: everybody }));
  assert.deepEqual(await codes(), [200, 200, 200, 401, 401]);
  const spec = { user: 'system:anonymous', groups: ['system:unauthenticated'] };
  const may = async (what: object) =>
    (await ok(api.call('POST', `${REVIEWS}/subjectaccessreviews`, { body: { spec: { ...spec, ...what } } }))).status;
  assert.equal((await may({ nonResourceAttributes: { path: '/livez', verb: 'get' } })).allowed, true);
  assert.equal((await may({ resourceAttributes: { verb: 'list', resource: 'pods' } })).allowed, false);
  await ok(api.call('DELETE', `${RBAC}/clusterrolebindings/everybody`));
});

test('acting as others is allowed part by part', async () => {
  const as = (headers: Record<string, string>, path = `${SHOP}/pods`) => api.call('GET', path, { as: eve, headers });
  const message = async (headers: Record<string, string>) => (await as(headers)).body.message;
  assert.match(
    await message({ 'Impersonate-User': 'bob' }),
    /^users "bob" is forbidden: User "eve" cannot impersonate resource "users" in API group "" at the cluster scope$/,
  );
  assert.match(await message({ 'Impersonate-Group': 'ops' }), /impersonate-user, the user's name, is missing/);
  await given(
    [{ ...rule('impersonate', '', 'serviceaccounts'), resourceNames: ['robot'] }, rule('list', '', 'pods')],
    async () => {
      assert.match(
        await message({ 'Impersonate-User': 'system:serviceaccount:default:robot' }),
        /serviceaccounts "robot" is forbidden/,
      );
      const { code, body } = await as({ 'Impersonate-User': 'system:serviceaccount:shop:robot' });
      assert.equal(code, 403);
      assert.match(body.message, /User "system:serviceaccount:shop:robot" cannot list resource "pods"/);
    },
  );
  const roleRef = { kind: 'ClusterRole', name: 'mimic' };
  const rules = [
    rule('impersonate', '', 'users'),
    { ...rule('impersonate', 'authentication.k8s.io', 'userextras/color uids'), resourceNames: ['red', '7'] },
  ];
  await ok(api.call('POST', `${RBAC}/clusterroles`, { body: { metadata: { name: 'mimic' }, rules } }));
  await ok(
    api.call('POST', `${RBAC}/clusterrolebindings`, {
      body: { metadata: { name: 'mimic' }, roleRef, subjects: [{ kind: 'User', name: 'eve' }] },
    }),
  );
  assert.match(
    await message({ 'Impersonate-User': 'bob', 'Impersonate-Group': 'system:masters' }),
    /^groups "system:masters" is forbidden/,
  );
  assert.match(
    await message({ 'Impersonate-User': 'bob', 'Impersonate-Extra-Color': 'blue' }),
    /^userextras.authentication.k8s.io "blue" is forbidden: .*"userextras\/color"/,
  );
  const headers = { 'Impersonate-User': 'bob', 'Impersonate-Uid': '7', 'Impersonate-Extra-Color': 'red' };
  const who = await ok(
    api.call('POST', '/apis/authentication.k8s.io/v1/selfsubjectreviews', { as: eve, headers, body: {} }),
  );
  assert.deepEqual(who.status.userInfo, {
    username: 'bob',
    uid: '7',
    groups: ['system:authenticated'],
    extra: { color: ['red'] },
  });
});

test('reviews answer for the asker, for others, and for one namespace, and say what is wrong with them', async () => {
  const resourceAttributes = { verb: 'list', resource: 'pods', namespace: 'shop' };
  const ask = (kind: string, spec: object, as: KeyPair = api.admin) =>
    api.call('POST', kind.startsWith('/') ? kind : `${REVIEWS}/${kind}`, { as, body: { spec } });
  await given([rule('list', '', 'pods')], async () => {
    const self = await ok(ask('selfsubjectaccessreviews', { resourceAttributes }, eve));
    assert.deepEqual(self.status, {
      allowed: true,
      reason: 'RBAC: allowed by RoleBinding "given/shop" of Role "given" to Group "devs"',
    });
    const other = await ok(ask('subjectaccessreviews', { resourceAttributes, user: 'bob', groups: ['devs'] }));
    assert.equal(other.status.allowed, true);
    const local = `${REVIEWS}/namespaces/shop/localsubjectaccessreviews`;
    assert.equal((await ok(ask(local, { resourceAttributes, user: 'bob' }))).status.allowed, false);
    const elsewhere = await ask(local, {
      resourceAttributes: { ...resourceAttributes, namespace: 'default' },
      user: 'bob',
    });
    assert.match(elsewhere.body.message, /must match metadata.namespace/);
    const rules = await ok(ask('selfsubjectrulesreviews', { namespace: 'shop' }, eve));
    assert.ok(rules.status.resourceRules.some((one: Json) => one.resources[0] === 'pods'));
    assert.equal(rules.status.incomplete, false);
    const node = await api.pki.issueClientCertificate({ commonName: 'system:node:n', organizations: ['system:nodes'] });
    const { status } = await ok(ask('selfsubjectrulesreviews', { namespace: 'shop' }, node));
    assert.deepEqual([status.incomplete, /^node authorizer/.test(status.evaluationError)], [true, true]);
  });
  assert.equal((await ask('subjectaccessreviews', { resourceAttributes, user: 'bob' }, eve)).code, 403);
  assert.equal((await ask('selfsubjectrulesreviews', {}, eve)).code, 400);
  for (const spec of [{}, { resourceAttributes, nonResourceAttributes: { path: '/' } }]) {
    assert.equal((await ask('selfsubjectaccessreviews', spec, eve)).code, 422);
  }
  assert.match(
    (await ask('subjectaccessreviews', { resourceAttributes })).body.message,
    /at least one of user or group/,
  );
});
