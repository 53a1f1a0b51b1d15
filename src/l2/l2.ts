/**
 * The layer-2 announcer of one node: load balancer addresses by ARP and NDP on the node's LAN. Joins the side that follows the
 * API (`speaker/`), the side that works on the LAN (`lan/`, a thread), and what keeps connections alive when an address
 * moves (`handover/`).
 */
import type { Client } from '../client/client.ts';
import type { Informers } from '../client/informers.ts';
import { type Clock, systemClock } from '../host/clock.ts';
import type { Logger, LogLevel } from '../host/log.ts';
import type { NftRunner } from '../host/nft.ts';
import { milliseconds, seconds } from '../lib/duration.ts';
import type { Metric } from '../lib/metrics.ts';
import { kernelNetfilter } from '../netfilter/kernel.ts';
import { Handover } from './handover/handover.ts';
import type { LanPort, LanStatus } from './lan/messages.ts';
import { LanThread, type StartThread } from './lan/thread.ts';
import { DEFAULT_HEARTBEATS, type HeartbeatSettings } from './settings.ts';
import { internalIPs } from './speaker/peers.ts';
import { Speaker } from './speaker/speaker.ts';

export interface L2Options {
  readonly client: Client;
  /** Shared with other parts of the process, to end with them. Default: our own. */
  readonly informers?: Informers;
  readonly nodeName: string;
  /** The only interfaces to announce on. Default: those that hold the node's InternalIPs, or that an advertisement names. */
  readonly interfaces?: readonly string[];
  /** How nodes watch each other; the same on all of them. */
  readonly heartbeats?: HeartbeatSettings;
  /** A file that holds the secret of heartbeats. Default: a Secret that all announcers share. */
  readonly heartbeatKeyFile?: string;
  /** Programs the kernel so that connections outlive a planned move of their address. Undefined: they end. */
  readonly runner?: NftRunner | undefined;
  /** Is told how much the MetalLB object wants to be logged; undefined: as without it. */
  readonly setLogLevel?: (level: LogLevel | undefined) => void;
  readonly log: Logger;
  readonly clock?: Clock;
  /** Other than a real one in tests. */
  readonly startThread?: StartThread;
}

export interface L2 {
  /** Resolves when everything that was there at the start has been decided. */
  readonly synced: Promise<void>;
  /** As it is now. Rejects when the thread on the LAN does not answer. */
  status(): Promise<LanStatus>;
  /** As it was a moment ago: a second or, with many addresses, some seconds. */
  metrics(): readonly Metric[];
  /** Hands everything over to other nodes and resolves when it has, after three seconds at most. Nothing is announced any more. */
  leave(): Promise<void>;
}

/** The thread may be starting, or decide about very many addresses. */
const ANSWER_LIMIT = seconds(5);
/** The most that handing over may take, before the rest of the process ends all the same. */
const LEAVE_LIMIT = seconds(3);

/** Starts to announce; every announcement ends with the signal, unless {@link L2.leave} handed it over before. */
export async function startL2(options: L2Options, signal: AbortSignal): Promise<L2> {
  const { nodeName, interfaces, heartbeats = DEFAULT_HEARTBEATS, runner, log, startThread } = options;
  const clock = options.clock ?? systemClock;
  const thread = { ...{ nodeName, interfaces, heartbeats, clock, log }, ...(startThread && { startThread }) };
  const lan = new LanThread(thread);
  const heartbeatPort = heartbeats.interval > 0 ? heartbeats.port : undefined;
  const speaker = new Speaker({ ...options, clock, lan, heartbeatPort });
  const addressesOf = (name: string): readonly string[] => {
    const node = speaker.nodes.get({ name });
    return node === undefined ? [] : internalIPs(node);
  };
  tellOwnAddresses(speaker, nodeName, addressesOf, lan);
  const netfilter = runner === undefined ? undefined : kernelNetfilter(runner);
  new Handover({ netfilter, lan, addressesOf, clock, log }).start(signal);
  const questions = new Questions(lan, clock);
  const latest = new LatestStatus(questions, lan, clock, signal);
  await lan.start(signal);
  speaker.start(signal);
  return {
    synced: speaker.synced,
    status: () => questions.status(),
    metrics: () => speaker.metrics(latest.value),
    leave: async () => {
      const released = speaker.leaving();
      await left(lan, clock);
      await released;
      await speaker.finish();
    },
  };
}

