import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Pod as PodKind } from '../../api/core/v1/pod.ts';
import { settle } from '../../client/testing.ts';
import { exits, MISSING, POLITE } from '../cri/programs.ts';
import { condition, keyOfPod, stateOf, statusOf, testNode, WEB } from './testing.ts';

describe('containers', () => {
  it('that end are started again, after 10, 20 and 40 seconds', async () => {
    const node = await testNode();
    await node.start();
    let pod = await node.run('crash');
    node.runtime.exit('web', 1);
    await settle(100);
    // The first time at once.
    pod = await node.pod('crash');
    assert.equal(statusOf(pod)?.restartCount, 1);
    for (const [i, wait] of [10_000, 20_000, 40_000].entries()) {
      node.runtime.exit('web', 1);
      await settle(100);
      pod = await node.pod('crash');
      assert.equal(stateOf(pod), 'CrashLoopBackOff');
      assert.equal(statusOf(pod)?.lastState?.terminated?.exitCode, 1);
      assert.equal(condition(pod, 'Ready'), 'False');
      assert.equal(pod.status?.phase, 'Running');
      await node.advance(wait - 1000);
      assert.deepEqual(node.runtime.running(), []);
      await node.advance(1000);
      assert.deepEqual(node.runtime.running(), ['web']);
      assert.equal(statusOf(await node.pod('crash'))?.restartCount, i + 2);
    }
    assert.ok((await node.events('crash')).includes('BackOff web x3'));
    // Of the dead only the last is kept.
    assert.equal((await node.runtime.listContainers()).length, 2);
    await node.kill();
  });

  it('that have been quiet for ten minutes are started again at once', async () => {
    const node = await testNode();
    await node.start();
    await node.run('quiet');
    node.runtime.exit('web', 1);
    await settle(100);
    await node.advance(11 * 60_000);
    node.runtime.exit('web', 1);
    await settle(100);
    assert.equal(statusOf(await node.pod('quiet'))?.restartCount, 2);
    await node.kill();
  });

  for (const { policy, code, phase } of [
    { policy: 'Never', code: 0, phase: 'Succeeded' },
    { policy: 'Never', code: 1, phase: 'Failed' },
    { policy: 'OnFailure', code: 0, phase: 'Succeeded' },
  ]) {
    it(`that end with ${code} leave a pod that has ${phase} where they restart ${policy}`, async () => {
      const node = await testNode();
      await node.start();
      const pod = await node.run('job', { restartPolicy: policy, containers: [{ ...WEB, command: [...exits(code)] }] });
      assert.equal(pod.status?.phase, phase);
      assert.equal(statusOf(pod)?.state?.terminated?.exitCode, code);
      assert.equal(condition(pod, 'Ready'), 'False');
      const [sandbox] = await node.runtime.listSandboxes();
      assert.equal(sandbox?.state, 'NOTREADY');
      assert.equal(node.volumes.size, 0);
      // What it leaves is for those who read its logs.
      assert.equal((await node.runtime.listContainers()).length, 1);
      await node.client.delete(PodKind, keyOfPod('job'));
      await settle(100);
      assert.deepEqual(await node.runtime.listContainers(), []);
      await node.kill();
    });
  }

  it('that cannot be started say why', async () => {
    const node = await testNode();
    await node.start();
    await node.run('bad', { containers: [{ ...WEB, command: [...MISSING] }] });
    await node.advance(1000);
    const pod = await node.pod('bad');
    assert.equal(stateOf(pod), 'CrashLoopBackOff');
    assert.equal(statusOf(pod)?.lastState?.terminated?.reason, 'StartError');
    assert.ok((await node.events('bad')).some((event) => event.startsWith('Failed web')));
    assert.equal(pod.status?.phase, 'Running');
    await node.kill();
  });

  it('without an image wait for it', async () => {
    const node = await testNode();
    await node.start();
    node.problems.set('web', { kind: 'problem', reason: 'ErrImagePull', message: 'no such image', retryAfter: 10_000 });
    const pod = await node.run('imageless');
    assert.equal(stateOf(pod), 'ErrImagePull');
    assert.equal(pod.status?.phase, 'Pending');
    node.problems.clear();
    await node.advance(10_000);
    assert.equal(stateOf(await node.pod('imageless')), 'Running');
    await node.kill();
  });

  it('start once the volumes are there, as soon as they may be', async () => {
    const node = await testNode();
    await node.start();
    node.problems.set('waits', { kind: 'problem', reason: 'FailedMount', message: 'configmap "x" not found' });
    const pod = await node.run('waits');
    assert.equal(stateOf(pod), 'ContainerCreating');
    assert.deepEqual(await node.events('waits'), ['FailedMount']);
    node.problems.clear();
    await node.retry(pod);
    assert.equal(stateOf(await node.pod('waits')), 'Running');
    await node.kill();
  });

  it('that fail their liveness probe are ended with its grace period, and started again', async () => {
    const node = await testNode();
    await node.start();
    const pod = await node.run('dead');
    node.probes.set('web', { started: true, ready: true, failed: { probe: 'liveness', graceSeconds: 7 } });
    await node.probed(pod);
    assert.ok(node.runtime.calls.includes('stopContainer web 7'));
    assert.equal(statusOf(await node.pod('dead'))?.restartCount, 1);
    assert.ok((await node.events('dead')).includes('Killing web'));
    await node.kill();
  });

  it('are not ready while their probe says so, nor is their pod', async () => {
    const node = await testNode();
    await node.start();
    node.probes.set('web', { started: true, ready: false });
    let pod = await node.run('slow');
    assert.equal(condition(pod, 'Ready'), 'False');
    assert.equal(statusOf(pod)?.started, true);
    node.probes.clear();
    await node.probed(pod);
    pod = await node.pod('slow');
    assert.equal(condition(pod, 'Ready'), 'True');
    await node.kill();
  });

  it('wait for gates that others open before their pod is ready', async () => {
    const node = await testNode();
    await node.start();
    const pod = await node.run('gated', { readinessGates: [{ conditionType: 'example.com/open' }] });
    assert.equal(condition(pod, 'ContainersReady'), 'True');
    assert.equal(condition(pod, 'Ready'), 'False');
    const conditions = [...(pod.status?.conditions ?? []), { type: 'example.com/open', status: 'True' }];
    await node.client.updateStatus(PodKind, { ...pod, status: { ...pod.status, conditions } });
    await settle(60);
    assert.equal(condition(await node.pod('gated'), 'Ready'), 'True');
    await node.kill();
  });

  it('are replaced when their image is another', async () => {
    const node = await testNode();
    await node.start();
    const pod = await node.run('patched');
    node.client.seed({ ...pod, spec: { ...pod.spec, containers: [{ ...WEB, image: 'web:2' }] } });
    await settle(100);
    const after = await node.pod('patched');
    assert.equal(statusOf(after)?.restartCount, 1);
    assert.equal(stateOf(after), 'Running');
    assert.deepEqual(node.runtime.running(), ['web']);
    await node.kill();
  });

  it('whose postStart handler fails are ended', async () => {
    const node = await testNode();
    await node.start();
    node.problems.set('postStart web', { kind: 'problem', reason: '', message: 'it said no' });
    const handled = { ...WEB, lifecycle: { postStart: { exec: { command: ['x'] } } } };
    const pod = await node.run('hooked', { containers: [handled] });
    assert.equal(stateOf(pod), 'CrashLoopBackOff');
    assert.ok((await node.events('hooked')).some((event) => event.startsWith('FailedPostStartHook web')));
    await node.kill();
  });

  it('whose postStart handler has not ended do not run yet, to those who wait for them', async () => {
    const node = await testNode();
    await node.start();
    node.endless.add('web');
    const handled = { ...WEB, lifecycle: { postStart: { exec: { command: ['x'] } } } };
    const pod = await node.run('hooked', { containers: [handled] });
    assert.deepEqual(node.runtime.running(), ['web']);
    assert.equal(stateOf(pod), 'ContainerCreating');
    await node.client.delete(PodKind, keyOfPod('hooked'));
    await settle(100);
    await assert.rejects(node.pod('hooked'));
    await node.kill();
  });
});

