/** The processes of a lab, each kept running, and the file that says how they are. */
import { existsSync, mkdirSync, readdirSync, readFileSync, watch } from 'node:fs';
import { join } from 'node:path';
import type { Logger } from '../host/log.ts';
import { codeOf } from '../lib/errors.ts';
import { BoundedLog } from './bounded-log.ts';
import { type Layout, logFile } from './layout.ts';
import { type LabState, writeJson } from './state.ts';
import { type ProcessState, Supervisor } from './supervisor.ts';

/** In the order in which they end: what others speak to goes later, so that they can still say goodbye. */
const STAGES = ['agents', 'servers', 'base'] as const;
export type Stage = (typeof STAGES)[number];

export interface ProcessSpec {
  readonly name: string;
  readonly stage: Stage;
  /** The command for the next start. */
  readonly argv: () => readonly string[];
  /** Called with the rest of the line each time the process prints a line that begins with `ready`. */
  readonly onReady?: (rest: string) => void;
}

interface Running {
  readonly spec: ProcessSpec;
  readonly supervisor: Supervisor;
  readonly ended: Promise<void>;
}

export class LabProcesses {
  readonly #layout: Layout;
  readonly #log: Logger;
  readonly #ends = new Map(STAGES.map((stage) => [stage, new AbortController()]));
  readonly #running = new Map<string, Running>();
  readonly #states = new Map<string, ProcessState>();
  #state: LabState = { ready: false, server: undefined, places: {}, processes: [] };

  constructor(layout: Layout, log: Logger) {
    this.#layout = layout;
    this.#log = log;
  }

  /** Starts a process. Resolves to what follows its first `ready`; rejects when it only ever fails. */
  start(spec: ProcessSpec): Promise<string> {
    const { name, stage } = spec;
    const supervisor = new Supervisor({
      ...spec,
      log: new BoundedLog(logFile(this.#layout, name)),
      onChange: (state) => this.#changed(state),
    });
    const ended = supervisor.run(this.signal(stage));
    this.#running.set(name, { spec, supervisor, ended });
    return supervisor.firstReady;
  }

  /** From now on the files of {@link Layout.stopped} say which processes do not run. */
  watchStopped(signal: AbortSignal): void {
    const { stopped } = this.#layout;
    mkdirSync(stopped, { recursive: true, mode: 0o700 });
    watch(stopped, { signal }, () => this.#obeyStopped()).on('error', () => {}); // It ends with the lab's directory.
    this.#obeyStopped();
  }

  /** Aborted when the processes of a stage are to end. */
  signal(stage: Stage): AbortSignal {
    const end = this.#ends.get(stage);
    if (end === undefined) throw new Error(`no such stage: ${stage}`);
    return end.signal;
  }

  /** Ends all, stage by stage. */
  async end(): Promise<void> {
    for (const stage of STAGES) {
      this.#ends.get(stage)?.abort();
      await Promise.all([...this.#running.values()].filter(({ spec }) => spec.stage === stage).map((p) => p.ended));
    }
  }

  /** Says more about the lab. */
  update(change: Partial<LabState>): void {
    this.#state = { ...this.#state, ...change };
    // A lab whose directory is gone is ending, and does not bring it back.
    if (existsSync(this.#layout.owner)) writeJson(this.#layout.state, this.#state);
  }

  #changed(state: ProcessState): void {
    this.#states.set(state.name, state);
    if (state.phase === 'backing-off') this.#log.warn({ process: state.name, end: state.lastEnd }, 'restarting');
    this.update({ processes: [...this.#states.values()] });
  }

  #obeyStopped(): void {
    const { stopped } = this.#layout;
    const wanted = new Set(unlessGone(() => readdirSync(stopped)) ?? []);
    for (const [name, { supervisor }] of this.#running) {
      const how = wanted.has(name) ? unlessGone(() => readFileSync(join(stopped, name), 'utf8')) : undefined;
      if (how === undefined) supervisor.release();
      else supervisor.hold(how === 'SIGKILL' ? how : 'SIGTERM');
    }
  }
}

/** Undefined when the file or folder is not there, or not any more. */
function unlessGone<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}