function tellOwnAddresses(
  speaker: Speaker,
  nodeName: string,
  addressesOf: (node: string) => readonly string[],
  lan: LanPort,
): void {
  let last = '';
  speaker.nodes.onChange(({ key }) => {
    if (key !== nodeName) return;
    const addresses = addressesOf(nodeName);
    if (addresses.join() === last) return;
    last = addresses.join();
    lan.send({ kind: 'self', addresses });
  });
}

async function left(lan: LanPort, clock: Clock): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  lan.onMessage(({ kind }) => {
    if (kind === 'left') resolve();
  });
  lan.send({ kind: 'leave' });
  await within(promise, LEAVE_LIMIT, clock);
}

/** Resolves with the promise, or with undefined when that takes too long. */
async function within<T>(promise: Promise<T>, limit: number, clock: Clock): Promise<T | undefined> {
  const done = new AbortController();
  const late = clock.sleep(limit, done.signal).then(
    () => undefined,
    () => undefined, // It came in time.
  );
  const first = await Promise.race([promise, late]);
  done.abort();
  return first;
}

/** Asks the thread, and matches answers with questions. */
class Questions {
  readonly #lan: LanPort;
  readonly #clock: Clock;
  readonly #waiting = new Map<number, (status: LanStatus) => void>();
  #lastId = 0;

  constructor(lan: LanPort, clock: Clock) {
    this.#lan = lan;
    this.#clock = clock;
    lan.onMessage((message) => {
      if (message.kind !== 'status') return;
      this.#waiting.get(message.id)?.(message.status);
      this.#waiting.delete(message.id);
    });
  }

  async status(): Promise<LanStatus> {
    const id = ++this.#lastId;
    const answer = new Promise<LanStatus>((resolve) => this.#waiting.set(id, resolve));
    this.#lan.send({ kind: 'ask', id });
    const status = await within(answer, ANSWER_LIMIT, this.#clock);
    this.#waiting.delete(id);
    if (status === undefined) throw new Error(`the thread on the LAN has not answered for ${ANSWER_LIMIT / 1000} s`);
    return status;
  }
}

/** So that the thread has better things to do than to say how it is: so long after an answer for each address in it. */
const REST_PER_ADDRESS = milliseconds(2);

/** What the thread last said of itself: asked again when it says that this has changed. */
class LatestStatus {
  value: LanStatus = { announcing: [], conflicts: [], peers: [], elected: {}, silent: undefined, counts: {} };
  readonly #questions: Questions;
  readonly #clock: Clock;
  readonly #signal: AbortSignal;
  #isOld = false;
  #isAsking = false;

  constructor(questions: Questions, lan: LanPort, clock: Clock, signal: AbortSignal) {
    this.#questions = questions;
    this.#clock = clock;
    this.#signal = signal;
    lan.onMessage(({ kind }) => {
      if (kind !== 'changed') return;
      this.#isOld = true;
      void this.#ask();
    });
  }

  async #ask(): Promise<void> {
    if (this.#isAsking) return;
    this.#isAsking = true;
    while (this.#isOld && !this.#signal.aborted) {
      this.#isOld = false;
      // Unanswered, the last value stays: whoever asks for the status itself is told.
      this.value = await this.#questions.status().catch(() => this.value);
      const rest = Object.keys(this.value.elected).length * REST_PER_ADDRESS;
      if (rest > 0) await this.#clock.sleep(rest, this.#signal).catch(() => {}); // The signal is checked by the loop.
    }
    this.#isAsking = false;
  }
}
