/** Probes the node's containers. */
import type { Probe } from '../../api/core/v1/pod-spec.ts';
import { type Clock, systemClock } from '../../host/clock.ts';
import type { ContainerRuntime } from '../cri/cri.ts';
import type { Changed, PodEvents, Prober, ProbeState, RunningContainer } from '../parts.ts';
import { type Attempt, attemptWith } from './attempt.ts';
import { type LoopOptions, probeLoop } from './loop.ts';
import { isOver } from './progress.ts';
import type { Result } from './result.ts';

export interface ProberOptions {
  readonly runtime: Pick<ContainerRuntime, 'execSync'>;
  readonly events: PodEvents;
  readonly changed: Changed;
  readonly clock?: Clock;
  /** Default: over the network, and by way of the runtime. */
  readonly attempt?: Attempt;
  /** From 0 to 1, as Math.random: spreads the probes of containers that an earlier run of the agent has left. */
  readonly random?: () => number;
}

/** Milliseconds after which the same is told again. */
const REPEAT = 10_000;

/** The kubelet's reason and words for what a try came to. */
const WORDS = {
  failure: ['Unhealthy', 'failed'],
  error: ['Unhealthy', 'errored and resulted in unknown state'],
  warning: ['ProbeWarning', 'warning'],
} as const;

type Before = { readonly started: boolean; readonly ready: boolean };
type Parts = Required<Omit<ProberOptions, 'runtime'>>;

/** Probes what it is told of until the signal is aborted. */
export function newProber(options: ProberOptions, signal: AbortSignal): Prober {
  const { runtime, attempt = attemptWith(runtime), clock = systemClock, random = Math.random } = options;
  const parts = { ...options, attempt, clock, random };
  const probed = new Map<string, ProbedContainer>();
  signal.addEventListener('abort', () => {
    for (const container of probed.values()) container.stop();
    probed.clear();
  });
  return {
    start(running, before) {
      if (signal.aborted || probed.has(running.containerID)) return;
      const container = new ProbedContainer(running, before, parts);
      probed.set(running.containerID, container);
      container.start();
    },
    stop(containerID) {
      probed.get(containerID)?.stop();
      probed.delete(containerID);
    },
    state: (containerID) => probed.get(containerID)?.state,
  };
}

/** The probes of one run of a container. */
class ProbedContainer {
  state: ProbeState;
  readonly #running: RunningContainer;
  readonly #parts: Parts;
  readonly #ended = new AbortController();
  /** The agent has found it, and so finds many at once. */
  readonly #isFound: boolean;
  readonly #told = new Map<string, { readonly message: string; readonly at: number }>();
  /** What the readiness probe has said: beginning with what the API has of an earlier run of the agent. */
  #isReady: boolean;

  constructor(running: RunningContainer, before: Before | undefined, parts: Parts) {
    const { readinessProbe, startupProbe } = running.container;
    const started = startupProbe === undefined || (before?.started ?? false);
    this.#running = running;
    this.#parts = parts;
    this.#isFound = before !== undefined;
    this.#isReady = readinessProbe === undefined || (started && (before?.ready ?? false));
    this.state = { started, ready: started && this.#isReady };
  }

  start(): void {
    const { startupProbe } = this.#running.container;
    if (startupProbe !== undefined && !this.state.started) void this.#run(startupProbe, this.#startup(startupProbe));
    else this.#startOthers();
  }

  stop(): void {
    this.#ended.abort();
  }

  /** Liveness and readiness wait until the container has started. */
  #startOthers(): void {
    const { livenessProbe, readinessProbe } = this.#running.container;
    if (livenessProbe !== undefined) void this.#run(livenessProbe, this.#liveness(livenessProbe));
    if (readinessProbe !== undefined) void this.#run(readinessProbe, this.#readiness());
  }

  #run(probe: Probe, how: Pick<LoopOptions, 'passes' | 'isEager' | 'onResult'>): Promise<void> {
    const { attempt, clock, random } = this.#parts;
    const { initialDelaySeconds = 0, periodSeconds = 10 } = probe;
    const delay = Math.max(0, this.#running.startedAt + initialDelaySeconds * 1000 - clock.now());
    const after = this.#isFound ? Math.max(delay, random() * periodSeconds * 1000) : delay;
    return probeLoop({ probe, running: this.#running, after, attempt, clock, ...how }, this.#ended.signal);
  }

  #startup(probe: Probe): Pick<LoopOptions, 'passes' | 'isEager' | 'onResult'> {
    return {
      passes: false,
      isEager: true,
      onResult: (result, progress) => {
        this.#tell('Startup', result);
        if (isOver(progress, probe)) return this.#fail('startup', probe);
        if (!progress.passes) return true;
        this.#set({ started: true, ready: this.#isReady });
        this.#startOthers();
        return false;
      },
    };
  }

  #liveness(probe: Probe): Pick<LoopOptions, 'passes' | 'isEager' | 'onResult'> {
    return {
      passes: true,
      isEager: false,
      onResult: (result, progress) => {
        this.#tell('Liveness', result);
        return isOver(progress, probe) ? this.#fail('liveness', probe) : true;
      },
    };
  }

  #readiness(): Pick<LoopOptions, 'passes' | 'isEager' | 'onResult'> {
    return {
      passes: this.#isReady,
      isEager: true,
      onResult: (result, progress) => {
        this.#tell('Readiness', result);
        this.#isReady = progress.passes;
        this.#set({ ...this.state, ready: progress.passes });
        return true;
      },
    };
  }

  /** The container is to be ended; it is not probed further. */
  #fail(probe: 'liveness' | 'startup', { terminationGracePeriodSeconds: graceSeconds }: Probe): false {
    this.#set({ ...this.state, failed: { probe, graceSeconds } });
    return false;
  }

  #set(state: ProbeState): void {
    const { failed, ready, started } = this.state;
    this.state = state;
    if (state.failed === failed && state.ready === ready && state.started === started) return;
    this.#parts.changed(this.#running.pod.metadata.uid ?? '');
  }

  /** An event for what is no plain success; the same again only after a while, as each is a write to the API. */
  #tell(probe: 'Startup' | 'Liveness' | 'Readiness', result: Result): void {
    if (result.kind === 'success') return;
    const { container, pod } = this.#running;
    const [reason, how] = WORDS[result.kind];
    const message = `${probe} probe ${how}: ${result.message}`;
    const now = this.#parts.clock.now();
    const before = this.#told.get(probe);
    if (before?.message === message && now - before.at < REPEAT) return;
    this.#told.set(probe, { message, at: now });
    this.#parts.events.event(pod, 'Warning', reason, message, container.name);
  }
}
