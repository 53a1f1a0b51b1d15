import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { KubeObject } from '../../../api/meta/v1.ts';
import { ClusterRole } from '../../../api/rbac/v1/clusterrole.ts';
import { ClusterRoleBinding } from '../../../api/rbac/v1/clusterrolebinding.ts';
import { Role } from '../../../api/rbac/v1/role.ts';
import { RoleBinding } from '../../../api/rbac/v1/rolebinding.ts';
import type { PolicyRule } from '../../../api/rbac/v1/rules.ts';
import type { Subject } from '../../../api/rbac/v1/subjects.ts';
import { FakeClock } from '../../../host/clock.ts';
import { silentLogger } from '../../../host/log.ts';
import { seconds } from '../../../lib/duration.ts';
import { testSeed } from '../../../lib/random.fixture.ts';
import { randomBelow, seededRandom } from '../../../lib/random.ts';
import { openMemoryStore } from '../../../store/memory/memory-store.ts';
import { CompactedError, type Operation, type Store } from '../../../store/store.ts';
import { encode } from '../../storage/codec.ts';
import { objectKey } from '../../storage/keys.ts';
import type { Attempt, ResourceAttempt } from '../authorizer.ts';
import type { User } from '../user.ts';
import { RBAC } from './rbac.ts';
import { naivelyAllowed } from './testing.ts';

const KINDS = { ClusterRole, Role, ClusterRoleBinding, RoleBinding };
type Policy = ClusterRole | Role | ClusterRoleBinding | RoleBinding;

const keyFor = ({ kind, metadata }: KubeObject) =>
  objectKey(KINDS[kind as keyof typeof KINDS], metadata.namespace, metadata.name ?? '');
const put = (object: Policy): Operation => ({ kind: 'put', key: keyFor(object), value: encode(object) });

const meta = (name: string, namespace?: string) => ({ name, ...(namespace === undefined ? {} : { namespace }) });
const role = (name: string, rules: readonly PolicyRule[], namespace?: string): Policy => ({
  apiVersion: Role.apiVersion,
  kind: namespace === undefined ? 'ClusterRole' : 'Role',
  metadata: meta(name, namespace),
  rules,
});
const binding = (name: string, kind: string, roleName: string, subjects: readonly Subject[], namespace?: string) =>
  ({
    apiVersion: RoleBinding.apiVersion,
    kind: namespace === undefined ? 'ClusterRoleBinding' : 'RoleBinding',
    metadata: meta(name, namespace),
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind, name: roleName },
    subjects,
  }) as Policy;

const eve: User = { name: 'eve', groups: ['devs', 'system:authenticated'] };
const EVE: Subject = { kind: 'User', name: 'eve' };
const attempt = (verb: string, resource: string, over: Partial<ResourceAttempt> = {}): Attempt => ({
  ...{ kind: 'resource', verb, group: '', resource, subresource: undefined, namespace: undefined, name: undefined },
  ...over,
});

/** An authorizer on a store, with what a server would do to write to it. */
async function start(objects: readonly Policy[] = [], store: Store = openMemoryStore()) {
  const end = new AbortController();
  await store.txn([], objects.map(put));
  const clock = new FakeClock(0);
  const rbac = new RBAC({ store, clock, log: silentLogger });
  await rbac.start(end.signal);
  const write = async (...written: readonly Operation[]) => {
    const result = await store.txn([], written);
    assert.ok(result.ok);
    return { written, revision: result.revision, stale: [] };
  };
  const may = (user: User, wanted: Attempt) => rbac.decide(user, wanted).kind === 'allow';
  const stop = async () => {
    end.abort();
    await store.close();
  };
  return { rbac, clock, may, write, stop };
}

/** Lets the store's watches tell what there is. */
async function told(): Promise<void> {
  for (let i = 0; i < 20; i++) await turn();
}

const READ_PODS: PolicyRule = { verbs: ['get'], apiGroups: [''], resources: ['pods'] };

/** A store whose watches tell nothing until they are let, and then fail as often as they are asked to. */
function slowWatches(store: Store) {
  const { promise: allowed, resolve: tell } = Promise.withResolvers<void>();
  const fail: Error[] = [];
  const slow: Store = {
    ...{ revision: () => store.revision(), relax: () => store.relax(), close: () => store.close() },
    get: (key, revision) => store.get(key, revision),
    list: (prefix, options) => store.list(prefix, options),
    txn: (compares, operations) => store.txn(compares, operations),
    compact: (revision) => store.compact(revision),
    async *watch(prefix, from, signal) {
      await allowed;
      const error = fail.shift();
      if (error !== undefined) throw error;
      yield* store.watch(prefix, from, signal);
    },
  };
  return { store: slow, tell, fail };
}

