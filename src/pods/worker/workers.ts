/** The workers of all pods of this node. */
import { isPodFinal } from '../../api/core/v1/pod.status.ts';
import type { Pod } from '../../api/core/v1/pod.ts';
import { isLauncherPod } from '../../api/kubevirt/v1/launcher-pod.ts';
import { runController } from '../../client/controller.ts';
import type { Change, Informer } from '../../client/informer.ts';
import { WorkQueue } from '../../client/work-queue.ts';
import { refusalOf } from './admission.ts';
import { isRuntimeLost } from './errors.ts';
import type { NodeParts, RuntimeParts } from './parts.ts';
import { PodWorker } from './worker.ts';

/** Pods that are decided on at the same time. What is begun for them goes on besides. */
const AT_ONCE = 16;

export interface PodWorkersOptions {
  readonly parts: NodeParts;
  /** All pods of this node, those of virtual machines too. Started by whoever owns it. */
  readonly pods: Informer<Pod>;
  /** What the node has for pods. */
  readonly allocatable: () => Readonly<Record<string, string | number>>;
}

/** The workers of a node's pods, one for each. */
export class PodWorkers {
  readonly #options: PodWorkersOptions;
  readonly #queue: WorkQueue;
  readonly #workers = new Map<string, PodWorker>();
  #runtime: RuntimeParts | undefined;
  /** Whether there is a runtime is known; until then there is nothing to say of pods. */
  #isDecided = false;

  constructor(options: PodWorkersOptions) {
    this.#options = options;
    this.#queue = new WorkQueue({ clock: options.parts.clock });
  }

  /** Works until the signal is aborted. Called once the pods are known. */
  async run(signal: AbortSignal): Promise<void> {
    this.#options.pods.onChange((change) => this.#changed(change));
    const { log } = this.#options.parts;
    const reconcile = (uid: string) => this.#sync(uid);
    await runController({ name: 'pods', queue: this.#queue, reconcile, workers: AT_ONCE, log }, signal);
  }

  /** There is a runtime now; undefined: there is none any more. */
  useRuntime(runtime: RuntimeParts | undefined): void {
    this.#runtime = runtime;
    this.#isDecided = true;
    for (const uid of this.#workers.keys()) this.#queue.add(uid);
  }

  /** Something happened to a pod: at the runtime, to its probes. What the API does not have is to be ended. */
  poke(uid: string): void {
    this.#ensure(uid);
    this.#queue.add(uid);
  }

  /** Something that a pod was missing may be there now. */
  retry(uid: string): void {
    this.#workers.get(uid)?.retry();
  }

  /** The pod of that UID, if a worker has it. */
  pod(uid: string): Pod | undefined {
    return this.#workers.get(uid)?.pod;
  }

  has(uid: string): boolean {
    return this.#workers.has(uid);
  }

  /** Ends every pod within the grace period, and leaves nothing. Resolves to what failed. */
  async stop(runtime: RuntimeParts, graceSeconds: number): Promise<readonly unknown[]> {
    const ends = await Promise.allSettled(
      [...this.#workers.values()].map((worker) => worker.stop(runtime, graceSeconds)),
    );
    return ends.flatMap((end) => (end.status === 'rejected' ? [end.reason] : []));
  }

  #changed({ object, previous }: Change<Pod>): void {
    const [uid, before] = [object?.metadata.uid, previous?.metadata.uid];
    if (before !== undefined && before !== uid && this.#workers.has(before)) {
      this.#workers.get(before)?.lose();
      this.#queue.add(before);
    }
    if (object === undefined || uid === undefined || isLauncherPod(object)) return;
    this.#worker(uid).observe(object);
    this.#queue.add(uid);
  }

  /** The worker of a pod that the runtime has told of. */
  #ensure(uid: string): void {
    if (!this.#workers.has(uid)) this.#worker(uid).lose();
  }

  #worker(uid: string): PodWorker {
    const known = this.#workers.get(uid);
    if (known !== undefined) return known;
    const worker = new PodWorker({
      uid,
      parts: this.#options.parts,
      wake: (ms) => this.#queue.addAfter(uid, ms),
      refusal: (pod) => refusalOf(pod, { others: this.#taken(uid), allocatable: this.#options.allocatable() }),
    });
    this.#workers.set(uid, worker);
    return worker;
  }

  /** Pods that use something of the node, besides that one. */
  #taken(uid: string): readonly Pod[] {
    return this.#options.pods.list().filter((pod) => {
      if (pod.metadata.uid === uid || isPodFinal(pod)) return false;
      return isLauncherPod(pod) || this.#workers.get(pod.metadata.uid ?? '')?.stage === 'taken';
    });
  }

  async #sync(uid: string): Promise<void> {
    const worker = this.#workers.get(uid);
    if (worker === undefined || !this.#isDecided) return;
    try {
      await worker.sync(this.#runtime);
    } catch (error) {
      // It is asked again when it is back.
      if (!isRuntimeLost(error)) throw error;
    }
    if (worker.stage !== 'erased') return;
    this.#workers.delete(uid);
    this.#options.parts.cache.forget(uid);
  }
}
