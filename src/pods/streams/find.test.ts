import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ContainerStatus, Pod } from '../../api/core/v1/pod.ts';
import type { FoundContainer, PodLookup } from '../parts.ts';
import { findLog, findPod, findRunning, reach } from './find.ts';

const PATH = { namespace: 'ns', name: 'web', uid: 'u1' };
const run = (containerID: string, state: FoundContainer['state']): FoundContainer => {
  return { containerID, state, restartCount: 0, logPath: `/logs/${containerID}` };
};

/** A node with one pod, of which these runs are known, the latest first. */
function node(status: ContainerStatus[], ...runs: readonly FoundContainer[]): PodLookup {
  const metadata = { namespace: 'ns', name: 'web', uid: 'u1' };
  const pod: Pod = { apiVersion: 'v1', kind: 'Pod', metadata, status: { containerStatuses: status } };
  return {
    pod: ({ name, uid }) => (name === 'web' && (uid ?? 'u1') === 'u1' ? pod : undefined),
    container: async (_, __, previous = false) => runs[previous ? 1 : 0],
    sandbox: async () => undefined,
  };
}

const status = (more: Partial<ContainerStatus>): ContainerStatus => ({ name: 'c', ...more });

test('a log is that of the present run, the one before it when asked, or while the next has not begun', async () => {
  const [first, second] = [run('first', 'EXITED'), run('second', 'RUNNING')];
  assert.equal((await findLog(node([], second, first), PATH, 'c', false)).containerID, 'second');
  assert.equal((await findLog(node([], second, first), PATH, 'c', true)).containerID, 'first');
  assert.equal((await findLog(node([], run('made', 'CREATED'), first), PATH, 'c', false)).containerID, 'first');
});

test('why there is no log is said as a kubelet says it', async () => {
  const waiting = (reason?: string) => status({ state: { waiting: reason === undefined ? {} : { reason } } });
  const cases: readonly (readonly [ContainerStatus[], boolean, string])[] = [
    [[waiting('ContainerCreating')], false, 'container "c" in pod "web" is waiting to start: ContainerCreating'],
    [[waiting('ErrImagePull')], false, `container "c" in pod "web" is waiting to start: image can't be pulled`],
    [
      [waiting('ImagePullBackOff')],
      false,
      'container "c" in pod "web" is waiting to start: trying and failing to pull image',
    ],
    [[waiting()], false, 'container "c" in pod "web" is waiting to start - no logs yet'],
    [[status({ state: { terminated: { exitCode: 1 } } })], false, 'container "c" in pod "web" is terminated'],
    [[], false, 'container "c" in pod "web" is not available'],
    [[waiting('CrashLoopBackOff')], true, 'previous terminated container "c" in pod "web" not found'],
  ];
  for (const [statuses, previous, message] of cases) {
    await assert.rejects(findLog(node(statuses), PATH, 'c', previous), { code: 400, message });
  }
});

test('commands run only in containers that run, of the very pod that was meant', async () => {
  assert.equal((await findRunning(node([], run('a', 'RUNNING')), PATH, 'c')).containerID, 'a');
  for (const lookup of [node([]), node([], run('a', 'EXITED')), node([], run('a', 'CREATED'))]) {
    await assert.rejects(findRunning(lookup, PATH, 'c'), { code: 404, message: 'container not found ("c")' });
  }
  assert.throws(() => findPod(node([]), { ...PATH, uid: 'another' }), { code: 404 });
});

test('a node whose runtime is away says where to look', () => {
  assert.throws(() => reach(undefined, 'n1'), { code: 503, message: /kubectl describe node n1/ });
});
