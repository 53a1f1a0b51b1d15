/** The thread that has the SDK: started again should it fail, and replaced should it hang. */
import { Worker } from 'node:worker_threads';
import type { Clock } from '../../../../host/clock.ts';
import type { Logger } from '../../../../host/log.ts';
import { seconds } from '../../../../lib/duration.ts';
import { OciError } from '../calls.ts';
import { stopped } from './gate.ts';
import { errorOf, type FromThread, type ThreadData, type ToThread } from './messages.ts';

/** As much of a thread as is used here; tests have their own. */
export interface Thread {
  post(message: ToThread): void;
  onMessage(listener: (message: FromThread) => void): void;
  /** Called once, with the error that ended it, if one did. */
  onExit(listener: (error: Error | undefined) => void): void;
  terminate(): void;
}

export type StartThread = (data: ThreadData) => Thread;

export interface SdkThreadOptions {
  readonly data: ThreadData;
  readonly clock: Clock;
  readonly log: Logger;
  readonly startThread: StartThread;
}

interface Pending {
  readonly resolve: (response: unknown) => void;
  readonly reject: (error: OciError) => void;
  readonly answered: AbortController;
}

/** Before a thread that failed is started again; doubled each time, until one has lived for as long as the longest. */
const RETRY = { first: seconds(1), longest: seconds(60) } as const;
/** How much longer than its calls may take a thread has to say that they have. One that hangs says nothing. */
const GRACE = seconds(10);

export class SdkThread {
  readonly #options: SdkThreadOptions;
  readonly #pending = new Map<number, Pending>();
  readonly #loaded = Promise.withResolvers<void>();
  #thread: Thread | undefined;
  #lastId = 0;
  #retryIn: number = RETRY.first;
  #signal: AbortSignal = AbortSignal.abort();

  constructor(options: SdkThreadOptions) {
    this.#options = options;
  }

  /** Runs until the signal is aborted. Resolves when the SDK is loaded, or could not be at first: calls can be made before that. */
  async start(signal: AbortSignal): Promise<void> {
    this.#signal = signal;
    if (signal.aborted) return;
    this.#run();
    signal.addEventListener('abort', () => this.#stop(), { once: true });
    await this.#loaded.promise;
  }

  /** Fails with an OciError and with nothing else. */
  async call(call: Omit<ToThread, 'id'>): Promise<unknown> {
    if (this.#signal.aborted) throw stopped();
    const thread = this.#thread;
    if (thread === undefined) {
      throw new OciError('the thread that talks to OCI has failed and is started again shortly', { code: 'NotSent' });
    }
    const id = ++this.#lastId;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const answered = new AbortController();
    this.#pending.set(id, { resolve, reject, answered });
    try {
      thread.post({ id, ...call });
    } catch (cause) {
      this.#pending.delete(id);
      throw new OciError(`${call.operation}: its request is no plain data: ${cause}`, INVALID, { cause });
    }
    this.#watch(thread, call, answered.signal);
    return promise;
  }

  #run(): void {
    const { startThread, data, clock, log } = this.#options;
    const began = clock.steady();
    const thread = startThread(data);
    this.#thread = thread;
    thread.onMessage((message) => {
      if (message.kind !== 'ready') return this.#received(message);
      log.debug({ afterMs: clock.steady() - began }, "Oracle's SDK is loaded");
      this.#loaded.resolve();
    });
    thread.onExit((err) => this.#exited(err, clock.steady() - began));
  }

  #received(message: Exclude<FromThread, { kind: 'ready' }>): void {
    const pending = this.#pending.get(message.id);
    if (pending === undefined) return;
    this.#pending.delete(message.id);
    pending.answered.abort();
    if (message.kind === 'answer') pending.resolve(message.response);
    else pending.reject(errorOf(message.failure));
  }

  /** A thread that does not even say that time is up is of no use any more. */
  #watch(thread: Thread, { operation, limit }: Omit<ToThread, 'id'>, answered: AbortSignal): void {
    const { clock, log } = this.#options;
    clock.sleep(limit + GRACE, answered).then(
      () => {
        if (this.#thread !== thread) return;
        log.error({ operation, limitMs: limit }, 'the thread that talks to OCI hangs and is replaced');
        thread.terminate();
      },
      () => {}, // Answered.
    );
  }

  #exited(err: Error | undefined, lived: number): void {
    this.#thread = undefined;
    this.#loaded.resolve();
    if (this.#signal.aborted) return;
    const { log, clock } = this.#options;
    if (lived > RETRY.longest) this.#retryIn = RETRY.first;
    const retryInMs = this.#retryIn;
    this.#retryIn = Math.min(this.#retryIn * 2, RETRY.longest);
    log.error({ err, retryInMs }, 'the thread that talks to OCI has failed and is started again');
    const why = 'the thread that talks to OCI has failed: whether the call was done is not known';
    this.#rejectAll(() => new OciError(why, { code: 'Unreachable' }, { cause: err }));
    clock.sleep(retryInMs, this.#signal).then(
      () => this.#run(),
      () => {}, // Stopped.
    );
  }

  #stop(): void {
    this.#loaded.resolve();
    this.#thread?.terminate();
    this.#rejectAll(() => new OciError('the program stops before OCI has answered', { code: 'Unreachable' }));
  }

  #rejectAll(error: () => OciError): void {
    for (const { reject, answered } of this.#pending.values()) {
      answered.abort();
      reject(error());
    }
    this.#pending.clear();
  }
}

/** A mistake of ours: asking again would not mend it. */
const INVALID = { status: 400, code: 'InvalidParameter' } as const;

/** Megabytes. The SDK alone is some 60. */
const HEAP = { maxOldGenerationSizeMb: 256, maxYoungGenerationSizeMb: 16 } as const;

/** What the SDK reads of the environment and may: which realms there are, which authorities the system trusts, compiled code. */
const ENVIRONMENT = [
  'HOME',
  'NODE_COMPILE_CACHE',
  'NODE_EXTRA_CA_CERTS',
  'OCI_DEFAULT_REALM',
  'OCI_DUAL_STACK_ENDPOINT_ENABLED',
  'OCI_REALM_SPECIFIC_SERVICE_ENDPOINT_TEMPLATE_ENABLED',
  'OCI_REGION_METADATA',
  'SSL_CERT_DIR',
  'SSL_CERT_FILE',
] as const;

/** What of an environment the thread has. A name without a value is left out: the thread would read it as the text `undefined`. */
export function environmentOf(all: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(ENVIRONMENT.flatMap((name) => (all[name] === undefined ? [] : [[name, all[name]]])));
}

export function startWorker(workerData: ThreadData): Thread {
  const env = environmentOf(process.env);
  const worker = new Worker(new URL('./worker/worker.ts', import.meta.url), {
    workerData,
    env,
    resourceLimits: HEAP,
    execArgv: [],
    stdout: true,
    stderr: true,
  });
  // The SDK prints each failure. We are told of them anyway, and decide what goes into the log.
  worker.stdout.resume();
  worker.stderr.resume();
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
