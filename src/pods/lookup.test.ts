import assert from 'node:assert/strict';
import { it } from 'node:test';
import { Pod } from '../api/core/v1/pod.ts';
import { fakeClient } from '../client/fake.ts';
import { Informer } from '../client/informer.ts';
import { FakeClock } from '../host/clock.ts';
import { silentLogger } from '../host/log.ts';
import { FakeRuntime } from './cri/fake.ts';
import { POLITE } from './cri/programs.ts';
import { containerAnnotations, containerLabels, sandboxLabels } from './labels.ts';
import { podLookup } from './lookup.ts';
import { RuntimeCache } from './runtime/runtime-cache.ts';
import { containerConfig, sandboxConfig } from './testing/configs.ts';
import { podOf } from './worker/testing.ts';

it('the runs of containers are found, and what the status calls the previous one', async () => {
  const clock = new FakeClock(1000);
  const runtime = new FakeRuntime({ clock });
  const pod = podOf('one');
  const client = fakeClient([pod], { clock });
  const pods = new Informer({ client, kind: Pod, log: silentLogger, clock });
  const ended = new AbortController();
  pods.start(ended.signal);
  await pods.synced;
  const cache = new RuntimeCache({ nodeName: 'node1', lastWords: async () => '' });
  const lookup = podLookup({ pods, cache, runtime: () => runtime });
  const ref = { namespace: 'default', name: 'one' };
  assert.equal(await lookup.sandbox(ref), undefined);
  assert.equal(await lookup.container(ref, 'web'), undefined);

  const labels = sandboxLabels(pod, 'node1');
  const sandbox = await runtime.runSandbox(sandboxConfig({ name: 'one', logDirectory: '', labels }));
  const run = async (attempt: number) => {
    const container = { name: 'web' };
    const id = await runtime.createContainer(sandbox, {
      ...containerConfig({ name: 'web', command: POLITE, attempt, labels: containerLabels(pod, container, 'node1') }),
      annotations: containerAnnotations(pod, container, attempt),
    });
    await runtime.startContainer(id);
    cache.markStale('one-uid');
    return id;
  };
  const first = await run(0);
  assert.deepEqual(await lookup.sandbox(ref), { id: sandbox });
  const found = { containerID: first, state: 'RUNNING', restartCount: 0, logPath: 'web/0.log' };
  assert.deepEqual(await lookup.container(ref, 'web'), found);
  assert.equal(await lookup.container(ref, 'web', true), undefined);
  runtime.exit('web', 1);
  const second = await run(1);
  assert.equal((await lookup.container(ref, 'web'))?.containerID, second);
  assert.equal((await lookup.container(ref, 'web', true))?.containerID, first);
  // It waits for its next run: that one was the last.
  runtime.exit('web', 1);
  cache.markStale('one-uid');
  const terminated = { exitCode: 1, containerID: `containerd://${second}` };
  const status = { name: 'web', state: { waiting: {} }, lastState: { terminated }, restartCount: 1 };
  client.seed({ ...pod, status: { ...pod.status, containerStatuses: [status] } } as Pod);
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal((await lookup.container(ref, 'web', true))?.containerID, second);

  assert.equal(lookup.pod({ ...ref, uid: 'another' }), undefined);
  assert.equal(await lookup.container({ ...ref, uid: 'another' }, 'web'), undefined);
  ended.abort();
});
