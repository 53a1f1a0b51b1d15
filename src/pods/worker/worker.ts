/** One pod of this node, from its appearance to its removal. */
import { isPodFinal } from '../../api/core/v1/pod.status.ts';
import type { Pod } from '../../api/core/v1/pod.ts';
import { seconds } from '../../lib/duration.ts';
import type { PodEvents } from '../parts.ts';
import { type PodRuntime, podFrom, podIPsOf } from '../runtime/pod-runtime.ts';
import { desiredPodStatus, rejectedStatus } from '../status/desired.ts';
import { plan } from './actions.ts';
import { tellBackOffs } from './back-off-events.ts';
import { Ender, readPod } from './ender.ts';
import { attempt } from './errors.ts';
import { garbage } from './garbage.ts';
import { Jobs } from './jobs.ts';
import { DEADLINE_EXCEEDED, deletionOutcome, type Outcome } from './outcome.ts';
import type { NodeParts, RuntimeParts, WorkerParts } from './parts.ts';
import { followProbes } from './probing.ts';
import { confirmDeletion, erasePod, releasePod } from './remove.ts';
import { Reporter } from './reporter.ts';
import { type PodView, VOLUMES } from './view.ts';
import { Work } from './work.ts';

/** Names of work that is not a container's, besides those of `view.ts`. */
const END = '/end';
const GARBAGE = '/garbage';
/** Milliseconds after which a status that could not be written is tried again. */
const REWRITE = seconds(1);

export interface PodWorkerOptions {
  readonly uid: string;
  readonly parts: NodeParts;
  /** Asks for a {@link PodWorker.sync}, `ms` milliseconds from now. */
  readonly wake: (ms: number) => void;
  /** Why the node does not take the pod; asked before anything is done for it. */
  readonly refusal: (pod: Pod) => Outcome | undefined;
}

interface EndHow {
  readonly graceSeconds: number;
  /** Others are given the time to turn to other endpoints first. */
  readonly drain: boolean;
  /** How the pod ended, given what became of its containers. */
  readonly outcomeOf: (view: PodView) => Outcome | undefined;
}

/** The worker of one pod. It decides when it is asked to, and never twice at a time. */
export class PodWorker {
  readonly #options: PodWorkerOptions;
  readonly #jobs: Jobs;
  readonly #reporter: Reporter;
  readonly #work: Work;
  readonly #ender = new Ender();
  /** Ends what is waited for while containers are being started. */
  readonly #starting = new AbortController();
  #pod: Pod | undefined;
  /** The API no longer has it. */
  #isGone = false;
  #stage: 'new' | 'taken' | 'released' | 'erased' = 'new';
  #toldRuntimeless = false;
  /** The runtime has something of it. */
  #isBegun = false;
  /** Nothing is begun any more. */
  #isStopped = false;

