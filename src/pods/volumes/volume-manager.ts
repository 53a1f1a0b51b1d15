/** The volumes of a node's pods. */
import { mkdir } from 'node:fs/promises';
import type { Pod } from '../../api/core/v1/pod.ts';
import { sameValue } from '../../api/value.ts';
import type { Clock } from '../../host/clock.ts';
import type { Logger } from '../../host/log.ts';
import { Turn } from '../../lib/turns.ts';
import type { FollowedObjects } from '../config/followed-objects.ts';
import { isProblem } from '../config/problems.ts';
import type { Changed, PodEvents, Problem, VolumeManager, VolumePaths } from '../parts.ts';
import { volumePlan } from './plan.ts';
import { type MadeVolumes, makeVolumes, type VolumeParts } from './pod-volumes.ts';
import { foldersIn, removeFolder } from './remove.ts';
import { type LimitedVolume, UsageWatch } from './usage.ts';

export interface VolumesOptions extends VolumeParts {
  readonly objects: FollowedObjects;
  readonly log: Logger;
  readonly clock: Clock;
  readonly events: PodEvents;
  /** Called when a pod whose volumes could not be made is worth another try, and when one is to be evicted. */
  readonly changed: Changed;
}

/** Milliseconds until what failed while a pod runs is tried again: nobody else would. */
const RETRY = 30_000;
/** What a timer takes at most: setTimeout(3) counts in 31 bits. */
const LONGEST_SLEEP = 24 * 3_600_000;

interface OnePod {
  pod: Pod;
  /** One step at a time. */
  readonly turn: Turn;
  /** `ready` once it has had all of its volumes: it runs on with what it has. */
  state: 'new' | 'waiting' | 'ready';
  /** What it names has changed, and that has not been looked at. */
  isDue: boolean;
  /** Ends the wait for the next refresh. */
  timer: AbortController | undefined;
  /** Why what it has cannot be brought up to date, as it was told last. */
  stale: string;
  /** Why it is to be evicted. */
  exceeded: string | undefined;
}

/** The volumes of all pods of the node. */
export class Volumes implements VolumeManager {
  readonly #options: VolumesOptions;
  readonly #signal: AbortSignal;
  readonly #usage: UsageWatch;
  readonly #pods = new Map<string, OnePod>();

  /** Keeps volumes up to date until the signal is aborted; they stay as they are then. */
  constructor(options: VolumesOptions, signal: AbortSignal) {
    this.#options = options;
    this.#signal = signal;
    options.objects.onChange((uid) => this.#touch(uid));
    const { clock, log } = options;
    const failed = (pod: string, err: unknown) => log.warn({ pod, err }, 'cannot see how much a volume holds');
    const exceeded = (uid: string, message: string) => this.#exceed(uid, message);
    this.#usage = new UsageWatch({ clock, exceeded, failed }, signal);
  }

  async ensure(pod: Pod): Promise<{ readonly kind: 'ready'; readonly paths: VolumePaths } | Problem> {
    const one = this.#one(pod);
    one.pod = pod;
    const made = await one.turn.run(() => this.#make(one));
    return made.kind === 'ready' ? { kind: 'ready', paths: made.paths } : made;
  }

  observe(pod: Pod): void {
    const { uid = '', labels, annotations } = pod.metadata;
    const one = this.#pods.get(uid);
    if (one === undefined || one.pod === pod) return;
    const { metadata: before } = one.pod;
    one.pod = pod;
    if (!sameValue(labels, before.labels) || !sameValue(annotations, before.annotations)) this.#touch(uid);
  }

  exceeded(podUID: string): string | undefined {
    return this.#pods.get(podUID)?.exceeded;
  }

  async remove(podUID: string): Promise<void> {
    const one = this.#pods.get(podUID);
    this.#pods.delete(podUID);
    one?.timer?.abort();
    this.#usage.forget(podUID);
    await one?.turn.run(async () => {}); // What is under way comes to its end.
    const { objects, tokens, mounts, paths } = this.#options;
    objects.forget(podUID);
    tokens.forget(podUID);
    await removeFolder(mounts, paths.pod(podUID));
  }

  podUIDs(): Promise<readonly string[]> {
    return foldersIn(this.#options.paths.pods);
  }

  terminationMessageFile(podUID: string, container: string, restartCount: number): string {
    return this.#options.paths.terminationMessage(podUID, container, restartCount);
  }

  #one(pod: Pod): OnePod {
    const { uid = '' } = pod.metadata;
    const known = this.#pods.get(uid);
    if (known !== undefined) return known;
    const one: OnePod = {
      pod,
      turn: new Turn(),
      state: 'new',
      isDue: false,
      timer: undefined,
      stale: '',
      exceeded: undefined,
    };
    this.#pods.set(uid, one);
    return one;
  }

  async #make(one: OnePod): Promise<MadeVolumes | Problem> {
    const { uid = '' } = one.pod.metadata;
    const objects = await this.#options.objects.follow(one.pod);
    one.isDue = false;
    const made = isProblem(objects) ? objects : await makeVolumes(one.pod, objects, this.#options);
    if (made.kind === 'ready') one.state = 'ready';
    else if (one.state === 'new') one.state = 'waiting';
    if (made.kind === 'ready' && this.#pods.get(uid) === one) this.#plan(one, made);
    if (one.isDue) this.#look(uid, one); // It changed meanwhile.
    return made;
  }

  /** When it is to be looked at next, though nothing it names changes. */
  #plan(one: OnePod, { paths, refreshAt, stale }: MadeVolumes): void {
    this.#usage.follow(one.pod.metadata.uid ?? '', one.exceeded === undefined ? limitedVolumes(one.pod, paths) : []);
    if (stale.length > 0) this.#retryLater(one, stale.join('; '));
    else one.stale = '';
    if (stale.length === 0 && refreshAt !== undefined) this.#wakeIn(one, refreshAt - this.#options.clock.now());
  }

  /** What a pod that runs has stays as it was; that is told once. */
  #retryLater(one: OnePod, reason: string): void {
    if (one.stale !== reason) this.#options.events.event(one.pod, 'Warning', 'FailedMount', reason);
    one.stale = reason;
    this.#wakeIn(one, RETRY);
  }

  #exceed(uid: string, message: string): void {
    const one = this.#pods.get(uid);
    if (one === undefined) return;
    one.exceeded = message;
    this.#options.events.event(one.pod, 'Warning', 'Evicted', message);
    this.#options.changed(uid);
  }

