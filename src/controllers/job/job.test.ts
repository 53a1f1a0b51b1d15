import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Job } from '../../api/batch/v1/job.ts';
import { Pod } from '../../api/core/v1/pod.ts';
import { keyOf } from '../../api/meta/v1.ts';
import { printTime } from '../../api/time.ts';
import { garbageCollector } from '../garbage-collection/garbage-collection.ts';
import { livePods } from '../replicas/testing.ts';
import { type World, world } from '../testing.ts';
import { jobController } from './job.ts';

const key = { namespace: 'ns', name: 'count' };

function job(fields: Partial<Job['spec']> = {}, pod: object = {}): Job {
  const made = Job.defaults({
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { ...key, uid: 'u1' },
    spec: {
      template: { spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'i' }], ...pod } },
      ...fields,
    },
  });
  return Job.prepare(made, undefined);
}

const running = async (w: World) =>
  (await livePods(w)).filter(({ status }) => status?.phase !== 'Succeeded' && status?.phase !== 'Failed');

/** What a node writes of a pod that has ended. */
async function ends(w: World, phase: 'Succeeded' | 'Failed', pod?: Pod): Promise<void> {
  const [first] = await running(w);
  const ended = pod ?? first;
  assert.ok(ended);
  const finishedAt = printTime(w.clock.now());
  const containerStatuses = [
    { name: 'c', state: { terminated: { exitCode: phase === 'Failed' ? 1 : 0, finishedAt } } },
  ];
  w.client.seed({ ...ended, status: { phase, containerStatuses } });
  await w.settle();
}

const status = async (w: World) => (await w.client.get(Job, key)).status;
const condition = async (w: World, type: string) => {
  const found = (await status(w))?.conditions?.find((one) => one.type === type);
  return found && [found.status, found.reason, found.message];
};

