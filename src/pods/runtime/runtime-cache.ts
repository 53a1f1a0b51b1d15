/** What the runtime has of each pod, read when it may have changed. */
import { type ContainerRuntime, isCRINotFound, type RuntimeContainer, type Sandbox } from '../cri/cri.ts';
import { NODE, POD_UID } from '../labels.ts';
import { type ContainerRun, NOTHING, newestFirst, type PodRuntime } from './pod-runtime.ts';

export interface RuntimeCacheOptions {
  /** Only what is marked as this node's is seen. */
  readonly nodeName: string;
  /** Reads what a run that has ended left as its last words; asked once of each. Never rejects. */
  readonly lastWords: (run: ContainerRun, podUID: string) => Promise<string | undefined>;
}

interface Entry {
  readonly state: PodRuntime;
  /** What the lists said then: cheap to compare. */
  readonly print: string;
  /** Counts reads by their begin: of two at the same time the later one knows more, whichever ends first. */
  readonly begun: number;
}

/** The state of pods at the runtime, by UID. One that was not marked stale since it was read is not read again. */
export class RuntimeCache {
  readonly #options: RuntimeCacheOptions;
  readonly #entries = new Map<string, Entry>();
  readonly #owners = new Map<string, string>();
  /** Counts what may have changed a pod, so that a change during a read is not lost. */
  readonly #changes = new Map<string, number>();
  #isListed = false;
  #reads = 0;

  constructor(options: RuntimeCacheOptions) {
    this.#options = options;
  }

  /** UID of the pod that a container or sandbox belongs to; undefined while it was never listed. */
  podOf(id: string): string | undefined {
    return this.#owners.get(id);
  }

  /** What was last read of a pod, be it old. */
  last(podUID: string): PodRuntime | undefined {
    return this.#entries.get(podUID)?.state;
  }

  /** The containers that run, as they were last read. */
  *running(): Iterable<ContainerRun> {
    for (const { state } of this.#entries.values()) {
      for (const run of state.containers) if (run.state === 'RUNNING') yield run;
    }
  }

  /** Says that the pod is to be read again before it is used. */
  markStale(podUID: string): void {
    this.#changes.set(podUID, (this.#changes.get(podUID) ?? 0) + 1);
  }

  forget(podUID: string): void {
    for (const { id } of allOf(this.#entries.get(podUID)?.state)) this.#owners.delete(id);
    this.#entries.delete(podUID);
    this.#changes.delete(podUID);
  }

  /** The pod as the runtime has it now. */
  async read(runtime: ContainerRuntime, podUID: string): Promise<PodRuntime> {
    const known = this.#entries.get(podUID);
    const changes = this.#changes.get(podUID) ?? 0;
    if (changes === 0 && known !== undefined) return known.state;
    // Nobody else makes what is marked as ours: what was not in the list is not there.
    if (changes === 0 && this.#isListed) return NOTHING;
    const begun = ++this.#reads;
    const labels = { [POD_UID]: podUID, [NODE]: this.#options.nodeName };
    const [sandboxes, containers] = await Promise.all([
      runtime.listSandboxes({ labels }),
      runtime.listContainers({ labels }),
    ]);
    // Before the details: what happens meanwhile is known to be this pod's.
    for (const { id } of [...sandboxes, ...containers]) this.#owners.set(id, podUID);
    const state = await this.#details(runtime, podUID, { sandboxes, containers });
    const present = this.#entries.get(podUID);
    if (present !== undefined && present.begun > begun) return present.state;
    // What was removed meanwhile: a container that is started again for ever has any number of runs.
    const left = new Set([...sandboxes, ...containers].map(({ id }) => id));
    for (const { id } of allOf(present?.state)) if (!left.has(id)) this.#owners.delete(id);
    this.#entries.set(podUID, { state, print: printOf(sandboxes, containers), begun });
    if (this.#changes.get(podUID) === changes) this.#changes.delete(podUID);
    return state;
  }

  /** Looks at everything: marks what is not as it was last read, and returns those pods, by UID. */
  async relist(runtime: ContainerRuntime): Promise<readonly string[]> {
    const labels = { [NODE]: this.#options.nodeName };
    const [sandboxes, containers] = await Promise.all([
      runtime.listSandboxes({ labels }),
      runtime.listContainers({ labels }),
    ]);
    const seen = new Map<string, { sandboxes: Sandbox[]; containers: RuntimeContainer[] }>();
    const of = (item: Sandbox | RuntimeContainer) => {
      const uid = item.labels[POD_UID] ?? '';
      const pod = seen.get(uid) ?? { sandboxes: [], containers: [] };
      seen.set(uid, pod);
      this.#owners.set(item.id, uid);
      return pod;
    };
    for (const sandbox of sandboxes) of(sandbox).sandboxes.push(sandbox);
    for (const container of containers) of(container).containers.push(container);
    this.#isListed = true;
    const changed: string[] = [];
    for (const uid of new Set([...seen.keys(), ...this.#entries.keys()])) {
      const pod = seen.get(uid) ?? { sandboxes: [], containers: [] };
      if (printOf(pod.sandboxes, pod.containers) !== (this.#entries.get(uid)?.print ?? '')) changed.push(uid);
    }
    for (const uid of changed) this.markStale(uid);
    return changed;
  }

  async #details(
    runtime: ContainerRuntime,
    podUID: string,
    listed: { readonly sandboxes: readonly Sandbox[]; readonly containers: readonly RuntimeContainer[] },
  ): Promise<PodRuntime> {
    const known = new Map(this.#entries.get(podUID)?.state.containers.map((run) => [run.id, run]));
    const [sandboxes, containers] = await Promise.all([
      Promise.all(listed.sandboxes.map(({ id }) => runtime.sandboxStatus(id).catch(absent))),
      Promise.all(
        listed.containers.map(async (container) => {
          const before = known.get(container.id);
          // One that has ended does not change any more.
          if (before?.state === 'EXITED') return before;
          const status = await runtime.containerStatus(container.id).catch(absent);
          return status && this.#withLastWords({ ...status, sandboxID: container.sandboxID }, podUID);
        }),
      ),
    ]);
    return {
      sandboxes: newestFirst(sandboxes.filter((each) => each !== undefined)),
      containers: newestFirst(containers.filter((each) => each !== undefined)),
    };
  }

  async #withLastWords(run: ContainerRun, podUID: string): Promise<ContainerRun> {
    if (run.state !== 'EXITED') return run;
    const lastWords = await this.#options.lastWords(run, podUID);
    return lastWords === undefined || lastWords === '' ? run : { ...run, lastWords };
  }
}

function allOf(state: PodRuntime | undefined): readonly { readonly id: string }[] {
  return [...(state?.sandboxes ?? []), ...(state?.containers ?? [])];
}

/** Removed between the list and the look at it. */
function absent(error: unknown): undefined {
  if (!isCRINotFound(error)) throw error;
}

function printOf(sandboxes: readonly Sandbox[], containers: readonly RuntimeContainer[]): string {
  return [...sandboxes, ...containers]
    .map(({ id, state }) => `${id} ${state}`)
    .sort()
    .join();
}
