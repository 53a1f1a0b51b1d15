/** Does what was decided for a pod, and keeps what the next decision needs to know of it. */
import type { Pod } from '../../api/core/v1/pod.ts';
import type { Problem, VolumePaths } from '../parts.ts';
import { type PodRuntime, podIPsOf, presentSandbox } from '../runtime/pod-runtime.ts';
import type { Action, KillCause } from './actions.ts';
import { type CrashBackOff, restarted } from './back-off.ts';
import type { Ender } from './ender.ts';
import { attempt } from './errors.ts';
import type { Jobs } from './jobs.ts';
import { killContainer } from './kill.ts';
import type { WorkerParts } from './parts.ts';
import { startContainer } from './start-container.ts';
import { startSandbox } from './start-sandbox.ts';
import { SANDBOX, VOLUMES } from './view.ts';

export interface WorkOptions {
  readonly jobs: Jobs;
  readonly ender: Ender;
  /** Ends waiting, as the pod ends. */
  readonly signal: AbortSignal;
}

/** An action, and what was known when it was decided on. */
export interface Decided<A extends Action = Action> {
  readonly pod: Pod;
  readonly state: PodRuntime;
  readonly action: A;
}

type Of<K extends Action['kind']> = Decided<Extract<Action, { kind: K }>>;

/** What was begun for one pod. */
export class Work {
  readonly #options: WorkOptions;
  readonly backOffs = new Map<string, CrashBackOff>();
  /** Containers whose run was ended to be replaced, whatever the restart policy says. */
  readonly replaced = new Set<string>();
  /** Runs of containers whose back-off was told of. */
  readonly told = new Map<string, string>();
  /** Undefined until they are there. */
  volumes: VolumePaths | undefined;

  constructor(options: WorkOptions) {
    this.#options = options;
  }

  /** Begins an action, without waiting for its end. */
  begin(parts: WorkerParts, { pod, state, action }: Decided): void {
    const { jobs } = this.#options;
    switch (action.kind) {
      case 'volumes':
        jobs.run(VOLUMES, () => this.#makeVolumes(parts, pod));
        break;
      case 'sandbox':
        jobs.run(SANDBOX, () => this.#startSandbox(parts, { pod, state, action }));
        break;
      case 'start':
        jobs.run(action.container.name, () => this.#start(parts, { pod, state, action }));
        break;
      case 'kill':
        jobs.run(action.container.name, () => this.#kill(parts, { pod, state, action }));
        break;
    }
  }

  async #makeVolumes({ volumes, events }: WorkerParts, pod: Pod): Promise<Problem | undefined> {
    const made = await attempt('FailedMount', () => volumes.ensure(pod));
    if (made.kind === 'problem') {
      events.event(pod, 'Warning', 'FailedMount', made.message);
      return made;
    }
    this.volumes = made.paths;
    return undefined;
  }

  #startSandbox(parts: WorkerParts, { pod, state, action }: Of<'sandbox'>): Promise<Problem | undefined> {
    const { ender } = this.#options;
    return startSandbox(parts, {
      ...{ pod, attempt: action.attempt, runtime: state },
      endContainers: () => ender.end(parts, { pod, graceSeconds: graceOf(pod), drain: false }),
    });
  }

  async #start(parts: WorkerParts, { pod, state, action }: Of<'start'>): Promise<Problem | undefined> {
    const sandbox = presentSandbox(state);
    const { volumes } = this;
    if (sandbox === undefined || volumes === undefined) return undefined;
    const { container, restartCount, after } = action;
    const { name } = container;
    if (after !== undefined) this.backOffs.set(name, restarted(this.backOffs.get(name), after, parts.clock.now()));
    this.replaced.delete(name);
    return startContainer(parts, {
      ...{ pod, container, restartCount, sandbox, volumes },
      podIPs: podIPsOf(pod, state, parts.facts().hostIPs),
      signal: this.#options.signal,
    });
  }

  async #kill(parts: WorkerParts, { pod, state, action }: Of<'kill'>): Promise<undefined> {
    const { container, run, cause } = action;
    const { name, spec, kind } = container;
    if (cause.kind === 'changed') this.replaced.add(name);
    const isRestarted = cause.kind === 'changed' || kind === 'sidecar' || pod.spec?.restartPolicy !== 'Never';
    await killContainer(parts, {
      ...{ pod, run, container: spec },
      podIPs: podIPsOf(pod, state, parts.facts().hostIPs),
      graceSeconds: (cause.kind === 'probe' ? cause.graceSeconds : undefined) ?? graceOf(pod),
      message: `Container ${name} ${whyKilled(cause)}${isRestarted ? ', will be restarted' : ''}`,
      signal: this.#options.signal,
    });
  }
}

function whyKilled(cause: KillCause): string {
  switch (cause.kind) {
    case 'probe':
      return `failed ${cause.probe} probe`;
    case 'changed':
      return 'definition changed';
    case 'unknown':
      return 'is in a state that nobody knows';
  }
}

function graceOf({ spec }: Pod): number {
  return spec?.terminationGracePeriodSeconds ?? 30;
}