  /** What the pod names has changed. */
  #touch(uid: string): void {
    const one = this.#pods.get(uid);
    if (one === undefined || one.isDue) return;
    one.isDue = true;
    this.#look(uid, one);
  }

  #look(uid: string, one: OnePod): void {
    // One that waits for its volumes is tried by its worker, which also tells of what fails.
    if (one.state === 'waiting') this.#options.changed(uid);
    if (one.state === 'ready') void one.turn.run(() => this.#refresh(uid, one));
  }

  /** Brings the volumes of a pod that runs up to date; it runs on whatever comes of that. Never rejects. */
  async #refresh(uid: string, one: OnePod): Promise<void> {
    if (this.#pods.get(uid) !== one || !one.isDue || this.#signal.aborted) return;
    try {
      const made = await this.#make(one);
      if (made.kind === 'problem') this.#retryLater(one, made.message);
    } catch (err) {
      const { namespace, name } = one.pod.metadata;
      this.#options.log.warn({ pod: `${namespace}/${name}`, err }, 'volumes could not be brought up to date');
      this.#wakeIn(one, RETRY);
    }
  }

  #wakeIn(one: OnePod, wait: number): void {
    one.timer?.abort();
    const timer = new AbortController();
    one.timer = timer;
    const signal = AbortSignal.any([timer.signal, this.#signal]);
    this.#options.clock.sleep(Math.min(Math.max(wait, 1), LONGEST_SLEEP), signal).then(
      () => this.#touch(one.pod.metadata.uid ?? ''),
      () => {}, // Another wait took its place, or the pod is gone.
    );
  }
}

/** Volumes on the disk whose size has a limit; those in memory keep it themselves. */
function limitedVolumes({ spec }: Pod, paths: VolumePaths): readonly LimitedVolume[] {
  return (spec?.volumes ?? []).flatMap((volume) => {
    const plan = volumePlan(volume);
    const path = paths.get(volume.name);
    if (plan.kind !== 'emptyDir' || plan.medium !== 'disk' || plan.sizeLimit === undefined || path === undefined)
      return [];
    const limitText = String(volume.emptyDir?.sizeLimit);
    return [{ name: volume.name, path, limit: plan.sizeLimit, limitText }];
  });
}

/** Makes the folder that the pods' folders are in. */
export async function openVolumes(options: VolumesOptions, signal: AbortSignal): Promise<Volumes> {
  await mkdir(options.paths.pods, { recursive: true, mode: 0o700 });
  return new Volumes(options, signal);
}