test('what a write through this server gives or takes counts at once, and what the watch tells later changes nothing', async () => {
  const slow = slowWatches(openMemoryStore());
  const { rbac, may, write, stop } = await start([role('reader', [READ_PODS])], slow.store);
  const given = binding('b', 'ClusterRole', 'reader', [EVE]);
  const first = await write(put(given));
  const second = await write({ kind: 'delete', key: keyFor(given) });
  rbac.settled(first);
  assert.equal(may(eve, attempt('get', 'pods')), true);
  rbac.settled(second);
  assert.equal(may(eve, attempt('get', 'pods')), false);
  slow.tell();
  for (let i = 0; i < 20; i++) {
    await turn();
    assert.equal(may(eve, attempt('get', 'pods')), false, 'the watch brought back what is gone');
  }
  await stop();
});

test('what the watch has told already is not undone by an older write whose answer comes late', async () => {
  const { rbac, may, write, stop } = await start([role('reader', [READ_PODS])]);
  const given = binding('b', 'ClusterRole', 'reader', [EVE]);
  const first = await write(put(given));
  const second = await write({ kind: 'delete', key: keyFor(given) });
  await told();
  rbac.settled(first);
  assert.equal(may(eve, attempt('get', 'pods')), false);
  rbac.settled(second);
  assert.equal(may(eve, attempt('get', 'pods')), false);
  await stop();
});

test('what another server writes counts as soon as the store tells of it', async () => {
  const { may, write, stop } = await start([role('reader', [READ_PODS])]);
  await write(put(binding('b', 'ClusterRole', 'reader', [EVE])));
  await told();
  assert.equal(may(eve, attempt('get', 'pods')), true);
  await write(put(role('reader', [])));
  await told();
  assert.equal(may(eve, attempt('get', 'pods')), false);
  await stop();
});

test('says which binding allows something, and which roles of bindings are not there', async () => {
  const account = { kind: 'ServiceAccount', name: 'sa' };
  const { rbac, stop } = await start([
    role('reader', [READ_PODS], 'shop'),
    binding('b', 'Role', 'reader', [EVE, account], 'shop'),
    binding('c', 'ClusterRole', 'gone', [EVE]),
    binding('d', 'Role', 'gone', [EVE], 'shop'),
  ]);
  assert.deepEqual(rbac.decide(eve, attempt('get', 'pods', { namespace: 'shop' })), {
    kind: 'allow',
    reason: 'RBAC: allowed by RoleBinding "b/shop" of Role "reader" to User "eve"',
  });
  const sa: User = { name: 'system:serviceaccount:shop:sa', groups: [] };
  assert.deepEqual(rbac.decide(sa, attempt('get', 'pods', { namespace: 'shop' })), {
    kind: 'allow',
    reason: 'RBAC: allowed by RoleBinding "b/shop" of Role "reader" to ServiceAccount "sa/shop"',
  });
  assert.deepEqual(rbac.decide(eve, attempt('list', 'pods', { namespace: 'shop' })), {
    kind: 'pass',
    reason:
      'RBAC: [clusterrole.rbac.authorization.k8s.io "gone" not found, role.rbac.authorization.k8s.io "gone" not found]',
  });
  assert.equal(rbac.decide(eve, attempt('get', 'pods')).kind, 'pass', 'a namespace’s binding counts in it alone');
  await stop();
});

test('an entry of the store that cannot be read gives no rights and keeps nobody else from theirs', async () => {
  const { may, write, stop } = await start([role('reader', [READ_PODS])]);
  const good = put(binding('a', 'ClusterRole', 'reader', [EVE]));
  await write({ kind: 'put', key: `${good.key}-broken`, value: Buffer.from('{') }, good);
  await told();
  assert.equal(may(eve, attempt('get', 'pods')), true);
  await stop();
});

