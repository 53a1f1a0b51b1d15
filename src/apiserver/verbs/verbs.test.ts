import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { LEASES, lease, NAMESPACES, SERVICES, service, startTestServer, type TestServer } from '../testing/server.ts';

let api: TestServer;
before(async () => {
  api = await startTestServer();
});
after(() => api?.close());

test('gives a new object a name, uid, time and resourceVersion, and keeps none that were sent', async () => {
  const sent = lease('', {
    metadata: { generateName: 'x-', name: undefined, uid: 'mine', generation: 7, creationTimestamp: null },
  });
  const { code, body } = await api.call('POST', LEASES, { body: sent });
  assert.equal(code, 201);
  assert.match(body.metadata.name, /^x-[bcdfghjklmnpqrstvwxz2456789]{5}$/);
  assert.match(body.metadata.uid, /^[0-9a-f-]{36}$/);
  assert.match(body.metadata.creationTimestamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  assert.match(body.metadata.resourceVersion, /^\d+$/);
  assert.equal(body.metadata.namespace, 'default');
});

test('answers 409 AlreadyExists, 404 NotFound and 422 for a name that is taken, missing, or none', async () => {
  await api.call('POST', LEASES, { body: lease('taken') });
  assert.equal((await api.call('POST', LEASES, { body: lease('taken') })).body.reason, 'AlreadyExists');
  const missing = await api.call('GET', `${LEASES}/missing`);
  assert.equal(missing.body.message, 'leases.coordination.k8s.io "missing" not found');
  assert.equal((await api.call('POST', LEASES, { body: lease('', { metadata: { name: undefined } }) })).code, 422);
  assert.equal((await api.call('POST', LEASES, { body: lease('Not_A_Name') })).code, 422);
});

test('refuses an object that says it is somewhere or something else than its path', async () => {
  const elsewhere = lease('a', { metadata: { namespace: 'kube-system' } });
  assert.match((await api.call('POST', LEASES, { body: elsewhere })).body.message, /namespace of the provided object/);
  assert.match((await api.call('POST', LEASES, { body: service('a') })).body.message, /API version in the data \(v1\)/);
  await api.call('POST', LEASES, { body: lease('here') });
  const renamed = await api.call('PUT', `${LEASES}/here`, { body: lease('there') });
  assert.match(renamed.body.message, /name of the object \(there\) does not match the name on the URL \(here\)/);
});

test('replaces only the version that an update names, and says so in the words that clients retry on', async () => {
  const { body: first } = await api.call('POST', LEASES, { body: lease('occ') });
  const changed = { ...first, spec: { holderIdentity: 'b' } };
  assert.equal((await api.call('PUT', `${LEASES}/occ`, { body: changed })).code, 200);
  const stale = await api.call('PUT', `${LEASES}/occ`, { body: { ...first, spec: { holderIdentity: 'c' } } });
  assert.equal(stale.code, 409);
  assert.match(stale.body.message, /the object has been modified; please apply your changes to the latest version/);
  const { resourceVersion, uid, ...metadata } = first.metadata;
  const other = await api.call('PUT', `${LEASES}/occ`, { body: { ...first, metadata: { ...metadata, uid: 'other' } } });
  assert.equal(other.body.reason, 'Conflict');
  assert.ok(resourceVersion && uid);
});

test('writes nothing when an update changes nothing', async () => {
  const { body: first } = await api.call('POST', SERVICES, { body: service('same') });
  const again = await api.call('PUT', `${SERVICES}/same`, { body: first });
  assert.equal(again.body.metadata.resourceVersion, first.metadata.resourceVersion);
  const empty = await api.call('PATCH', `${SERVICES}/same`, { body: {}, type: 'application/merge-patch+json' });
  assert.equal(empty.body.metadata.resourceVersion, first.metadata.resourceVersion);
});

test('counts changes of what is wanted, not of labels, and that it is to go, as generations', async () => {
  const path = '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices';
  const metadata = { name: 'gen', generation: 7, finalizers: ['example.com/wait'] };
  const { body } = await api.call('POST', path, { body: { metadata, addressType: 'IPv4', endpoints: [] } });
  assert.equal(body.metadata.generation, 1);
  const patch = async (change: object) => {
    const type = 'application/merge-patch+json';
    return (await api.call('PATCH', `${path}/gen`, { body: change, type })).body.metadata.generation;
  };
  assert.equal(await patch({ metadata: { labels: { a: 'b' } } }), 1);
  assert.equal(await patch({ endpoints: [{ addresses: ['192.0.2.1'] }] }), 2);
  assert.equal((await api.call('DELETE', `${path}/gen`)).body.metadata.generation, 3);
  assert.equal((await api.call('DELETE', `${path}/gen`)).body.metadata.generation, 3);
});

test('kinds that have no generation in Kubernetes have none, whatever is sent', async () => {
  const paths = {
    Service: SERVICES,
    Endpoints: '/api/v1/namespaces/default/endpoints',
    Lease: LEASES,
    ServiceCIDR: '/apis/networking.k8s.io/v1/servicecidrs',
    Node: '/api/v1/nodes',
    Namespace: NAMESPACES,
  };
  for (const [kind, path] of Object.entries(paths)) {
    const spec = { Service: { ports: [{ port: 80 }] }, ServiceCIDR: { cidrs: ['192.0.2.0/24'] } }[kind] ?? {};
    const body = { metadata: { name: 'no-gen', generation: 4 }, ...(kind === 'Endpoints' ? {} : { spec }) };
    const created = await api.call('POST', path, { body });
    assert.deepEqual([created.code, created.body.metadata.generation], [201, undefined], created.text);
    const change = { body: { metadata: { labels: { a: 'b' }, generation: 5 } }, type: 'application/merge-patch+json' };
    const changed = await api.call('PATCH', `${path}/no-gen`, change);
    assert.deepEqual([changed.code, changed.body.metadata.generation], [200, undefined], changed.text);
  }
});

test('changes the status at its subresource only, and there nothing else but labels and annotations', async () => {
  await api.call('POST', SERVICES, { body: service('st', { type: 'LoadBalancer' }) });
  const ingress = [{ ip: '192.0.2.1' }];
  const body = { status: { loadBalancer: { ingress } }, spec: { selector: { a: 'b' } } };
  const type = 'application/merge-patch+json';
  const main = await api.call('PATCH', `${SERVICES}/st`, { body, type });
  assert.deepEqual([main.body.status.loadBalancer, main.body.spec.selector], [{}, { a: 'b' }]);
  const status = await api.call('PATCH', `${SERVICES}/st/status`, {
    body: { ...body, spec: { selector: { c: 'd' } }, metadata: { labels: { x: 'y' } } },
    type,
  });
  assert.deepEqual(status.body.status.loadBalancer.ingress?.[0].ip, '192.0.2.1');
  assert.deepEqual([status.body.spec.selector, status.body.metadata.labels], [{ a: 'b' }, { x: 'y' }]);
});

test('changes no labels of a custom resource with its status', async () => {
  const pools = '/apis/metallb.io/v1beta1/namespaces/default/ipaddresspools';
  const pool = { apiVersion: 'metallb.io/v1beta1', kind: 'IPAddressPool', metadata: { name: 'st' } };
  await api.call('POST', pools, { body: { ...pool, spec: { addresses: ['198.51.100.0/24'] } } });
  const status = await api.call('PATCH', `${pools}/st/status`, {
    body: { status: { assignedIPv4: 1 }, metadata: { labels: { x: 'y' } } },
    type: 'application/merge-patch+json',
  });
  assert.deepEqual([status.body.status, status.body.metadata.labels], [{ assignedIPv4: 1 }, undefined]);
});

test('patches in all four ways, and changes nothing on a dry run', async () => {
  await api.call('POST', SERVICES, {
    body: service('p', {
      ports: [
        { name: 'a', port: 1 },
        { name: 'b', port: 2 },
      ],
    }),
  });
  const patch = (type: string, body: unknown, query = '') =>
    api.call('PATCH', `${SERVICES}/p${query}`, { body, type: `application/${type}` });
  const json = await patch('json-patch+json', [{ op: 'add', path: '/metadata/labels', value: { a: '1' } }]);
  assert.deepEqual(json.body.metadata.labels, { a: '1' });
  const merge = await patch('merge-patch+json', { metadata: { labels: { a: null, b: '2' } } });
  assert.deepEqual(merge.body.metadata.labels, { b: '2' });
  const strategic = await patch('strategic-merge-patch+json', { spec: { ports: [{ port: 2, targetPort: 22 }] } });
  assert.deepEqual(
    strategic.body.spec.ports.map((p: { targetPort: number }) => p.targetPort),
    [1, 22],
  );
  const applied = await patch(
    'apply-patch+yaml',
    'apiVersion: v1\nkind: Service\nmetadata: {name: p}\nspec: {selector: {from: apply}}\n',
    '?fieldManager=me&force=true',
  );
  assert.deepEqual(applied.body.spec.selector, { from: 'apply' });
  const dry = await patch('merge-patch+json', { metadata: { labels: { dry: 'run' } } }, '?dryRun=All');
  assert.equal(dry.body.metadata.labels.dry, 'run');
  assert.equal((await api.call('GET', `${SERVICES}/p`)).body.metadata.labels.dry, undefined);
  assert.equal((await patch('x', {})).code, 415);
  const failed = await patch('json-patch+json', [{ op: 'test', path: '/metadata/name', value: 'q' }]);
  assert.equal(failed.code, 422);
});

test('creates with a server-side apply what does not exist', async () => {
  const path = `${SERVICES}/applied?fieldManager=me`;
  const type = 'application/apply-patch+yaml';
  const made = await api.call('PATCH', path, { body: service('applied'), type });
  assert.equal(made.code, 201);
  assert.equal(made.body.metadata.managedFields[0].manager, 'me');
  const again = await api.call('PATCH', path, { body: service('applied'), type });
  assert.deepEqual([again.code, again.body.metadata.resourceVersion], [200, made.body.metadata.resourceVersion]);
});

test('lets every one of many concurrent patches of one object through', async () => {
  await api.call('POST', LEASES, { body: lease('busy') });
  const patches = Array.from({ length: 20 }, (_, i) =>
    api.call('PATCH', `${LEASES}/busy`, {
      body: { metadata: { labels: { [`l${i}`]: 'x' } } },
      type: 'application/merge-patch+json',
    }),
  );
  for (const { code } of await Promise.all(patches)) assert.equal(code, 200);
  assert.equal(Object.keys((await api.call('GET', `${LEASES}/busy`)).body.metadata.labels).length, 20);
});

test('tells unknown fields as an error, a warning or not at all, as the request asks', async () => {
  const body = service('unknown', { prots: [] });
  const strict = await api.call('POST', `${SERVICES}?fieldValidation=Strict`, { body });
  assert.match(strict.body.message, /strict decoding error: unknown field "spec.prots"/);
  const warned = await api.call('POST', SERVICES, { body });
  assert.equal(warned.code, 201);
  assert.equal(warned.headers['warning'], '299 - "unknown field \\"spec.prots\\""');
  const ignored = await api.call('POST', `${SERVICES}?fieldValidation=Ignore`, {
    body: { ...body, metadata: { name: 'ignored' } },
  });
  assert.deepEqual([ignored.code, ignored.headers['warning'], ignored.body.spec.prots], [201, undefined, undefined]);
});

test('says of ports as a mapping what was found and what to write', async () => {
  const { code, body } = await api.call('POST', SERVICES, {
    body: service('bad', { ports: { name: 'http', port: 80 } }),
  });
  assert.equal(code, 400);
  assert.equal(body.details.causes[0].field, 'spec.ports');
  assert.match(
    body.message,
    /spec.ports: found a mapping with the keys name, port; spec.ports is a list: begin each port with '- '/,
  );
});

test('takes YAML, and refuses what is neither, too large, or packed in an unknown way', async () => {
  const yaml = 'apiVersion: coordination.k8s.io/v1\nkind: Lease\nmetadata:\n  name: yaml\n';
  assert.equal((await api.call('POST', LEASES, { body: yaml, type: 'application/yaml' })).code, 201);
  assert.equal((await api.call('POST', LEASES, { body: '{', type: 'application/json' })).code, 400);
  assert.equal((await api.call('POST', LEASES, { body: 'x', type: 'text/plain' })).code, 415);
  const large = lease('large', { metadata: { annotations: { a: 'x'.repeat(3 * 1024 * 1024) } } });
  assert.equal((await api.call('POST', LEASES, { body: large })).code, 413);
  const headers = { 'content-encoding': 'br' };
  assert.equal((await api.call('POST', LEASES, { body: lease('br'), headers })).code, 415);
});

test('deletes at once what nothing holds, and only the object that the preconditions mean', async () => {
  const { body } = await api.call('POST', LEASES, { body: lease('gone') });
  const wrong = await api.call('DELETE', `${LEASES}/gone`, { body: { preconditions: { uid: 'other' } } });
  assert.equal(wrong.code, 409);
  const right = await api.call('DELETE', `${LEASES}/gone`, { body: { preconditions: { uid: body.metadata.uid } } });
  assert.deepEqual(
    [right.body.kind, right.body.status, right.body.details.uid],
    ['Status', 'Success', body.metadata.uid],
  );
  assert.equal((await api.call('GET', `${LEASES}/gone`)).code, 404);
});

test('keeps what has finalizers until the last is taken off', async () => {
  await api.call('POST', LEASES, { body: lease('held', { metadata: { finalizers: ['a.example/b'] } }) });
  const { body } = await api.call('DELETE', `${LEASES}/held`);
  assert.ok(body.metadata.deletionTimestamp);
  const patch = (finalizers: string[] | null) =>
    api.call('PATCH', `${LEASES}/held`, { body: { metadata: { finalizers } }, type: 'application/merge-patch+json' });
  assert.match((await patch(['a.example/b', 'c.example/d'])).body.message, /no new finalizers can be added/);
  assert.equal((await patch(null)).code, 200);
  assert.equal((await api.call('GET', `${LEASES}/held`)).code, 404);
});

test('asks the garbage collector by finalizer to orphan dependents or to delete them first', async () => {
  for (const [policy, finalizer] of [
    ['Orphan', 'orphan'],
    ['Foreground', 'foregroundDeletion'],
  ]) {
    await api.call('POST', LEASES, { body: lease('policy') });
    const { body } = await api.call('DELETE', `${LEASES}/policy`, { body: { propagationPolicy: policy } });
    assert.deepEqual(body.metadata.finalizers, [finalizer]);
    await api.call('DELETE', `${LEASES}/policy`, { body: { propagationPolicy: 'Background' } });
    assert.equal((await api.call('GET', `${LEASES}/policy`)).code, 404);
  }
  assert.equal((await api.call('DELETE', `${LEASES}/policy?propagationPolicy=Later`)).code, 422);
});

test('a pod that runs nowhere, or no longer, goes at once; one that is being ended stays until its node is done', async () => {
  const pods = '/api/v1/namespaces/default/pods';
  const spec = { nodeName: 'n', containers: [{ name: 'c', image: 'i' }] };
  const fail = (name: string) =>
    api.call('PATCH', `${pods}/${name}/status`, {
      body: { status: { phase: 'Failed' } },
      type: 'application/merge-patch+json',
    });
  for (const name of ['over', 'ending']) await api.call('POST', pods, { body: { metadata: { name }, spec } });
  await api.call('POST', pods, { body: { metadata: { name: 'nowhere' }, spec: { ...spec, nodeName: undefined } } });
  await api.call('DELETE', `${pods}/ending`);
  for (const name of ['over', 'ending']) assert.equal((await fail(name)).code, 200);
  for (const name of ['over', 'nowhere', 'ending'])
    assert.equal((await api.call('DELETE', `${pods}/${name}`)).code, 200);
  const left = await api.call('GET', pods);
  assert.deepEqual(
    left.body.items.map(({ metadata }: { metadata: { name: string } }) => metadata.name),
    ['ending'],
  );
  await api.call('DELETE', `${pods}/ending?gracePeriodSeconds=0`);
});

test('gives a pod on a node its grace period, which may be shortened, and removes it at zero', async () => {
  const pods = '/api/v1/namespaces/default/pods';
  const spec = { nodeName: 'n1', terminationGracePeriodSeconds: 20, containers: [{ name: 'c', image: 'i' }] };
  const made = await api.call('POST', pods, { body: { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p' }, spec } });
  assert.equal(made.code, 201, made.text);
  assert.equal((await api.call('DELETE', `${pods}/p`)).body.metadata.deletionGracePeriodSeconds, 20);
  const shorter = await api.call('DELETE', `${pods}/p`, { body: { gracePeriodSeconds: 5 } });
  assert.equal(shorter.body.metadata.deletionGracePeriodSeconds, 5);
  const longer = await api.call('DELETE', `${pods}/p`, { body: { gracePeriodSeconds: 50 } });
  assert.equal(longer.body.metadata.deletionGracePeriodSeconds, 5);
  await api.call('DELETE', `${pods}/p?gracePeriodSeconds=0`);
  assert.equal((await api.call('GET', `${pods}/p`)).code, 404);
});

test('lists by labels, by fields, and in pages of one revision', async () => {
  const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'listing' } };
  await api.call('POST', NAMESPACES, { body: namespace });
  const path = '/apis/coordination.k8s.io/v1/namespaces/listing/leases';
  for (const i of [1, 2, 3, 4, 5]) {
    await api.call('POST', path, { body: lease(`l${i}`, { metadata: { labels: { odd: String(i % 2) } } }) });
  }
  const names = ({ body }: { body: { items: { metadata: { name: string } }[] } }) =>
    body.items.map((i) => i.metadata.name);
  assert.deepEqual(names(await api.call('GET', `${path}?labelSelector=odd%3D1`)), ['l1', 'l3', 'l5']);
  assert.deepEqual(names(await api.call('GET', `${path}?fieldSelector=metadata.name%3Dl2`)), ['l2']);
  assert.equal((await api.call('GET', `${path}?fieldSelector=spec.nothing%3Dx`)).code, 400);
  const first = await api.call('GET', `${path}?limit=2`);
  assert.deepEqual([names(first), first.body.metadata.remainingItemCount], [['l1', 'l2'], 3]);
  await api.call('DELETE', `${path}/l4`);
  await api.call('POST', path, { body: lease('l6') });
  const second = await api.call('GET', `${path}?limit=2&continue=${first.body.metadata.continue}`);
  assert.deepEqual(names(second), ['l3', 'l4']);
  assert.equal(second.body.metadata.resourceVersion, first.body.metadata.resourceVersion);
  const last = await api.call('GET', `${path}?limit=2&continue=${second.body.metadata.continue}`);
  assert.deepEqual([names(last), last.body.metadata.continue], [['l5'], undefined]);
  const odd = await api.call('GET', `${path}?limit=2&labelSelector=odd%3D1`);
  assert.deepEqual(names(odd), ['l1', 'l3']);
  assert.deepEqual(
    names(await api.call('GET', `${path}?limit=2&labelSelector=odd%3D1&continue=${odd.body.metadata.continue}`)),
    ['l5'],
  );
  await api.store.compact(await api.store.revision());
  const tooOld = await api.call('GET', `${path}?limit=2&continue=${first.body.metadata.continue}`);
  assert.deepEqual([tooOld.code, tooOld.body.reason], [410, 'Expired']);
});

test('reads the past when asked exactly, and refuses revisions that have not come', async () => {
  const { body } = await api.call('POST', LEASES, { body: lease('past') });
  const at = body.metadata.resourceVersion;
  await api.call('DELETE', `${LEASES}/past`);
  const then = await api.call('GET', `${LEASES}?resourceVersion=${at}&resourceVersionMatch=Exact`);
  assert.ok(then.body.items.some((item: { metadata: { name: string } }) => item.metadata.name === 'past'));
  const future = await api.call('GET', `${LEASES}?resourceVersion=${Number(at) + 1000}`);
  assert.deepEqual([future.code, future.body.details.causes[0].reason], [504, 'ResourceVersionTooLarge']);
  assert.equal((await api.call('GET', `${LEASES}?continue=nonsense`)).code, 400);
});

test('deletes a collection by selector', async () => {
  for (const name of ['c1', 'c2'])
    await api.call('POST', LEASES, { body: lease(name, { metadata: { labels: { coll: name } } }) });
  const { body } = await api.call('DELETE', `${LEASES}?labelSelector=coll%3Dc1`);
  assert.equal(body.items.length, 1);
  assert.deepEqual(
    [(await api.call('GET', `${LEASES}/c1`)).code, (await api.call('GET', `${LEASES}/c2`)).code],
    [404, 200],
  );
});

test('lets nothing into a namespace that is missing or going, and ends it once it is finalized', async () => {
  const missing = await api.call('POST', '/api/v1/namespaces/nowhere/services', { body: service('x') });
  assert.equal(missing.body.message, 'namespaces "nowhere" not found');
  await api.call('POST', NAMESPACES, { body: { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'going' } } });
  const going = await api.call('DELETE', `${NAMESPACES}/going`);
  assert.equal(going.body.status.phase, 'Terminating');
  const refused = await api.call('POST', '/api/v1/namespaces/going/services', { body: service('x') });
  assert.deepEqual([refused.code, refused.body.details.causes[0].reason], [403, 'NamespaceTerminating']);
  const finalized = { ...going.body, spec: { finalizers: [] } };
  assert.equal((await api.call('PUT', `${NAMESPACES}/going/finalize`, { body: finalized })).code, 200);
  assert.equal((await api.call('GET', `${NAMESPACES}/going`)).code, 404);
  assert.equal((await api.call('DELETE', `${NAMESPACES}/default`)).code, 403);
});
