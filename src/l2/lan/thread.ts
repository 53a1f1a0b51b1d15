/** The LAN's side in a thread of its own, from when there is something to do there on; started again should it fail, and told everything anew. */
import { Worker } from 'node:worker_threads';
import type { Clock } from '../../host/clock.ts';
import { libcSocket } from '../../host/libc-socket.ts';
import type { Logger } from '../../host/log.ts';
import { milliseconds, seconds } from '../../lib/duration.ts';
import type { HeartbeatSettings } from '../settings.ts';
import { Memory } from './memory.ts';
import type { FromLan, LanPort, LanStatus, ToLan } from './messages.ts';

/** What the thread is started with. */
export interface WorkerData {
  readonly nodeName: string;
  readonly interfaces: readonly string[] | undefined;
  readonly heartbeats: HeartbeatSettings;
}

export type ToThread = ToLan | { readonly kind: 'stop' };

/** As much of a thread as is used here; tests have their own. */
export interface Thread {
  post(message: ToThread): void;
  onMessage(listener: (message: FromLan) => void): void;
  /** Called once, with the error that ended it, if one did. */
  onExit(listener: (error: Error | undefined) => void): void;
  terminate(): void;
}

export type StartThread = (data: WorkerData) => Thread;

export interface LanThreadOptions extends WorkerData {
  readonly clock: Clock;
  readonly log: Logger;
  /** Other than a real one in tests. */
  readonly startThread?: StartThread;
}

/** Megabytes: 10,000 addresses with 50 candidates each are some 30. */
const HEAP = { maxOldGenerationSizeMb: 128, maxYoungGenerationSizeMb: 8 } as const;
/** Before a thread that failed is started again; doubled each time, until one has lived for as long as the longest. */
const RETRY = { first: milliseconds(100), longest: seconds(10) } as const;
/** The most that a thread may take to end in good order. */
const STOP_LIMIT = seconds(2);

/** Of a LAN without other nodes, while there is no address either. */
const NOTHING: LanStatus = { announcing: [], conflicts: [], peers: [], elected: {}, silent: undefined, counts: {} };

/** A node that is alone and has no address to announce does without the thread: it takes some 17 MB. */
export class LanThread implements LanPort {
  readonly #options: LanThreadOptions;
  readonly #listeners: ((message: FromLan) => void)[] = [];
  readonly #memory = new Memory();
  #thread: Thread | undefined;
  #retryIn: number = RETRY.first;
  /** Whether there has been something to do: from then on a thread runs until the end. */
  #isNeeded = false;
  #mayRun = false;
  #signal: AbortSignal = AbortSignal.abort();

  constructor(options: LanThreadOptions) {
    this.#options = options;
  }

  /** Runs until the signal is aborted. */
  async start(signal: AbortSignal): Promise<void> {
    this.#signal = signal;
    // What a thread loads first is unloaded with it, under the hands of others.
    if (this.#options.startThread === undefined) await libcSocket();
    if (signal.aborted) return;
    this.#mayRun = true;
    if (this.#isNeeded) this.#run();
    signal.addEventListener('abort', () => this.#stop(), { once: true });
  }

  send(message: ToLan): void {
    this.#memory.sent(message);
    if (this.#thread !== undefined) this.#thread.post(message);
    // There is nothing to hand over.
    else if (message.kind === 'leave') queueMicrotask(() => this.#tell({ kind: 'left' }));
    else if (!this.#isNeeded) this.#sentWithoutThread(message);
  }

  #sentWithoutThread(message: ToLan): void {
    this.#isNeeded = isWork(message);
    if (this.#isNeeded) {
      if (this.#mayRun && !this.#signal.aborted) this.#run();
    } else if (message.kind === 'ask') {
      queueMicrotask(() => this.#received({ kind: 'status', id: message.id, status: NOTHING }));
    } else if (message.kind === 'peers') {
      // Nodes that there were are known to be gone.
      queueMicrotask(() => this.#received({ kind: 'peers', peers: [], hears: [], onLan: true, macs: [] }));
    }
  }

  onMessage(listener: (message: FromLan) => void): void {
    this.#listeners.push(listener);
  }

  #run(): void {
    const { startThread = startWorker, clock, nodeName, interfaces, heartbeats } = this.#options;
    const began = clock.now();
    const thread = startThread({ nodeName, interfaces, heartbeats });
    this.#thread = thread;
    thread.onMessage((message) => this.#received(message));
    thread.onExit((err) => this.#exited(err, clock.now() - began));
    for (const message of this.#memory.toSend()) thread.post(message);
  }

  #received(message: FromLan): void {
    if (message.kind === 'log') {
      this.#options.log[message.level](message.fields, message.message);
      return;
    }
    this.#memory.received(message);
    this.#tell(message);
  }

  #exited(err: Error | undefined, lived: number): void {
    this.#thread = undefined;
    if (this.#signal.aborted) return;
    const { log, clock } = this.#options;
    if (lived > RETRY.longest) this.#retryIn = RETRY.first;
    const retryInMs = this.#retryIn;
    this.#retryIn = Math.min(this.#retryIn * 2, RETRY.longest);
    log.error({ err, retryInMs }, 'the thread on the LAN has failed: nothing is announced until it is started again');
    for (const message of this.#memory.lost()) this.#tell(message);
    clock.sleep(retryInMs, this.#signal).then(
      () => this.#run(),
      () => {}, // Stopped.
    );
  }

  #stop(): void {
    const thread = this.#thread;
    if (thread === undefined) return;
    thread.post({ kind: 'stop' });
    const timer = setTimeout(() => thread.terminate(), STOP_LIMIT);
    timer.unref();
    thread.onExit(() => clearTimeout(timer));
  }

  #tell(message: FromLan): void {
    for (const listener of this.#listeners) listener(message);
  }
}

/** Whether there is an address, or another node to be heard by. */
function isWork(message: ToLan): boolean {
  if (message.kind === 'plans') return message.changed.length > 0;
  return message.kind === 'peers' && message.peers.length > 0;
}

function startWorker(workerData: WorkerData): Thread {
  const worker = new Worker(new URL('./worker.ts', import.meta.url), {
    workerData,
    resourceLimits: HEAP,
    execArgv: [],
  });
  let failure: Error | undefined;
  worker.on('error', (error: Error) => {
    failure = error;
  });
  return {
    post: (message) => worker.postMessage(message),
    onMessage: (listener) => void worker.on('message', listener),
    onExit: (listener) => void worker.on('exit', () => listener(failure)),
    terminate: () => void worker.terminate(),
  };
}