test('reads everything again when the history that it follows is gone, or the store could not be followed', async () => {
  const given = binding('b', 'ClusterRole', 'reader', [EVE]);
  const bob: User = { name: 'bob', groups: [] };
  const old: User = { name: 'old', groups: [] };
  const other = binding('c', 'ClusterRole', 'reader', [{ kind: 'User', name: 'bob' }]);
  const kept = binding('d', 'ClusterRole', 'reader', [{ kind: 'User', name: 'old' }]);
  for (const error of [new CompactedError(1, 9), new Error('the store is away')]) {
    const slow = slowWatches(openMemoryStore());
    slow.fail.push(error, error, error, error);
    const { clock, may, write, stop } = await start([role('reader', [READ_PODS]), given, kept], slow.store);
    await write({ kind: 'delete', key: keyFor(given) }, put(other));
    assert.equal(may(eve, attempt('get', 'pods')), true, 'there is nothing to read anew: the test shows nothing');
    slow.tell();
    await told();
    await clock.advance(seconds(1));
    await told();
    assert.deepEqual(
      [eve, bob, old].map((user) => may(user, attempt('get', 'pods'))),
      [false, true, true],
    );
    await stop();
  }
});

const seed = testSeed();
test(`decides as the documentation says, whatever roles and bindings come and go (seed ${seed})`, async () => {
  const random = seededRandom(seed);
  const one = <T>(of: readonly T[]): T => of[randomBelow(random, of.length)] as T;
  const some = <T>(of: readonly T[]) => Array.from({ length: 1 + randomBelow(random, 2) }, () => one(of));
  const VERBS = ['get', 'list', 'create', '*'];
  const RESOURCES = ['pods', 'pods/log', '*/log', '*', 'nodes', 'nodes/status'];
  const PATHS = ['/metrics', '/api/*', '*', '/api/v1'];
  const SPACES = ['a', 'b', undefined];
  const rule = (): PolicyRule =>
    random() < 0.2
      ? { verbs: some(VERBS), nonResourceURLs: some(PATHS) }
      : {
          verbs: some(VERBS),
          apiGroups: some(['', 'apps', '*']),
          resources: some(RESOURCES),
          ...(random() < 0.3 ? { resourceNames: some(['x', 'y']) } : {}),
        };
  const subject = (): Subject =>
    one([
      { kind: 'User', name: one(['eve', 'bob', 'system:serviceaccount:a:sa']) },
      { kind: 'Group', name: one(['devs', 'ops']) },
      { kind: 'ServiceAccount', name: 'sa', namespace: one(['a', 'b']) },
      { kind: 'ServiceAccount', name: 'sa' },
    ]);
  const object = (): Policy => {
    const namespace = one(SPACES);
    if (random() < 0.5) return role(one(['r', 's']), Array.from({ length: 3 }, rule), namespace);
    const kind = namespace === undefined ? 'ClusterRole' : one(['Role', 'ClusterRole']);
    return binding(one(['b', 'c', 'd']), kind, one(['r', 's', 'none']), [subject(), subject()], namespace);
  };
  const USERS: readonly User[] = [
    { name: 'eve', groups: ['devs'] },
    { name: 'bob', groups: ['ops', 'devs'] },
    { name: 'system:serviceaccount:a:sa', groups: [] },
    { name: 'nobody', groups: [] },
  ];
  const attempts = (): Attempt =>
    random() < 0.2
      ? { kind: 'path', verb: one(['get', 'put']), path: one(['/metrics', '/api/v1', '/api', '/']) }
      : attempt(one(['get', 'list', 'watch']), one(['pods', 'nodes']), {
          group: one(['', 'apps']),
          subresource: one([undefined, 'log', 'status']),
          namespace: one(SPACES),
          name: one([undefined, 'x', 'z']),
        });

  const model = new Map<string, Policy>();
  const { rbac, may, write, stop } = await start();
  const seen = { allow: 0, refuse: 0 };
  for (let step = 0; step < 400; step++) {
    const next = object();
    const key = keyFor(next);
    const isGone = random() < 0.2;
    if (isGone) model.delete(key);
    else model.set(key, next);
    const settlement = await write(isGone ? { kind: 'delete', key } : put(next));
    if (random() < 0.7) rbac.settled(settlement);
    else await told();
    const all = [...model.values()];
    const world = {
      roles: all.filter(({ kind }) => kind.endsWith('Role')),
      bindings: all.filter(({ kind }) => kind.endsWith('Binding')) as RoleBinding[],
    };
    for (let i = 0; i < 10; i++) {
      const [user, wanted] = [one(USERS), attempts()];
      const expected = naivelyAllowed(world, user, wanted);
      seen[expected ? 'allow' : 'refuse']++;
      assert.equal(may(user, wanted), expected, `step ${step}: ${JSON.stringify({ user, wanted, world })}`);
    }
  }
  assert.ok(seen.allow > 100 && seen.refuse > 100, `${JSON.stringify(seen)} shows too little`);
  await stop();
});
