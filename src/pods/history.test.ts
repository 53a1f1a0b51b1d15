/** Random histories of a node: whatever happens, and however it is killed in between, in the end there is what there should be. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Pod } from '../api/core/v1/pod.ts';
import { settle } from '../client/testing.ts';
import { testSeed } from '../lib/random.fixture.ts';
import { type Random, randomBelow, seededRandom } from '../lib/random.ts';
import { CRIError } from './cri/cri.ts';
import { DEAF, exits, POLITE } from './cri/programs.ts';
import { POD_UID } from './labels.ts';
import { podOf, type TestNode, testNode } from './worker/testing.ts';

const HISTORIES = 8;
const STEPS = 40;

const seed = testSeed();

/** What may happen, each about as often as the others. */
function step(node: TestNode, random: Random): Promise<unknown> | unknown {
  const one = <T>(of: readonly [T, ...T[]]): T => of[randomBelow(random, of.length)] ?? of[0];
  const name = one(['a', 'b', 'c', 'd']);
  const key = { namespace: 'default', name };
  switch (randomBelow(random, 11)) {
    case 0:
    case 1:
      return create(node, name, random);
    case 2:
      return node.client.delete(Pod, key).catch(() => undefined); // It may not be there.
    case 3:
      return node.client.remove(Pod, key);
    case 4:
      return exitOne(node, one(['web', 'side', 'init']), randomBelow(random, 2));
    case 5:
      return node.runtime.lose();
    case 6:
      return node.runtime.restore();
    case 7:
      return loseOne(node, random);
    case 8:
      return node.kill().then(() => node.start());
    case 9:
      node.runtime.fault = (call) =>
        random() < 0.2 && !call.startsWith('list') ? new CRIError(call, 'unknown', 'by chance') : undefined;
      return undefined;
    default:
      return node.advance(1000 * randomBelow(random, 40));
  }
}

async function create(node: TestNode, name: string, random: Random): Promise<void> {
  const exists = await node.pod(name).then(
    () => true,
    () => false,
  );
  if (exists) return;
  const command = [POLITE, POLITE, DEAF, exits(0), exits(1)][randomBelow(random, 5)] ?? POLITE;
  const pod = podOf(name, {
    containers: [{ name: 'web', image: 'web:1', command: [...command] }],
    restartPolicy: ['Always', 'OnFailure', 'Never'][randomBelow(random, 3)] ?? 'Always',
    terminationGracePeriodSeconds: randomBelow(random, 20),
    initContainers: [
      ...(random() < 0.3 ? [{ name: 'init', image: 'init:1', command: [...exits(0)] }] : []),
      ...(random() < 0.3 ? [{ name: 'side', image: 'side:1', command: [...POLITE], restartPolicy: 'Always' }] : []),
    ],
  });
  node.client.seed({ ...pod, metadata: { ...pod.metadata, uid: `${name}-${randomBelow(random, 2 ** 30)}` } });
}

function exitOne(node: TestNode, container: string, code: number): void {
  if (node.runtime.running().includes(container)) node.runtime.exit(container, code);
}

async function loseOne(node: TestNode, random: Random): Promise<void> {
  const sandboxes = await node.runtime.listSandboxes().catch(() => []); // It may be lost as a whole.
  const sandbox = sandboxes[randomBelow(random, sandboxes.length || 1)];
  if (sandbox?.state === 'READY') node.runtime.loseSandbox(sandbox.id);
}

/** No pod has two sandboxes that run, nor a container that runs twice. */
async function assertNoDoubles(node: TestNode): Promise<void> {
  const sandboxes = await node.runtime.listSandboxes({ state: 'READY' });
  const owners = sandboxes.map(({ labels }) => labels[POD_UID]);
  assert.equal(new Set(owners).size, owners.length, 'a pod has two sandboxes');
  const running = (await node.runtime.listContainers()).filter(({ state }) => state === 'RUNNING');
  const names = running.map(({ labels, metadata }) => `${labels[POD_UID]} ${metadata.name}`);
  assert.equal(new Set(names).size, names.length, 'a container runs twice');
}

/** When nothing more happens: what is in the API is as it says, and nothing else is there. */
async function assertSettled(node: TestNode): Promise<void> {
  await assertNoDoubles(node);
  const { items } = await node.client.list(Pod);
  const uids = new Set(items.map(({ metadata }) => metadata.uid));
  const running = (await node.runtime.listContainers()).filter(({ state }) => state === 'RUNNING');
  for (const { labels, id } of running) assert.ok(uids.has(labels[POD_UID]), `${id} runs for nobody`);
  for (const { labels } of await node.runtime.listSandboxes())
    assert.ok(uids.has(labels[POD_UID]), 'a sandbox is left');
  for (const uid of node.volumes) assert.ok(uids.has(uid), 'volumes are left');
  for (const pod of items) {
    assert.equal(pod.metadata.deletionTimestamp, undefined, `${pod.metadata.name} is still there`);
    const isOver = ['Succeeded', 'Failed'].includes(pod.status?.phase ?? '');
    const own = running.filter(({ labels }) => labels[POD_UID] === pod.metadata.uid);
    if (isOver) assert.deepEqual([own.length, node.volumes.has(pod.metadata.uid ?? '')], [0, false]);
    for (const { name, state } of pod.status?.containerStatuses ?? []) {
      const runs = own.some(({ metadata }) => metadata.name === name);
      assert.equal(state?.running !== undefined, runs, `${pod.metadata.name} says of ${name} what is not so`);
    }
    const { command } = pod.spec?.containers?.[0] ?? {};
    if (!isOver && command?.[2] === POLITE[2]) assert.ok(own.length > 0, `${pod.metadata.name} does not run`);
  }
}

test('a pod that only the runtime knows is ended although that goes away in the middle of it', () =>
  play(944_819_208, 1));

test(`a node comes to what the API says, whatever happens (POSTERN_SEED=${seed})`, () => play(seed, HISTORIES));

async function play(seed: number, histories: number): Promise<void> {
  for (let history = 0; history < histories; history++) {
    const random = seededRandom(seed + history);
    const node = await testNode();
    await node.start();
    try {
      for (let i = 0; i < STEPS; i++) {
        await step(node, random);
        await settle(randomBelow(random, 30));
        if (random() < 0.5) await assertNoDoubles(node).catch(unlessLost);
      }
      node.runtime.restore();
      node.runtime.fault = undefined;
      for (let i = 0; i < 60; i++) await node.advance(10_000);
      await assertSettled(node);
    } catch (error) {
      throw new Error(`history ${history} of seed ${seed}: ${error instanceof Error ? error.message : error}`, {
        cause: error,
      });
    } finally {
      await node.kill();
    }
  }
}

function unlessLost(error: unknown): void {
  if (!(error instanceof CRIError)) throw error;
}
