import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Pod } from '../api/core/v1/pod.ts';
import { Pod as PodKind } from '../api/core/v1/pod.ts';
import { settle } from '../client/testing.ts';
import { DEAF, exits, MISSING, POLITE } from './cri/programs.ts';
import { podOf, testNode, WEB } from './worker/testing.ts';

const key = (name: string) => ({ namespace: 'default', name });
const condition = (pod: Pod, type: string) => pod.status?.conditions?.find((each) => each.type === type)?.status;
const container = (pod: Pod, name = 'web') =>
  [...(pod.status?.containerStatuses ?? []), ...(pod.status?.initContainerStatuses ?? [])].find(
    (each) => each.name === name,
  );
const stateOf = (pod: Pod, name = 'web') => {
  const { waiting, running, terminated } = container(pod, name)?.state ?? {};
  return running ? 'Running' : (waiting?.reason ?? terminated?.reason);
};

describe('a pod', () => {
  it('runs, is ready, and tells its addresses', async () => {
    const node = await testNode();
    await node.start();
    const pod = await node.run('one');
    assert.equal(pod.status?.phase, 'Running');
    assert.deepEqual(
      ['PodReadyToStartContainers', 'Initialized', 'Ready', 'ContainersReady', 'PodScheduled'].map((type) =>
        condition(pod, type),
      ),
      ['True', 'True', 'True', 'True', 'True'],
    );
    assert.deepEqual(pod.status?.podIPs, [{ ip: '10.244.0.2' }]);
    assert.equal(pod.status?.hostIP, '192.0.2.1');
    assert.equal(container(pod)?.restartCount, 0);
    assert.match(container(pod)?.containerID ?? '', /^containerd:\/\/web-/);
    assert.deepEqual(await node.events('one'), ['Created web', 'Started web']);
    await node.kill();
  });

  it('has the addresses of its node on the network of its node', async () => {
    const node = await testNode();
    await node.start();
    const pod = await node.run('host', { hostNetwork: true });
    assert.deepEqual(pod.status?.podIPs, [{ ip: '192.0.2.1' }, { ip: '2001:db8::1' }]);
    await node.kill();
  });

  it('is asked to end, and goes from the API when nothing of it is left', async () => {
    const node = await testNode();
    await node.start();
    const pod = await node.run('one', {
      containers: [{ ...WEB, lifecycle: { preStop: { exec: { command: ['x'] } } } }],
    });
    await node.client.delete(PodKind, key('one'));
    await settle(100);
    await assert.rejects(node.pod('one'));
    assert.deepEqual(node.hooks, ['preStop web']);
    assert.deepEqual(await node.runtime.listSandboxes(), []);
    assert.deepEqual(await node.runtime.listContainers(), []);
    assert.equal(node.volumes.has(pod.metadata.uid ?? ''), false);
    await node.kill();
  });

  it('tells what has become of its containers while others still end', async () => {
    const node = await testNode();
    await node.start();
    const deaf = { ...WEB, name: 'deaf', command: [...DEAF] };
    await node.run('two', { containers: [WEB, deaf] });
    await node.client.delete(PodKind, key('two'));
    await settle(100);
    const pod = await node.pod('two');
    assert.deepEqual([stateOf(pod), stateOf(pod, 'deaf'), pod.status?.phase], ['Completed', 'Running', 'Running']);
    assert.equal(condition(pod, 'Ready'), 'False');
    await node.kill();
  });

  it('says how it ended before it goes', async () => {
    const node = await testNode();
    await node.start();
    const pod = await node.run('one');
    node.client.seed({ ...pod, metadata: { ...pod.metadata, finalizers: ['example.com/wait'] } });
    await settle(60);
    await node.client.delete(PodKind, key('one'));
    await settle(100);
    const ended = await node.pod('one');
    assert.equal(ended.status?.phase, 'Succeeded');
    assert.equal(stateOf(ended), 'Completed');
    assert.deepEqual([condition(ended, 'Ready'), condition(ended, 'PodReadyToStartContainers')], ['False', 'False']);
    await node.kill();
  });

  it('that does not heed its signal is killed after the grace period, or after a shorter one that is asked for meanwhile', async () => {
    const node = await testNode();
    await node.start();
    await node.run('deaf', { containers: [{ ...WEB, command: [...DEAF] }] });
    await node.client.delete(PodKind, key('deaf'));
    await settle(60);
    await node.advance(10_000);
    assert.deepEqual(node.runtime.running(), ['web']);
    assert.equal((await node.pod('deaf')).status?.phase, 'Running');
    await node.client.delete(PodKind, key('deaf'), { gracePeriodSeconds: 3 });
    await settle(60);
    await node.advance(3000);
    await settle(60);
    assert.deepEqual(node.runtime.running(), []);
    await assert.rejects(node.pod('deaf'));
    await node.kill();
  });

  it('says what keeps it from going, and goes once it can', async () => {
    const node = await testNode();
    await node.start();
    await node.run('stuck');
    node.problems.set('remove stuck-uid', { kind: 'problem', reason: '', message: 'a volume is in use' });
    await node.client.delete(PodKind, key('stuck'));
    await settle(100);
    assert.ok((await node.events('stuck')).includes('FailedKillPod'));
    assert.equal((await node.pod('stuck')).status?.phase, 'Succeeded');
    node.problems.clear();
    await node.advance(1000);
    await assert.rejects(node.pod('stuck'));
    await node.kill();
  });

  it('that was deleted by force is ended, too', async () => {
    const node = await testNode();
    await node.start();
    await node.run('forced', { containers: [{ ...WEB, command: [...DEAF] }] });
    node.client.remove(PodKind, key('forced'));
    await settle(60);
    await node.advance(2000);
    await settle(60);
    assert.deepEqual(node.runtime.running(), []);
    assert.deepEqual(await node.runtime.listSandboxes(), []);
    await node.kill();
  });
});

