import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isPodReady } from '../../api/core/v1/pod.status.ts';
import { Pod } from '../../api/core/v1/pod.ts';
import { keyOf } from '../../api/meta/v1.ts';
import { conflict } from '../../api/status.ts';
import { TransportError } from '../../client/client.ts';
import { ignoreNotFound } from '../../client/expected.ts';
import { settle } from '../../client/testing.ts';
import { isActive } from '../pods.ts';
import { runPods, webTemplate } from '../replicas/testing.ts';
import { replicaSetController } from '../replicaset/replicaset.ts';
import { type World, world } from '../testing.ts';
import { deploymentController } from './deployment.ts';
import { limitsOf } from './limits.ts';
import { deployment, edit, sizes, stored } from './testing.ts';

const HISTORIES = 30;
const STEPS = 50;
const IMAGES = ['web:1', 'web:2', 'web:3', 'web:4'];
const LIMITS = [
  { maxSurge: 1, maxUnavailable: 0 },
  { maxSurge: 0, maxUnavailable: 1 },
  { maxSurge: '25%', maxUnavailable: '25%' },
  { maxSurge: '100%', maxUnavailable: 0 },
  { maxSurge: 3, maxUnavailable: 2 },
];

/** Numbers that a seed determines. */
function generator(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

interface Bounds {
  most: number;
  fewest: number;
}

/** Notes, after each pod that is made or asked to end, how many there are and how many serve. */
function watchPods(w: World, bounds: Bounds): { readonly broken: string[] } {
  const broken: string[] = [];
  const { client } = w;
  const check = async (what: string) => {
    const { most, fewest } = bounds;
    const active = (await client.list(Pod)).items.filter(isActive);
    const serving = active.filter(isPodReady).length;
    if (active.length > most) broken.push(`${active.length} pods after ${what}, at most ${most} are allowed`);
    if (serving < fewest) broken.push(`${serving} pods serve after ${what}, at least ${fewest} must`);
  };
  const create = client.create.bind(client);
  let asked = 0;
  client.create = async (kind, draft) => {
    const made = await create(kind, draft);
    if (made.kind !== 'Pod') return made;
    await check(`making ${made.metadata.name}`);
    if (++asked % 7 === 0) throw new TransportError('the connection broke before the answer');
    return made;
  };
  const remove = client.delete.bind(client);
  client.delete = async (kind, key, options) => {
    await remove(kind, key, options);
    if ((kind.kind as string) === 'Pod') await check(`deleting ${key.name}`);
  };
  return { broken };
}

/** One thing that a node, or a user, may do. */
async function act(w: World, random: (below: number) => number): Promise<void> {
  const pods = await w.all(Pod);
  const pod = pods[random(Math.max(1, pods.length))];
  switch (random(12)) {
    case 0:
      return edit(w, { template: webTemplate(IMAGES[random(IMAGES.length)] ?? '') });
    case 1:
      return edit(w, { paused: random(3) === 0 });
    case 2:
      w.client.failWith(random(2) === 0 ? undefined : flaky(random));
      return;
    case 3:
      return w.client.disconnect();
    default:
      if (pod === undefined) return;
      if (pod.metadata.deletionTimestamp !== undefined) w.client.remove(Pod, keyOf(pod));
      else if (!isPodReady(pod)) await becomeReady(w, pod);
      await settle(random(4));
  }
}

/** A patch, as the pod may have been deleted since it was looked at. */
async function becomeReady(w: World, pod: Pod): Promise<void> {
  const body = { status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] } };
  await w.client.patch(Pod, keyOf(pod), { type: 'merge', body }, 'status').catch(ignoreNotFound);
}

/** A server that answers every third write of a controller as it does when somebody else was first. */
function flaky(random: (below: number) => number) {
  return (verb: string, kind: string, key: string) => {
    const isTheirs = verb === 'updateStatus' || (verb === 'update' && kind === 'ReplicaSet') || verb === 'delete';
    return isTheirs && random(3) === 0
      ? conflict({ group: '', kind, plural: kind }, key, 'somebody was first')
      : undefined;
  };
}

test('in any history a rolling update makes no more pods, and leaves no fewer that serve, than it may, and ends', async () => {
  const first = Number(process.env['POSTERN_SEED'] ?? Date.now() % 2 ** 31);
  for (let seed = first; seed < first + HISTORIES; seed++) {
    const random = generator(seed);
    const rollingUpdate = LIMITS[random(LIMITS.length)] ?? {};
    const replicas = 1 + random(8);
    const made = deployment({ replicas, strategy: { type: 'RollingUpdate', rollingUpdate } });
    const w = await world([made], deploymentController, replicaSetController);
    for (let round = 0; round < 3; round++) await runPods(w);
    const limits = limitsOf(made);
    const bounds = { most: replicas + limits.maxSurge, fewest: replicas - limits.maxUnavailable };
    const { broken } = watchPods(w, bounds);
    for (let step = 0; step < STEPS; step++) await act(w, random);
    w.client.failWith(undefined);
    await w.pass(70_000);
    await edit(w, { paused: false });
    for (let round = 0; round < 30; round++) await runPods(w);
    const again = `POSTERN_SEED=${seed}`;
    assert.deepEqual(broken, [], again);
    const { spec, status } = await stored(w);
    assert.deepEqual(await sizes(w), { [spec.template.spec?.containers?.[0]?.image ?? '']: replicas }, again);
    assert.equal(status?.availableReplicas, replicas, again);
    await w.stop();
  }
});

test('in any history of scaling there are never more pods than the larger number allows, and it ends', async () => {
  const first = Number(process.env['POSTERN_SEED'] ?? Date.now() % 2 ** 31);
  for (let seed = first; seed < first + HISTORIES / 3; seed++) {
    const random = generator(seed);
    const rollingUpdate = LIMITS[random(LIMITS.length)] ?? {};
    const strategy = { type: 'RollingUpdate', rollingUpdate };
    const w = await world([deployment({ strategy })], deploymentController, replicaSetController);
    const bounds = { most: 5 + limitsOf(deployment({ strategy })).maxSurge, fewest: 0 };
    const { broken } = watchPods(w, bounds);
    for (let step = 0; step < STEPS; step++) {
      if (random(8) === 0) {
        const replicas = random(10);
        const { maxSurge } = limitsOf(deployment({ strategy, replicas }));
        bounds.most = Math.max(bounds.most, replicas + maxSurge);
        await edit(w, { replicas });
      } else await act(w, random);
    }
    w.client.failWith(undefined);
    await w.pass(70_000);
    await edit(w, { paused: false });
    for (let round = 0; round < 30; round++) await runPods(w);
    const again = `POSTERN_SEED=${seed}`;
    assert.deepEqual(broken, [], again);
    const { spec } = await stored(w);
    const { replicas = 1 } = spec;
    const image = spec.template.spec?.containers?.[0]?.image ?? '';
    assert.deepEqual(await sizes(w), replicas === 0 ? {} : { [image]: replicas }, again);
    await w.stop();
  }
});