describe('init containers', () => {
  const init = (name: string, command: readonly string[] = POLITE) => ({
    name,
    image: 'init:1',
    command: [...command],
  });

  it('run one after the other before the containers', async () => {
    const node = await testNode();
    await node.start();
    let pod = await node.run('two', { initContainers: [init('first'), init('second')] });
    assert.deepEqual(node.runtime.running(), ['first']);
    assert.equal(stateOf(pod), 'PodInitializing');
    assert.equal(condition(pod, 'Initialized'), 'False');
    node.runtime.exit('first', 0);
    await settle(100);
    assert.deepEqual(node.runtime.running(), ['second']);
    node.runtime.exit('second', 0);
    await settle(100);
    pod = await node.pod('two');
    assert.deepEqual(node.runtime.running(), ['web']);
    assert.equal(condition(pod, 'Initialized'), 'True');
    assert.equal(stateOf(pod, 'first'), 'Completed');
    await node.kill();
  });

  it('that fail are tried again, and fail their pod where nothing is restarted', async () => {
    const node = await testNode();
    await node.start();
    await node.run('again', { initContainers: [init('setup')] });
    node.runtime.exit('setup', 1);
    await settle(100);
    assert.deepEqual(node.runtime.running(), ['setup']);
    assert.equal((await node.pod('again')).status?.phase, 'Pending');
    const never = await node.run('never', { restartPolicy: 'Never', initContainers: [init('broken', exits(4))] });
    assert.equal(never.status?.phase, 'Failed');
    await node.kill();
  });

  it('that are sidecars let the next start once they have started, and end last', async () => {
    const node = await testNode();
    await node.start();
    node.probes.set('proxy', { started: false, ready: false });
    const sidecars = ['proxy', 'logger'].map((name) => ({ ...init(name), restartPolicy: 'Always' }));
    let pod = await node.run('mesh', { initContainers: sidecars });
    assert.deepEqual(node.runtime.running(), ['proxy']);
    node.probes.clear();
    await node.probed(pod);
    assert.deepEqual(node.runtime.running(), ['proxy', 'logger', 'web']);
    node.runtime.exit('proxy', 1);
    await settle(100);
    pod = await node.pod('mesh');
    assert.equal(statusOf(pod, 'proxy')?.restartCount, 1);
    assert.equal(condition(pod, 'Initialized'), 'True');
    node.runtime.calls.length = 0;
    await node.client.delete(PodKind, keyOfPod('mesh'));
    await settle(100);
    const stops = node.runtime.calls
      .filter((call) => call.startsWith('stopContainer'))
      .map((call) => call.split(' ')[1]);
    assert.deepEqual(stops, ['web', 'logger', 'proxy']);
    await node.kill();
  });

  it('that are sidecars end with the containers of a pod that is done', async () => {
    const node = await testNode();
    await node.start();
    const sidecar = { ...init('proxy'), restartPolicy: 'Always' };
    await node.run('job', { restartPolicy: 'Never', initContainers: [sidecar] });
    node.runtime.exit('web', 0);
    await settle(100);
    assert.deepEqual(node.runtime.running(), []);
    assert.equal((await node.pod('job')).status?.phase, 'Succeeded');
    await node.kill();
  });
});
