/** Finding the node's container runtime, and staying in touch with it. */
import type { Clock } from '../../host/clock.ts';
import type { Logger } from '../../host/log.ts';
import { seconds } from '../../lib/duration.ts';
import { codeOf, messageOf } from '../../lib/errors.ts';
import type { ContainerEvent, ContainerRuntime, RuntimeVersion } from '../cri/cri.ts';

/** Where containerd listens unless it is told otherwise. */
const DEFAULT_SOCKET = '/run/containerd/containerd.sock';
/** How often a runtime that is not there, or not ready, is looked for again. */
const LOOK_AGAIN = seconds(1);
/** How often all is compared, as an event can be missed. */
const RELIST = seconds(10);

/** How long a runtime may take to tell what it has until it counts as lost: as long as a kubelet bears it. */
const PATIENCE = seconds(30);
/** How often, and after how many milliseconds each, a network that is not ready is looked at again before that is said. */
const NETWORK_TRIES = 40;
const NETWORK_PAUSE = 50;

/** Which runtime: the one that is found, none at all, or that behind a socket. */
export type RuntimeEndpoint = 'auto' | 'none' | { readonly socketPath: string };

/** Whether there is a runtime, and why not. */
export type RuntimeState =
  | { readonly kind: 'absent'; readonly reason: string; readonly message: string }
  | { readonly kind: 'there'; readonly version: RuntimeVersion };

export interface ConnectionOptions {
  readonly endpoint: RuntimeEndpoint;
  /** Called until it succeeds; then the runtime serves for good. Rejects with ENOENT where there is no socket. */
  readonly open: (socketPath: string) => Promise<ContainerRuntime>;
  readonly clock: Clock;
  readonly log: Logger;
  /** Told of each change. */
  readonly onState: (state: RuntimeState) => void;
  /** Called with the runtime before it is said to be there, each time; awaited. */
  readonly prepare: (runtime: ContainerRuntime, version: RuntimeVersion) => Promise<void>;
  readonly onEvent: (event: ContainerEvent) => void;
  /** Time to compare everything: after each connection and from time to time. A rejection is as good as the loss of the runtime. */
  readonly relist: (runtime: ContainerRuntime) => Promise<void>;
}

/** Path of the socket, and whether it is there. */
export function socketOf(endpoint: Exclude<RuntimeEndpoint, 'none'>): string {
  return endpoint === 'auto' ? DEFAULT_SOCKET : endpoint.socketPath;
}

/** Follows the runtime until the signal is aborted. Never rejects. */
export async function followRuntime(options: ConnectionOptions, signal: AbortSignal): Promise<void> {
  const { endpoint, onState, clock, log } = options;
  if (endpoint === 'none') {
    onState({
      kind: 'absent',
      reason: 'NoContainerRuntime',
      message: 'the agent was told to use no container runtime',
    });
    return;
  }
  const connection = new Connection(options, socketOf(endpoint));
  while (!signal.aborted) {
    try {
      await connection.use(signal);
    } catch (err) {
      if (signal.aborted) break;
      log.debug({ err }, 'the container runtime does not answer');
      onState({ kind: 'absent', ...whyAbsent(err, socketOf(endpoint)) });
    }
    await clock.sleep(LOOK_AGAIN, signal).catch(() => undefined); // The loop looks at the signal.
  }
  connection.close();
}

class Connection {
  readonly #options: ConnectionOptions;
  readonly #socketPath: string;
  #runtime: ContainerRuntime | undefined;

  constructor(options: ConnectionOptions, socketPath: string) {
    this.#options = options;
    this.#socketPath = socketPath;
  }

  close(): void {
    this.#runtime?.close();
  }

  /** Uses the runtime until it goes away, which rejects. */
  async use(signal: AbortSignal): Promise<void> {
    const { open, onState, prepare, log } = this.#options;
    this.#runtime ??= await open(this.#socketPath);
    const runtime = this.#runtime;
    const version = await runtime.version();
    await requireReady(runtime, 'RuntimeReady');
    await prepare(runtime, version);
    await this.#untilNetworkReady(runtime, signal);
    const ending = new AbortController();
    const both = AbortSignal.any([signal, ending.signal]);
    log.info({ ...version }, 'the container runtime is there');
    try {
      const following = Promise.race([this.#followEvents(runtime, both), this.#compare(runtime, both)]);
      onState({ kind: 'there', version });
      await following;
    } finally {
      ending.abort();
    }
  }

  /** A runtime takes a moment to see the network that it was just given. */
  async #untilNetworkReady(runtime: ContainerRuntime, signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    for (let attempt = 1; ; attempt++) {
      try {
        await requireReady(runtime, 'NetworkReady');
        return;
      } catch (error) {
        if (!(error instanceof NotReady) || attempt === NETWORK_TRIES) throw error;
      }
      await clock.sleep(NETWORK_PAUSE, signal);
    }
  }

  async #followEvents(runtime: ContainerRuntime, signal: AbortSignal): Promise<void> {
    for await (const event of runtime.events(signal)) this.#options.onEvent(event);
    if (!signal.aborted) throw new Error('the runtime has ended the stream of its events');
  }

  async #compare(runtime: ContainerRuntime, signal: AbortSignal): Promise<void> {
    const { clock, relist } = this.#options;
    while (!signal.aborted) {
      await this.#inTime(relist(runtime), signal);
      await clock.sleep(RELIST, signal).catch(() => undefined); // The loop looks at the signal.
    }
  }

  /** Rejects when that takes too long: a runtime may hang whose connections are all there, and calls wait longer than that. */
  async #inTime(work: Promise<void>, signal: AbortSignal): Promise<void> {
    const done = new AbortController();
    const late = this.#options.clock.sleep(PATIENCE, AbortSignal.any([signal, done.signal])).then(
      () => {
        throw new Error(`nothing for ${PATIENCE / 1000} s`);
      },
      () => undefined, // It was in time, or all ends.
    );
    await Promise.race([work, late]).finally(() => done.abort());
  }
}

class NotReady extends Error {
  readonly reason: string;

  constructor(reason: string, message: string) {
    super(message);
    this.name = 'NotReady';
    this.reason = reason;
  }
}

async function requireReady(runtime: ContainerRuntime, type: string): Promise<void> {
  const { conditions } = await runtime.status();
  const condition = conditions.find((each) => each.type === type);
  if (condition?.status === false) throw new NotReady(condition.reason || `${type}False`, condition.message);
}

function whyAbsent(error: unknown, socketPath: string): { readonly reason: string; readonly message: string } {
  if (error instanceof NotReady) return { reason: error.reason, message: error.message };
  if (codeOf(error) === 'ENOENT') {
    return { reason: 'NoContainerRuntime', message: `no container runtime listens at ${socketPath}` };
  }
  const why = messageOf(error);
  return { reason: 'ContainerRuntimeDown', message: `the container runtime at ${socketPath} does not answer: ${why}` };
}