describe('containers', () => {
  it('that end are started again, after 10, 20 and 40 seconds', async () => {
    const node = await testNode();
    await node.start();
    let pod = await node.run('crash');
    node.runtime.exit('web', 1);
    await settle(100);
    // The first time at once.
    pod = await node.pod('crash');
    assert.equal(container(pod)?.restartCount, 1);
    for (const [i, wait] of [10_000, 20_000, 40_000].entries()) {
      node.runtime.exit('web', 1);
      await settle(100);
      pod = await node.pod('crash');
      assert.equal(stateOf(pod), 'CrashLoopBackOff');
      assert.equal(container(pod)?.lastState?.terminated?.exitCode, 1);
      assert.equal(condition(pod, 'Ready'), 'False');
      assert.equal(pod.status?.phase, 'Running');
      await node.advance(wait - 1000);
      assert.deepEqual(node.runtime.running(), []);
      await node.advance(1000);
      assert.deepEqual(node.runtime.running(), ['web']);
      assert.equal(container(await node.pod('crash'))?.restartCount, i + 2);
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
    assert.equal(container(await node.pod('quiet'))?.restartCount, 2);
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
      assert.equal(container(pod)?.state?.terminated?.exitCode, code);
      assert.equal(condition(pod, 'Ready'), 'False');
      const [sandbox] = await node.runtime.listSandboxes();
      assert.equal(sandbox?.state, 'NOTREADY');
      assert.equal(node.volumes.size, 0);
      // What it leaves is for those who read its logs.
      assert.equal((await node.runtime.listContainers()).length, 1);
      await node.client.delete(PodKind, key('job'));
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
    assert.equal(container(pod)?.lastState?.terminated?.reason, 'StartError');
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
    assert.equal(container(await node.pod('dead'))?.restartCount, 1);
    assert.ok((await node.events('dead')).includes('Killing web'));
    await node.kill();
  });

  it('are not ready while their probe says so, nor is their pod', async () => {
    const node = await testNode();
    await node.start();
    node.probes.set('web', { started: true, ready: false });
    let pod = await node.run('slow');
    assert.equal(condition(pod, 'Ready'), 'False');
    assert.equal(container(pod)?.started, true);
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
    assert.equal(container(after)?.restartCount, 1);
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
    await node.client.delete(PodKind, key('hooked'));
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
    assert.equal(container(pod, 'proxy')?.restartCount, 1);
    assert.equal(condition(pod, 'Initialized'), 'True');
    node.runtime.calls.length = 0;
    await node.client.delete(PodKind, key('mesh'));
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

describe('a node', () => {
  it('finds its pods again after it was killed, and starts nothing twice', async () => {
    const node = await testNode();
    await node.start();
    await node.run('stays');
    await node.run('goes');
    await node.kill();
    await node.client.delete(PodKind, key('goes'));
    node.client.seed(podOf('comes'));
    await node.start();
    await settle(100);
    assert.equal(node.runtime.calls.filter((call) => call.startsWith('runSandbox')).length, 3);
    assert.deepEqual(node.runtime.running(), ['web', 'web']);
    await assert.rejects(node.pod('goes'));
    assert.equal(container(await node.pod('stays'))?.restartCount, 0);
    await node.kill();
  });

  it('ends what the API no longer has when it comes back', async () => {
    const node = await testNode();
    await node.start();
    await node.run('gone');
    await node.kill();
    node.client.remove(PodKind, key('gone'));
    node.volumes.add('left-by-somebody');
    await node.start();
    await settle(100);
    assert.deepEqual(await node.runtime.listSandboxes(), []);
    assert.deepEqual([...node.volumes], []);
    await node.kill();
  });

  it('keeps a pod ready that was, until a probe says otherwise', async () => {
    const node = await testNode();
    await node.start();
    node.probes.set('web', { started: true, ready: true });
    await node.run('ready');
    await node.kill();
    node.probes.clear();
    const writes = node.client.writes.length;
    await node.start();
    assert.equal(condition(await node.pod('ready'), 'Ready'), 'True');
    assert.deepEqual(
      node.client.writes.slice(writes).filter(({ kind }) => kind === 'Pod'),
      [],
    );
    await node.kill();
  });

  it('waits for a runtime that was lost, says so, and keeps what runs', async () => {
    const node = await testNode();
    await node.start();
    const runs = await node.run('runs');
    node.runtime.lose();
    await settle(60);
    node.client.seed(podOf('waits'));
    await settle(60);
    assert.equal((await node.pod('waits')).status?.startTime, undefined);
    assert.deepEqual((await node.pod('runs')).status, runs.status);
    node.runtime.restore();
    await node.advance(1000);
    await settle(100);
    assert.equal((await node.pod('waits')).status?.phase, 'Running');
    assert.deepEqual(node.runtime.running(), ['web', 'web']);
    await node.kill();
  });

  it('makes a sandbox anew that was lost, with its containers', async () => {
    const node = await testNode();
    await node.start();
    await node.run('lost');
    const [sandbox] = await node.runtime.listSandboxes();
    node.runtime.loseSandbox(sandbox?.id ?? '');
    await settle(100);
    const pod = await node.pod('lost');
    assert.equal(stateOf(pod), 'Running');
    assert.equal(container(pod)?.restartCount, 1);
    assert.ok((await node.events('lost')).includes('SandboxChanged'));
    await node.kill();
  });

  it('runs pods again that the machine was switched off under', async () => {
    const node = await testNode();
    await node.start();
    await node.run('always');
    await node.run('never', { restartPolicy: 'Never' });
    await node.kill();
    for (const { id } of await node.runtime.listSandboxes()) await node.runtime.removeSandbox(id);
    await node.start();
    await settle(100);
    const pod = await node.pod('always');
    assert.equal(stateOf(pod), 'Running');
    assert.equal(container(pod)?.restartCount, 1);
    assert.equal(container(pod)?.lastState?.terminated?.reason, 'ContainerStatusUnknown');
    assert.equal((await node.pod('never')).status?.phase, 'Failed');
    await node.kill();
  });

  it('tells why a sandbox cannot be made, and tries again', async () => {
    const node = await testNode();
    await node.start();
    node.runtime.fault = (call) => (call === 'runSandbox' ? new Error('no space left on device') : undefined);
    const pod = await node.run('full');
    assert.equal(stateOf(pod), 'ContainerCreating');
    assert.deepEqual(await node.events('full'), ['FailedCreatePodSandBox']);
    node.runtime.fault = undefined;
    await node.advance(2000);
    await settle(100);
    assert.equal(stateOf(await node.pod('full')), 'Running');
    await node.kill();
  });

  it('ends pods whose time is over', async () => {
    const node = await testNode();
    await node.start();
    await node.run('limited', { activeDeadlineSeconds: 60 });
    await node.advance(61_000);
    await settle(100);
    const pod = await node.pod('limited');
    assert.deepEqual([pod.status?.phase, pod.status?.reason], ['Failed', 'DeadlineExceeded']);
    assert.ok((await node.events('limited')).includes('DeadlineExceeded'));
    assert.deepEqual(node.runtime.running(), []);
    await node.kill();
  });

  it('refuses a pod whose port another has, and one that is too large', async () => {
    const node = await testNode();
    await node.start();
    const ports = [{ containerPort: 80, hostPort: 8080, protocol: 'TCP' }];
    await node.run('first', { containers: [{ ...WEB, ports }] });
    const second = await node.run('second', { containers: [{ ...WEB, ports }] });
    assert.deepEqual([second.status?.phase, second.status?.reason], ['Failed', 'NodePorts']);
    const large = await node.run('large', { containers: [{ ...WEB, resources: { requests: { cpu: '5' } } }] });
    assert.deepEqual([large.status?.phase, large.status?.reason], ['Failed', 'OutOfcpu']);
    assert.match(large.status?.message ?? '', /requested: 5000, used: 0, capacity: 4000/);
    assert.equal((await node.runtime.listSandboxes()).length, 1);
    // Its port is free again once the first has gone.
    await node.client.delete(PodKind, key('first'));
    await settle(100);
    assert.equal((await node.run('third', { containers: [{ ...WEB, ports }] })).status?.phase, 'Running');
    await node.kill();
  });

  it('does not touch what it said of pods that are over when it starts again', async () => {
    const node = await testNode();
    await node.start();
    const refused = await node.run('large', { containers: [{ ...WEB, resources: { requests: { cpu: '5' } } }] });
    const done = await node.run('done', { restartPolicy: 'Never', containers: [{ ...WEB, command: [...exits(0)] }] });
    await node.kill();
    await node.start();
    await settle(60);
    assert.deepEqual((await node.pod('large')).status, refused.status);
    assert.deepEqual((await node.pod('done')).status, done.status);
    await node.kill();
  });

  it('leaves pods of virtual machines alone', async () => {
    const node = await testNode();
    await node.start();
    const pod = podOf('virt-launcher-vm-abcde');
    const owner = {
      apiVersion: 'kubevirt.io/v1',
      kind: 'VirtualMachineInstance',
      name: 'vm',
      uid: 'u',
      controller: true,
    };
    const metadata = { ...pod.metadata, labels: { 'kubevirt.io': 'virt-launcher' }, ownerReferences: [owner] };
    node.client.seed({ ...pod, metadata });
    await settle(60);
    assert.deepEqual(await node.runtime.listSandboxes(), []);
    await node.kill();
  });

  it('leaves nothing when it is told to end, and pods that are run again at its next start', async () => {
    const node = await testNode();
    await node.start();
    await node.run('one');
    await node.stop('end');
    await settle(60);
    assert.deepEqual(await node.runtime.listSandboxes(), []);
    assert.deepEqual([...node.volumes], []);
    assert.equal(condition(await node.pod('one'), 'Ready'), 'False');
    await node.start();
    await settle(100);
    const pod = await node.pod('one');
    assert.equal(stateOf(pod), 'Running');
    assert.equal(container(pod)?.restartCount, 1);
    await node.kill();
  });
});
