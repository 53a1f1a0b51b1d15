/** What is to be done for a pod next. Pure: the same view has the same plan. */
import { containerHash } from '../labels.ts';
import { type ContainerRun, hashOf, presentSandbox, restartCountOf } from '../runtime/pod-runtime.ts';
import { mayStartAt } from './back-off.ts';
import { type Outcome, outcomeOf } from './outcome.ts';
import {
  type ContainerView,
  containersOf,
  deadlineOf,
  endOf,
  isLost,
  latest,
  type PodView,
  restartsAfter,
  SANDBOX,
  VOLUMES,
} from './view.ts';

/** Why a running container is ended: with the probe's or the pod's own grace period. */
export type KillCause =
  | { readonly kind: 'probe'; readonly probe: 'liveness' | 'startup'; readonly graceSeconds: number | undefined }
  | { readonly kind: 'changed' }
  | { readonly kind: 'unknown' };

/** Something to be begun for a pod. */
export type Action =
  /** Make the volumes that the pod names. */
  | { readonly kind: 'volumes' }
  /** Make a sandbox; end what is left in those before it. */
  | { readonly kind: 'sandbox'; readonly attempt: number }
  | {
      readonly kind: 'start';
      readonly container: ContainerView;
      readonly restartCount: number;
      /** When the run before it ended, for the back-off. */
      readonly after: number | undefined;
    }
  | { readonly kind: 'kill'; readonly container: ContainerView; readonly run: ContainerRun; readonly cause: KillCause };

/** What is due now, and when to look again. */
export interface Plan {
  readonly actions: readonly Action[];
  /** When something will be due without anything happening, in milliseconds of the wall clock. */
  readonly wakeAt: number | undefined;
  /** The pod is over: end what is left of it. */
  readonly outcome: Outcome | undefined;
}

/** Nothing to do before that time. */
interface Wait {
  readonly kind: 'wait';
  readonly until: number;
}
type Step = Action | Wait;

/** What is to be done next, from what is known. */
export function plan(view: PodView): Plan {
  const outcome = outcomeOf(view);
  if (outcome !== undefined) return { actions: [], wakeAt: undefined, outcome };
  const steps = stepsOf(view);
  const times = steps.flatMap((step) => (step.kind === 'wait' ? [step.until] : []));
  const deadline = deadlineOf(view.pod);
  if (deadline !== undefined) times.push(deadline);
  return {
    actions: steps.filter((step) => step.kind !== 'wait'),
    wakeAt: times.length === 0 ? undefined : Math.min(...times),
    outcome: undefined,
  };
}

function stepsOf(view: PodView): readonly Step[] {
  if (!view.volumesReady) return unlessHeldUp(view, VOLUMES, { kind: 'volumes' });
  const sandbox = presentSandbox(view.runtime);
  if (sandbox === undefined) {
    const attempt = Math.max(-1, ...view.runtime.sandboxes.map(({ metadata }) => metadata.attempt)) + 1;
    return unlessHeldUp(view, SANDBOX, { kind: 'sandbox', attempt });
  }
  const containers = containersOf(view);
  const inits = containers.filter(({ kind }) => kind !== 'app');
  const apps = containers.filter(({ kind }) => kind === 'app');
  const isInside = (run: ContainerRun | undefined) => run?.sandboxID === sandbox.id;
  // What has come as far as that is not initialised again, although the runs of its init containers may be forgotten by now.
  if (apps.some((app) => isInside(latest(app)))) {
    const sidecars = inits.filter(({ kind }) => kind === 'sidecar');
    return [...sidecars, ...apps].flatMap((each) => stepsFor(view, each));
  }
  const steps: Step[] = [];
  for (const init of inits) {
    const run = isInside(latest(init)) ? latest(init) : undefined;
    if (init.kind === 'init' && run?.state === 'EXITED' && run.exitCode === 0 && !view.busy.has(init.name)) continue;
    steps.push(...stepsFor(view, init, run === undefined));
    if (init.kind === 'init' || !hasStarted(view, init, run)) return steps;
  }
  return [...steps, ...apps.flatMap((app) => stepsFor(view, app))];
}

/** A sidecar lets those after it start once it has started; its own troubles later on do not stop them. */
function hasStarted({ busy, probe }: PodView, { name }: ContainerView, run: ContainerRun | undefined): boolean {
  return run?.state === 'RUNNING' && !busy.has(name) && probe(run.id)?.started === true;
}

/** The step for one container. `anew`: it runs again in this sandbox, however it ended in one before. */
function stepsFor(view: PodView, container: ContainerView, anew = false): readonly Step[] {
  const run = latest(container);
  const { name } = container;
  if (view.busy.has(name)) return [];
  if (run === undefined) return unlessHeldUp(view, name, start(container, firstCount(container), undefined));
  switch (run.state) {
    case 'CREATED':
      // Left behind by an agent that was killed: it is replaced, and has not counted.
      return unlessHeldUp(view, name, start(container, restartCountOf(run), undefined));
    case 'UNKNOWN':
      return unlessHeldUp(view, name, { kind: 'kill', container, run, cause: { kind: 'unknown' } });
    case 'RUNNING':
      return killStep(view, container, run);
    case 'EXITED': {
      if (!anew && !restartsAfter(view, container, run.exitCode)) return [];
      const at = mayStartAt(view.backOffs.get(name), endOf(run));
      if (at > view.now) return [{ kind: 'wait', until: at }];
      return unlessHeldUp(view, name, start(container, restartCountOf(run) + 1, endOf(run)));
    }
  }
}

function killStep(view: PodView, container: ContainerView, run: ContainerRun): readonly Step[] {
  const failed = view.probe(run.id)?.failed;
  const cause: KillCause | undefined =
    failed !== undefined
      ? { kind: 'probe', ...failed }
      : hashOf(run) !== containerHash(container.spec)
        ? { kind: 'changed' }
        : undefined;
  return cause === undefined ? [] : unlessHeldUp(view, container.name, { kind: 'kill', container, run, cause });
}

function start(container: ContainerView, restartCount: number, after: number | undefined): Action {
  return { kind: 'start', container, restartCount, after };
}

/** Runs before the first that the runtime knows: what it has lost counts. */
function firstCount(container: ContainerView): number {
  const told = container.told?.restartCount ?? 0;
  return isLost(container) || container.told?.state?.terminated !== undefined ? told + 1 : told;
}

function unlessHeldUp({ busy, pauses, now }: PodView, what: string, action: Action): readonly Step[] {
  if (busy.has(what)) return [];
  const until = pauses.get(what) ?? 0;
  return until > now ? [{ kind: 'wait', until }] : [action];
}