  constructor(options: PodWorkerOptions) {
    const { uid, parts, wake } = options;
    this.#options = options;
    this.#reporter = new Reporter({ client: parts.client, log: parts.log, failed: () => wake(REWRITE) });
    this.#jobs = new Jobs({
      clock: parts.clock,
      ended: (name) => {
        // Volumes are none of the runtime's business; all else may have changed what it has.
        if (name !== VOLUMES) parts.cache.markStale(uid);
        wake(0);
      },
    });
    this.#work = new Work({ jobs: this.#jobs, ender: this.#ender, signal: this.#starting.signal });
  }

  /** The pod as it was last seen; undefined when only the runtime has heard of it. */
  get pod(): Pod | undefined {
    return this.#pod;
  }

  /** `taken`: it uses something of the node. `erased`: nothing is left of it, and its worker can be forgotten. */
  get stage(): 'new' | 'taken' | 'released' | 'erased' {
    return this.#stage;
  }

  /** The API has this pod now. */
  observe(pod: Pod): void {
    this.#pod = this.#reporter.newest(pod);
  }

  /** The API has it no longer. */
  lose(): void {
    this.#isGone = true;
  }

  /** Something that was missing may be there now. */
  retry(): void {
    this.#jobs.retry();
    this.#options.wake(0);
  }

  /** Begins what is due, without waiting for its end. `runtime` undefined: there is none now. */
  async sync(runtime: RuntimeParts | undefined): Promise<void> {
    if (this.#stage === 'erased' || this.#isStopped) return;
    if (runtime === undefined) return this.#syncWithoutRuntime();
    const parts: WorkerParts = { ...this.#options.parts, ...runtime };
    const state = await parts.cache.read(parts.runtime, this.#options.uid);
    if (this.#isStopped) return;
    this.#isBegun ||= state.sandboxes.length > 0;
    this.#pod ??= podFrom(state);
    if (this.#pod === undefined) this.#stage = 'erased';
    else if (this.#isToGo(this.#pod)) this.#finish(parts, this.#pod, state);
    else if (this.#stage !== 'released' && this.#admit(this.#pod, state)) this.#proceed(parts, this.#pod, state);
  }

  /** Ends it because the node's part ends. Leaves nothing on the node; to the API it is a pod of which nothing runs now. */
  async stop(runtime: RuntimeParts, graceSeconds: number): Promise<void> {
    const parts: WorkerParts = { ...this.#options.parts, ...runtime };
    this.#isStopped = true;
    this.#starting.abort();
    const state = await readPod(parts, this.#options.uid);
    if (this.#jobs.busy.has(END)) this.#ender.shorten(parts, state, graceSeconds);
    await this.#jobs.allEnded();
    const pod = this.#pod ?? podFrom(state);
    if (pod === undefined || this.stage === 'erased') return;
    const left = await this.#end(parts, pod, { graceSeconds, drain: false, outcomeOf: () => undefined });
    await erasePod(parts, pod, left);
    this.#stage = 'erased';
  }

  #isToGo({ metadata }: Pod): boolean {
    return this.#isGone || metadata.deletionTimestamp !== undefined;
  }

  #proceed(parts: WorkerParts, pod: Pod, state: PodRuntime): void {
    parts.volumes.observe(pod);
    followProbes(parts.prober, this.#view(parts, pod, state), podIPsOf(pod, state, parts.facts().hostIPs));
    const next = plan(this.#view(parts, pod, state));
    for (const action of next.actions) this.#work.begin(parts, { pod, state, action });
    const view = this.#view(parts, pod, state);
    tellBackOffs(parts.events, view, this.#work.told);
    this.#collect(parts, state);
    if (next.wakeAt !== undefined) this.#options.wake(Math.max(0, next.wakeAt - view.now));
    if (next.outcome !== undefined) this.#endOver(parts, pod, next.outcome);
    // What was said of its end is the last word.
    if (isPodFinal(pod)) return;
    const facts = parts.facts();
    this.#reporter.report(pod, (present) => desiredPodStatus({ ...view, pod: present }, next.outcome, facts));
  }

  /** Whether the node takes the pod. What it has begun once it has taken. */
  #admit(pod: Pod, state: PodRuntime): boolean {
    if (this.#stage === 'taken') return true;
    const isBegun = state.sandboxes.length > 0 || pod.status?.startTime !== undefined || isPodFinal(pod);
    const refusal = isBegun ? undefined : this.#options.refusal(pod);
    this.#stage = refusal === undefined ? 'taken' : 'released';
    if (refusal === undefined) return true;
    const { events, clock } = this.#options.parts;
    events.event(pod, 'Warning', refusal.reason ?? '', refusal.message ?? '');
    this.#reporter.report(pod, (present) => rejectedStatus(present, refusal, clock.now()));
    return false;
  }

  #collect({ runtime, leavings }: WorkerParts, state: PodRuntime): void {
    const { containers, sandboxes } = garbage(state);
    if (containers.length + sandboxes.length === 0) return;
    this.#jobs.run(GARBAGE, async () => {
      for (const { id, logPath } of containers) {
        await runtime.removeContainer(id);
        await leavings.removeRunLogs(logPath);
      }
      for (const { id } of sandboxes) await runtime.removeSandbox(id);
      return undefined;
    });
  }

  /** The pod is over: what still runs of it ends, and it gives back what it has of the node. */
  #endOver(parts: WorkerParts, pod: Pod, outcome: Outcome): void {
    if (this.#isHeldUp(END)) return;
    this.#starting.abort();
    tellDeadline(parts.events, pod, outcome);
    this.#runEnd(parts, pod, async () => {
      await this.#jobs.othersEnded(END);
      const { terminationGracePeriodSeconds: grace = 30 } = pod.spec ?? {};
      const graceSeconds = outcome.reason === 'Evicted' ? Math.min(grace, EVICTED_GRACE) : grace;
      await this.#end(parts, pod, { graceSeconds, drain: false, outcomeOf: () => outcome });
    });
  }

  /** The pod was deleted: it ends, all of it is removed, and then it goes from the API. */
  #finish(parts: WorkerParts, pod: Pod, state: PodRuntime): void {
    const graceSeconds = graceOf(pod, this.#isGone);
    if (this.#jobs.busy.has(END)) {
      this.#ender.shorten(parts, state, graceSeconds);
      this.#reportEnding(parts, pod, state);
      return;
    }
    if (this.#isHeldUp(END)) return;
    this.#starting.abort();
    this.#runEnd(parts, pod, async () => {
      await this.#jobs.othersEnded(END);
      const drain = !this.#isGone;
      const left = await this.#end(parts, pod, { graceSeconds, drain, outcomeOf: deletionOutcome });
      await erasePod(parts, pod, left);
      if (!this.#isGone) await confirmDeletion(parts.client, pod);
      this.#stage = 'erased';
    });
  }

  #runEnd({ events }: WorkerParts, pod: Pod, work: () => Promise<void>): void {
    this.#jobs.run(END, async () => {
      const problem = await attempt('FailedKillPod', work);
      if (problem === undefined) return undefined;
      events.event(pod, 'Warning', problem.reason, `error killing pod: ${problem.message}`);
      return problem;
    });
  }

  /** What has become of containers while others still end. */
  #reportEnding(parts: WorkerParts, pod: Pod, state: PodRuntime): void {
    if (this.#isGone || isPodFinal(pod) || state.containers.length === 0) return;
    const view = this.#view(parts, pod, state);
    const [outcome, facts] = [deletionOutcome(view), parts.facts()];
    this.#reporter.report(pod, (present) => desiredPodStatus({ ...view, pod: present }, outcome, facts));
  }

  /** Ends its containers, says what became of them, and gives back what it has of the node. Resolves to what is left of it. */
  async #end(parts: WorkerParts, pod: Pod, { outcomeOf, ...how }: EndHow): Promise<PodRuntime> {
    await this.#ender.end(parts, { pod, ...how });
    const state = await readPod(parts, this.#options.uid);
    if (!this.#isGone) await this.#reportEnd(parts, pod, state, outcomeOf);
    for (const { id } of state.containers) parts.prober.stop(id);
    await releasePod(parts, pod, state);
    this.#work.volumes = undefined;
    this.#stage = 'released';
    return state;
  }

  async #reportEnd(parts: WorkerParts, pod: Pod, state: PodRuntime, outcomeOf: EndHow['outcomeOf']): Promise<void> {
    if (isPodFinal(pod) || (state.containers.length === 0 && pod.status?.startTime === undefined)) return;
    const facts = parts.facts();
    await this.#reporter.reportNow(pod, (present) => {
      const view = this.#view(parts, present, state);
      return desiredPodStatus(view, outcomeOf(view), facts);
    });
  }

  #isHeldUp(name: string): boolean {
    const left = (this.#jobs.pauses.get(name) ?? 0) - this.#options.parts.clock.now();
    if (left > 0) this.#options.wake(left);
    return left > 0 || this.#jobs.busy.has(name);
  }

  /** What was never begun needs no runtime to be ended; what is to begin waits for one. */
  async #syncWithoutRuntime(): Promise<void> {
    const pod = this.#pod;
    const { client, events } = this.#options.parts;
    if (pod === undefined || this.#stage !== 'new' || this.#isBegun || pod.status?.startTime !== undefined) return;
    if (this.#isToGo(pod)) {
      if (!this.#isGone) await confirmDeletion(client, pod);
      this.#stage = 'erased';
    } else if (!this.#toldRuntimeless) {
      this.#toldRuntimeless = true;
      const message = 'Failed to create pod sandbox: no container runtime answers on this node';
      events.event(pod, 'Warning', 'FailedCreatePodSandBox', message);
    }
  }

  #view({ clock, prober, volumes: made }: WorkerParts, pod: Pod, runtime: PodRuntime): PodView {
    const { problems, pauses, busy } = this.#jobs;
    const { volumes, backOffs, replaced } = this.#work;
    return {
      ...{ pod, runtime, problems, pauses, busy, backOffs, replaced },
      now: clock.now(),
      volumesReady: volumes !== undefined,
      evicted: made.exceeded(this.#options.uid),
      probe: (containerID) => prober.state(containerID),
    };
  }
}

/** Seconds that a pod gets that takes more of the node than it may, as from a kubelet. */
const EVICTED_GRACE = 1;
/** Tells of a pod whose time is over. What its containers did they tell, and what volumes hold too much the volumes. */
function tellDeadline(events: PodEvents, pod: Pod, { reason, message = '' }: Outcome): void {
  if (reason === DEADLINE_EXCEEDED && !isPodFinal(pod)) events.event(pod, 'Normal', reason, message);
}

/** Seconds that a pod gets that has been taken from the API without being asked to end, as by force. */
const FORCED_GRACE = 2;

function graceOf({ metadata }: Pod, isGone: boolean): number {
  const asked = metadata.deletionTimestamp === undefined ? FORCED_GRACE : (metadata.deletionGracePeriodSeconds ?? 30);
  return isGone ? Math.min(asked, FORCED_GRACE) : asked;
}
