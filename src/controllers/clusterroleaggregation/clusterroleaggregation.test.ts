import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ClusterRole } from '../../api/rbac/v1/clusterrole.ts';
import { world } from '../testing.ts';
import { clusterRoleAggregationController } from './clusterroleaggregation.ts';

const role = (name: string, resource: string, labels: Record<string, string> = {}): ClusterRole => ({
  apiVersion: ClusterRole.apiVersion,
  kind: ClusterRole.kind,
  metadata: { name, labels },
  rules: [{ verbs: ['get'], apiGroups: [''], resources: [resource] }],
});

const made = (name: string, label: string, labels: Record<string, string> = {}): ClusterRole => ({
  ...role(name, 'nothing-of-its-own', labels),
  aggregationRule: { clusterRoleSelectors: [{ matchLabels: { [label]: 'true' } }] },
});

async function start(...objects: ClusterRole[]) {
  const w = await world(objects, clusterRoleAggregationController);
  const resourcesOf = async (name: string) =>
    (await w.find(ClusterRole, { name }))?.rules?.flatMap(({ resources = [] }) => resources);
  return { ...w, resourcesOf };
}

test('a role is made of those that it selects, by their names, and of those that they are made of', async () => {
  const w = await start(
    made('all', 'in-all'),
    made('some', 'in-some', { 'in-all': 'true' }),
    role('c', 'pods', { 'in-all': 'true' }),
    role('b', 'services', { 'in-some': 'true' }),
    role('d', 'secrets'),
  );
  try {
    assert.deepEqual(await w.resourcesOf('some'), ['services']);
    assert.deepEqual(await w.resourcesOf('all'), ['pods', 'services']);
  } finally {
    await w.stop();
  }
});

test('it loses the rules of a role that goes, or is no longer selected, and has those of one that comes', async () => {
  const w = await start(
    made('all', 'in-all'),
    role('a', 'pods', { 'in-all': 'true' }),
    role('b', 'services', { 'in-all': 'true' }),
  );
  try {
    await w.client.delete(ClusterRole, { name: 'a' });
    await w.client.patch(ClusterRole, { name: 'b' }, { type: 'merge', body: { metadata: { labels: null } } });
    await w.client.create(ClusterRole, role('c', 'nodes', { 'in-all': 'true' }));
    await w.settle();
    assert.deepEqual(await w.resourcesOf('all'), ['nodes']);
  } finally {
    await w.stop();
  }
});

test('rules that somebody adds by hand go again, and another order of them is left alone', async () => {
  const w = await start(
    made('all', 'in-all'),
    role('a', 'pods', { 'in-all': 'true' }),
    role('b', 'services', { 'in-all': 'true' }),
  );
  try {
    const rules = (await w.find(ClusterRole, { name: 'all' }))?.rules ?? [];
    await w.client.patch(ClusterRole, { name: 'all' }, { type: 'merge', body: { rules: [...rules].reverse() } });
    await w.settle();
    assert.deepEqual(await w.resourcesOf('all'), ['services', 'pods']);
    const [secrets] = role('x', 'secrets').rules ?? [];
    await w.client.patch(ClusterRole, { name: 'all' }, { type: 'merge', body: { rules: [...rules, secrets] } });
    await w.settle();
    assert.deepEqual(await w.resourcesOf('all'), ['pods', 'services']);
  } finally {
    await w.stop();
  }
});
