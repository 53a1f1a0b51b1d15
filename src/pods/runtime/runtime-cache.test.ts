import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeClock } from '../../host/clock.ts';
import { FakeRuntime } from '../cri/fake.ts';
import { exits, POLITE } from '../cri/programs.ts';
import { containerAnnotations, containerLabels, sandboxLabels } from '../labels.ts';
import { containerConfig, sandboxConfig } from '../testing/configs.ts';
import { podOf } from '../worker/testing.ts';
import { RuntimeCache } from './runtime-cache.ts';

const POD = podOf('one');
const UID = 'one-uid';

async function setup(command: readonly string[] = POLITE) {
  const runtime = new FakeRuntime({ clock: new FakeClock(1000) });
  const config = sandboxConfig({ name: 'one', logDirectory: '', labels: sandboxLabels(POD, 'node1') });
  const sandbox = await runtime.runSandbox(config);
  const container = { name: 'web' };
  const id = await runtime.createContainer(sandbox, {
    ...containerConfig({ name: 'web', command, labels: containerLabels(POD, container, 'node1') }),
    annotations: containerAnnotations(POD, container, 0),
  });
  await runtime.startContainer(id);
  const asked: string[] = [];
  const lastWords = async (run: { readonly id: string }) => {
    asked.push(run.id);
    return 'farewell';
  };
  return { runtime, id, asked, cache: new RuntimeCache({ nodeName: 'node1', lastWords }) };
}

describe('what is known of the runtime', () => {
  it('is read once, and again when it may have changed', async () => {
    const { runtime, cache, id } = await setup();
    assert.equal((await cache.read(runtime, UID)).containers[0]?.state, 'RUNNING');
    assert.equal(cache.podOf(id), UID);
    runtime.exit('web', 3);
    assert.equal((await cache.read(runtime, UID)).containers[0]?.state, 'RUNNING');
    cache.markStale(UID);
    assert.equal((await cache.read(runtime, UID)).containers[0]?.exitCode, 3);
  });

  it('is forgotten of containers that were removed, while their pod goes on', async () => {
    const { runtime, cache, id } = await setup();
    await cache.read(runtime, UID);
    runtime.exit('web', 3);
    await runtime.removeContainer(id);
    cache.markStale(UID);
    assert.deepEqual((await cache.read(runtime, UID)).containers, []);
    assert.equal(cache.podOf(id), undefined);
  });

  it('is read again when it changed while it was being read', async () => {
    const { runtime, cache } = await setup();
    const status = runtime.containerStatus.bind(runtime);
    runtime.containerStatus = async (id) => {
      const before = await status(id);
      runtime.containerStatus = status;
      runtime.exit('web', 3);
      cache.markStale(UID);
      return before;
    };
    assert.equal((await cache.read(runtime, UID)).containers[0]?.state, 'RUNNING');
    assert.equal((await cache.read(runtime, UID)).containers[0]?.state, 'EXITED');
  });

  it('is what the later of two reads found, whichever ends first', async () => {
    const { runtime, cache } = await setup();
    const status = runtime.containerStatus.bind(runtime);
    const slow = Promise.withResolvers<void>();
    runtime.containerStatus = async (id) => {
      const before = await status(id);
      runtime.containerStatus = status;
      await slow.promise;
      return before;
    };
    const first = cache.read(runtime, UID);
    await new Promise((resolve) => setImmediate(resolve));
    runtime.exit('web', 3);
    cache.markStale(UID);
    assert.equal((await cache.read(runtime, UID)).containers[0]?.state, 'EXITED');
    slow.resolve();
    await first;
    assert.equal((await cache.read(runtime, UID)).containers[0]?.state, 'EXITED');
  });

  it('has the last words of what has ended, which are asked for once', async () => {
    const { runtime, cache, id, asked } = await setup(exits(1));
    for (let i = 0; i < 3; i++) {
      cache.markStale(UID);
      assert.equal((await cache.read(runtime, UID)).containers[0]?.lastWords, 'farewell');
    }
    assert.deepEqual(asked, [id]);
  });

  it('is compared as a whole, and only what is another is named', async () => {
    const { runtime, cache } = await setup();
    assert.deepEqual(await cache.relist(runtime), [UID]);
    await cache.read(runtime, UID);
    assert.deepEqual(await cache.relist(runtime), []);
    runtime.exit('web', 1);
    assert.deepEqual(await cache.relist(runtime), [UID]);
  });

  it('is only what is marked as this node’s', async () => {
    const { runtime } = await setup();
    const other = new RuntimeCache({ nodeName: 'node2', lastWords: async () => '' });
    assert.deepEqual(await other.relist(runtime), []);
    assert.deepEqual(await other.read(runtime, UID), { sandboxes: [], containers: [] });
  });
});