describe('the Job controller', () => {
  it('runs one pod, and is complete when it has succeeded', async () => {
    const w = await world([job()], jobController);
    const [pod] = await running(w);
    assert.match(pod?.metadata.name ?? '', /^count-.{5}$/);
    assert.equal(pod?.metadata.labels?.['batch.kubernetes.io/controller-uid'], 'u1');
    assert.deepEqual([(await status(w))?.active, (await status(w))?.startTime], [1, '2026-01-01T00:00:00Z']);
    await w.pass(5000);
    await ends(w, 'Succeeded');
    assert.deepEqual(await condition(w, 'Complete'), [
      'True',
      'CompletionsReached',
      'Reached expected number of succeeded pods',
    ]);
    const { conditions: _, ...rest } = (await status(w)) ?? {};
    assert.deepEqual(rest, {
      startTime: '2026-01-01T00:00:00Z',
      completionTime: '2026-01-01T00:00:05Z',
      succeeded: 1,
      ready: 0,
      terminating: 0,
    });
    assert.deepEqual(await running(w), []);
    assert.ok((await w.events(job())).includes('Completed: Job completed'));
    await w.stop();
  });

  it('runs as many at a time as it may, until as many have succeeded as are asked for', async () => {
    const w = await world([job({ completions: 3, parallelism: 2 })], jobController);
    const counts = [];
    for (let done = 0; done < 3; done++) {
      counts.push((await running(w)).length);
      await ends(w, 'Succeeded');
    }
    assert.deepEqual(counts, [2, 2, 1]);
    assert.equal((await condition(w, 'Complete'))?.[0], 'True');
    assert.equal((await w.all(Pod)).length, 3);
    await w.stop();
  });

  it('lets the other workers end when one says that the work is done', async () => {
    const w = await world([job({ parallelism: 3 })], jobController);
    await ends(w, 'Succeeded');
    assert.equal((await running(w)).length, 2);
    assert.equal(await condition(w, 'Complete'), undefined);
    await ends(w, 'Succeeded');
    await ends(w, 'Succeeded');
    assert.equal((await condition(w, 'Complete'))?.[0], 'True');
    await w.stop();
  });

  it('tries again ever later, and fails when that was tried often enough', async () => {
    const w = await world([job({ backoffLimit: 2 })], jobController);
    for (const wait of [10_000, 20_000]) {
      await ends(w, 'Failed');
      await w.pass(wait - 1000);
      assert.equal((await running(w)).length, 0);
      await w.pass(1000);
      assert.equal((await running(w)).length, 1);
    }
    await ends(w, 'Failed');
    assert.deepEqual(await condition(w, 'Failed'), [
      'True',
      'BackoffLimitExceeded',
      'Job has reached the specified backoff limit',
    ]);
    assert.equal((await status(w))?.failed, 3);
    assert.equal((await status(w))?.completionTime, undefined);
    await w.pass(60_000);
    assert.equal((await w.all(Pod)).length, 3);
    await w.stop();
  });

  it('counts restarts of containers as failures where they are started again in their pod', async () => {
    const w = await world([job({ backoffLimit: 2 }, { restartPolicy: 'OnFailure' })], jobController);
    const [pod] = await running(w);
    assert.ok(pod);
    w.client.seed({ ...pod, status: { phase: 'Running', containerStatuses: [{ name: 'c', restartCount: 2 }] } });
    await w.settle();
    assert.deepEqual(await running(w), []);
    assert.equal((await condition(w, 'Failed'))?.[1], 'BackoffLimitExceeded');
    await w.stop();
  });

  it('ends its pods when it was active for too long, and has failed when they are gone', async () => {
    const w = await world([job({ activeDeadlineSeconds: 30 })], jobController);
    const [pod] = await running(w);
    assert.ok(pod);
    w.client.seed({ ...pod, spec: { ...pod.spec, nodeName: 'n1' }, status: { phase: 'Running' } });
    await w.pass(29_000);
    assert.equal((await running(w)).length, 1);
    await w.pass(1000);
    assert.equal((await running(w)).length, 0);
    assert.equal((await condition(w, 'FailureTarget'))?.[1], 'DeadlineExceeded');
    assert.equal(await condition(w, 'Failed'), undefined);
    w.client.remove(Pod, keyOf(pod));
    await w.settle();
    assert.deepEqual(await condition(w, 'Failed'), [
      'True',
      'DeadlineExceeded',
      'Job was active longer than specified deadline',
    ]);
    await w.stop();
  });

  it('has no pods while it is suspended', async () => {
    const w = await world([job({ suspend: true })], jobController);
    assert.deepEqual(await running(w), []);
    assert.deepEqual(await condition(w, 'Suspended'), ['True', 'JobSuspended', 'Job suspended']);
    assert.equal((await status(w))?.startTime, undefined);
    await w.pass(3000);
    await w.client.patch(Job, key, { type: 'merge', body: { spec: { suspend: false } } });
    await w.settle();
    assert.equal((await running(w)).length, 1);
    assert.deepEqual(await condition(w, 'Suspended'), ['False', 'JobResumed', 'Job resumed']);
    assert.equal((await status(w))?.startTime, '2026-01-01T00:00:03Z');
    await w.client.patch(Job, key, { type: 'merge', body: { spec: { suspend: true } } });
    await w.settle();
    assert.deepEqual(await running(w), []);
    await w.stop();
  });

  it('follows the number of workers', async () => {
    const w = await world([job({ completions: 9, parallelism: 4 })], jobController);
    await w.client.patch(Job, key, { type: 'merge', body: { spec: { parallelism: 1 } } });
    await w.settle();
    assert.equal((await running(w)).length, 1);
    await w.stop();
  });

  it('is deleted with its pods so many seconds after its end', async () => {
    const w = await world([job({ ttlSecondsAfterFinished: 60 })], jobController, garbageCollector);
    await ends(w, 'Succeeded');
    await w.pass(59_000);
    assert.equal((await w.all(Job)).length, 1);
    await w.pass(2000);
    assert.deepEqual([...(await w.all(Job)), ...(await w.all(Pod))], []);
    await w.stop();
  });

  it('goes on where it was when it is started anew', async () => {
    const first = await world([job({ completions: 3 })], jobController);
    await ends(first, 'Succeeded');
    const objects = [...(await first.all(Job)), ...(await first.all(Pod))];
    await first.stop();
    const w = await world(objects, jobController);
    assert.deepEqual(w.client.writes, []);
    await ends(w, 'Succeeded');
    await ends(w, 'Succeeded');
    assert.equal((await status(w))?.succeeded, 3);
    await w.stop();
  });
});
