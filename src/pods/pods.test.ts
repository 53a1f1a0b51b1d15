import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Pod as PodKind } from '../api/core/v1/pod.ts';
import { settle } from '../client/testing.ts';
import { DEAF, exits } from './cri/programs.ts';
import { condition, keyOfPod, podOf, stateOf, statusOf, testNode, WEB } from './worker/testing.ts';

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
    assert.equal(statusOf(pod)?.restartCount, 0);
    assert.match(statusOf(pod)?.containerID ?? '', /^containerd:\/\/web-/);
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
    await node.client.delete(PodKind, keyOfPod('one'));
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
    await node.client.delete(PodKind, keyOfPod('two'));
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
    await node.client.delete(PodKind, keyOfPod('one'));
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
    await node.client.delete(PodKind, keyOfPod('deaf'));
    await settle(60);
    await node.advance(10_000);
    assert.deepEqual(node.runtime.running(), ['web']);
    assert.equal((await node.pod('deaf')).status?.phase, 'Running');
    await node.client.delete(PodKind, keyOfPod('deaf'), { gracePeriodSeconds: 3 });
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
    await node.client.delete(PodKind, keyOfPod('stuck'));
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
    node.client.remove(PodKind, keyOfPod('forced'));
    await settle(60);
    await node.advance(2000);
    await settle(60);
    assert.deepEqual(node.runtime.running(), []);
    assert.deepEqual(await node.runtime.listSandboxes(), []);
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
    await node.client.delete(PodKind, keyOfPod('goes'));
    node.client.seed(podOf('comes'));
    await node.start();
    await settle(100);
    assert.equal(node.runtime.calls.filter((call) => call.startsWith('runSandbox')).length, 3);
    assert.deepEqual(node.runtime.running(), ['web', 'web']);
    await assert.rejects(node.pod('goes'));
    assert.equal(statusOf(await node.pod('stays'))?.restartCount, 0);
    await node.kill();
  });

  it('ends what the API no longer has when it comes back', async () => {
    const node = await testNode();
    await node.start();
    await node.run('gone');
    await node.kill();
    node.client.remove(PodKind, keyOfPod('gone'));
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
    assert.equal(statusOf(pod)?.restartCount, 1);
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
    assert.equal(statusOf(pod)?.restartCount, 1);
    assert.equal(statusOf(pod)?.lastState?.terminated?.reason, 'ContainerStatusUnknown');
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
    await node.client.delete(PodKind, keyOfPod('first'));
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
    assert.equal(statusOf(pod)?.restartCount, 1);
    await node.kill();
  });
});
