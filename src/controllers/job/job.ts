/** Runs pods for each Job until as many of them as it asks for have succeeded. */
import { Job } from '../../api/batch/v1/job.ts';
import { Pod } from '../../api/core/v1/pod.ts';
import { type KubeObject, keyOf, keyText } from '../../api/meta/v1.ts';
import { matchesLabels, selectorOf } from '../../api/selectors.ts';
import { runController } from '../../client/controller.ts';
import { EventRecorder } from '../../client/events.ts';
import { ignoreNotFound } from '../../client/expected.ts';
import type { Informer } from '../../client/informer.ts';
import { WorkQueue } from '../../client/work-queue.ts';
import { inGrowingBatches } from '../batches.ts';
import { equal } from '../equal.ts';
import { controllerOf, type Owner } from '../ownership.ts';
import type { ControllerParts, Run } from '../parts.ts';
import { PodWrites } from '../pod-writes.ts';
import {
  type End,
  endOf,
  heldPlaces,
  isDecided,
  isFinished,
  retryWait,
  tallyOf,
  untilDeadline,
  untilExpired,
  wantedPods,
} from './desired.ts';
import { desiredStatus } from './status.ts';

/** Pods made, or deleted, before the job is looked at again. */
const BURST = 500;

type Parts = ControllerParts & {
  readonly jobs: Informer<Job>;
  readonly writes: PodWrites;
  readonly events: EventRecorder;
  readonly queue: WorkQueue;
};

/** Makes the controller; its keys are those of jobs. */
export function jobController(parts: ControllerParts): Run {
  const { informers, clock, log } = parts;
  const queue = new WorkQueue({ clock });
  const jobs = informers.of(Job);
  const pods = informers.of(Pod);
  const events = new EventRecorder({ ...parts, component: 'job-controller' });
  const own: Parts = { ...parts, jobs, queue, events, writes: new PodWrites({ ...parts, pods, events }) };
  jobs.onChange(({ key, object, previous }) => {
    if (object === undefined) own.writes.forget(previous?.metadata.uid ?? '');
    queue.add(key);
  });
  pods.onChange(({ object, previous }) => {
    for (const pod of [object, previous]) if (pod !== undefined) addOwner(pod, queue);
  });
  return (signal) => runController({ name: 'job', queue, reconcile: (key) => reconcile(key, own), log }, signal);
}

function addOwner(pod: KubeObject, queue: WorkQueue): void {
  const controller = controllerOf(pod);
  const { namespace = '' } = pod.metadata;
  if (controller?.kind === Job.kind) queue.add(keyText({ namespace, name: controller.name }));
}

async function reconcile(key: string, parts: Parts): Promise<void> {
  const { jobs, queue, clock } = parts;
  const job = jobs.get(key);
  if (job === undefined || job.metadata.deletionTimestamp !== undefined) return;
  if (isFinished(job)) return expire(job, parts);
  await parts.writes.verify(job.metadata.uid ?? '');
  const pods = ownPods(job, parts);
  const end = endOf(job, tallyOf(job, pods), clock.now());
  // Why a job ends may not be seen any more when its pods are deleted: it is written first.
  if (end !== undefined && !isDecided(job)) return writeStatus(job, end, parts);
  const outcome = await carryOut(job, pods, end, parts);
  await writeStatus(job, end, parts);
  const waits = [outcome.wait, untilDeadline(job, clock.now())].filter((wait) => wait !== undefined && wait > 0);
  for (const wait of waits) queue.addAfter(key, wait ?? 0);
  if (outcome.error !== undefined) throw outcome.error; // The queue tries again, ever later.
}

function ownPods({ metadata, spec }: Job, { writes }: Parts): readonly Pod[] {
  const selector = selectorOf(spec.selector ?? {});
  return writes.of(metadata.uid ?? '').filter((pod) => matchesLabels(selector, pod.metadata.labels));
}

interface Outcome {
  readonly error?: unknown;
  /** Milliseconds until a pod may be made. */
  readonly wait?: number;
}

/** Makes the pods that are missing, deletes those that are too many: all that run, once the job ends. */
async function carryOut(job: Job, pods: readonly Pod[], end: End | undefined, parts: Parts): Promise<Outcome> {
  const { writes, clock } = parts;
  const owner: Owner<Job> = { kind: Job, object: job };
  const tally = tallyOf(job, pods);
  const wanted = end === undefined ? wantedPods(job, tally) : 0;
  const missing = wanted - tally.active.length - (wanted > 0 ? heldPlaces(job, tally) : 0);
  if (tally.active.length > wanted) {
    const excess = tally.active.slice(0, Math.min(BURST, tally.active.length - wanted));
    return (await inGrowingBatches(excess, (pod) => writes.delete(job, pod))) ?? {};
  }
  if (missing <= 0) return {};
  const wait = retryWait(pods, clock.now());
  if (wait > 0) return { wait };
  const items = Array.from({ length: Math.min(BURST, missing) });
  return (await inGrowingBatches(items, () => writes.create(owner, job.spec.template))) ?? {};
}

async function writeStatus(job: Job, end: End | undefined, parts: Parts): Promise<void> {
  const { client, clock } = parts;
  const tally = tallyOf(job, ownPods(job, parts));
  const status = desiredStatus({ job, tally, end, now: clock.now() });
  if (equal(status, job.status)) return;
  const written = await client.updateStatus(Job, { ...job, status });
  tellOfChange(job, written, end, parts);
}

function tellOfChange(before: Job, after: Job, end: End | undefined, { events }: Parts): void {
  if (end !== undefined && isFinished(after)) {
    if (end.type === 'Complete') events.event(after, 'Normal', 'Completed', 'Job completed');
    else events.event(after, 'Warning', end.reason, end.message);
  }
  const suspended = ({ status }: Job) => status?.conditions?.find(({ type }) => type === 'Suspended')?.status;
  if (suspended(before) === suspended(after)) return;
  if (suspended(after) === 'True') events.event(after, 'Normal', 'Suspended', 'Job suspended');
  else events.event(after, 'Normal', 'Resumed', 'Job resumed');
}

/** Deletes a job that ended long enough ago, and then its pods. */
async function expire(job: Job, { client, clock, queue }: Parts): Promise<void> {
  const wait = untilExpired(job, clock.now());
  if (wait === undefined) return;
  if (wait > 0) {
    queue.addAfter(keyText(keyOf(job)), wait);
    return;
  }
  const preconditions = { uid: job.metadata.uid ?? '' };
  await client.delete(Job, keyOf(job), { propagationPolicy: 'Foreground', preconditions }).catch(ignoreNotFound);
}
