/** Tries whether what other nodes expose can be reached, where it is this node's turn, and tells what cannot. */
import type { Client } from '../../client/client.ts';
import { runController } from '../../client/controller.ts';
import { EventRecorder } from '../../client/events.ts';
import type { Informers } from '../../client/informers.ts';
import { WorkQueue } from '../../client/work-queue.ts';
import { type Clock, systemClock } from '../../host/clock.ts';
import type { Logger } from '../../host/log.ts';
import { milliseconds, minutes, seconds } from '../../lib/duration.ts';
import type { Metric } from '../../lib/metrics.ts';
import type { FirewallPolicy } from '../exposure/policy.ts';
import { REACHED, UNREACHED } from '../reasons.ts';
import { type Blocked, ownVerdict, reachedMessage, unreachedMessage } from './blame.ts';
import { Book, type Result } from './book.ts';
import type { Connect, Connection } from './connect.ts';
import type { Try } from './desired.ts';
import { isBlocked, type Outcome } from './outcome.ts';
import { Publisher } from './publisher.ts';
import { TryStats } from './stats.ts';
import { type Subject, Subjects } from './subjects.ts';
import { portKey, type Summary } from './summary.ts';

export interface VerifierOptions {
  readonly client: Client;
  /** Shared with other parts of the process, which start them. */
  readonly informers: Informers;
  readonly nodeName: string;
  /** Of Services that do not say. */
  readonly policy: FirewallPolicy;
  readonly connect: Connect;
  /** The same past this node's own proxy; undefined: addresses of load balancers are not tried. */
  readonly connectPastProxy?: Connect;
  readonly log: Logger;
  readonly clock?: Clock;
  /** In [0, 1). Default: Math.random. */
  readonly random?: () => number;
}

export interface RunningVerifier {
  summary(): Summary;
  metrics(): readonly Metric[];
  /** Resolves when the signal has been aborted and nothing is tried any more. */
  readonly stopped: Promise<void>;
}

/** Tries until the signal is aborted. To be started once this node's own firewall lets in what it should. */
export function startVerifier(options: VerifierOptions, signal: AbortSignal): RunningVerifier {
  const verifier = new Verifier(options);
  return { summary: () => verifier.summary(), metrics: () => verifier.metrics(), stopped: verifier.run(signal) };
}

/** After a change, before it is tried: the other node has to hear of it as well, and open. */
const SETTLE = seconds(2);
/** Between tries of what cannot be reached. */
const RETRY = { first: seconds(4), max: minutes(5) } as const;
/** Between tries of what could be reached: from three quarters of it to five. */
const SELDOM = minutes(10);
/** Subjects that are tried at a time, and milliseconds between any two connections. */
const [WORKERS, GAP] = [8, milliseconds(50)];
/** Ports of one subject that are tried; a Service with more is no likelier to be blocked for them. */
const PORTS = 32;
/** Failures in a row after which it is told: the first may be that the other node was busy. */
const TELL_AFTER = 2;

class Verifier {
  readonly #options: VerifierOptions & { readonly clock: Clock; readonly random: () => number };
  readonly #subjects: Subjects;
  readonly #queue: WorkQueue;
  readonly #book = new Book();
  readonly #stats = new TryStats();
  readonly #publisher: Publisher;
  readonly #recorder: EventRecorder;
  /** Subjects that are tried from time to time. */
  readonly #followed = new Set<string>();
  /** Of subjects: how often in a row something could not be reached. */
  readonly #failures = new Map<string, number>();
  /** Of subjects: what was told of which port. */
  readonly #told = new Map<string, Map<string, string>>();
  /** When the next connection may be tried, by the clock. */
  #nextTurn = 0;
  #ending = new AbortController().signal;
  #peersChanged = false;

  constructor(given: VerifierOptions) {
    const options = { ...given, clock: given.clock ?? systemClock, random: given.random ?? Math.random };
    this.#options = options;
    const { client, informers, nodeName, policy, clock, log } = options;
    this.#queue = new WorkQueue({ clock });
    this.#recorder = new EventRecorder({ client, component: 'postern-firewall', host: nodeName, clock, log });
    this.#publisher = new Publisher({ client, nodeName, summary: () => this.summary(), clock, log });
    this.#subjects = new Subjects({
      ...{ informers, nodeName, policy },
      changed: (key) => this.#follow(key, SETTLE),
      unsaid: () => this.#publisher.again(),
      peersChanged: () => this.#notePeers(),
    });
  }

  summary(): Summary {
    return this.#book.summary();
  }

  metrics(): readonly Metric[] {
    return this.#stats.metrics(this.#book.blocked());
  }

  async run(signal: AbortSignal): Promise<void> {
    this.#ending = signal;
    const { informers, log } = this.#options;
    // Those that others did not ask for.
    void informers.start(signal);
    const reconcile = (key: string) => this.#reconcile(key);
    await Promise.all([
      this.#publisher.run(signal),
      runController({ name: 'firewall-verify', queue: this.#queue, reconcile, workers: WORKERS, log }, signal),
    ]);
    await this.#recorder.flush();
  }

  /** Nodes come and go together: they are looked at once things are quiet. */
  #notePeers(): void {
    if (this.#peersChanged) return;
    this.#peersChanged = true;
    const { clock, log } = this.#options;
    const look = async () => {
      await clock.sleep(SETTLE, this.#ending);
      this.#peersChanged = false;
      await this.#takeTurns();
    };
    look().catch((err: unknown) => {
      if (!this.#ending.aborted) log.error({ err }, 'whose turn it is to try cannot be worked out');
    });
  }

  /** What is newly this node's turn is tried, and what is not any more forgotten. */
  async #takeTurns(): Promise<void> {
    const ours = await this.#subjects.all();
    for (const key of ours) if (!this.#followed.has(key)) this.#follow(key, 0);
    for (const key of this.#followed) if (!ours.has(key)) this.#queue.add(key);
  }

  /** Has a subject tried, now and from then on. */
  #follow(key: string, wait: number): void {
    this.#followed.add(key);
    this.#queue.addAfter(key, wait);
  }

  async #reconcile(key: string): Promise<void> {
    const subject = this.#subjects.get(key);
    if (subject === undefined) {
      this.#followed.delete(key);
      this.#failures.delete(key);
      this.#told.delete(key);
      if (this.#book.erase(key)) this.#publisher.note();
      return;
    }
    const { target, owner } = subject;
    const results: Result[] = [];
    for (const one of subject.tries.slice(0, PORTS)) results.push({ try: one, outcome: await this.#try(one) });
    if (this.#ending.aborted) return;
    const page = { target: target.name, owner, at: this.#options.clock.now(), results };
    if (this.#book.write(key, page)) this.#publisher.note();
    this.#queue.addAfter(key, this.#pause(key, results));
    await this.#tell(key, subject, results);
  }

  /** Milliseconds until it is tried again. */
  #pause(key: string, results: readonly Result[]): number {
    if (results.every(({ outcome }) => outcome.kind === 'reached')) {
      this.#failures.delete(key);
      return SELDOM * (0.75 + this.#options.random() / 2);
    }
    const failures = this.#failures.get(key) ?? 0;
    this.#failures.set(key, failures + 1);
    return Math.min(RETRY.max, RETRY.first * 2 ** Math.min(failures, 20)) * (1 + this.#options.random() / 4);
  }

  async #try({ opening, from, endpoints, pastProxy }: Try): Promise<Outcome> {
    const { connect, connectPastProxy } = this.#options;
    const way = pastProxy ? connectPastProxy : connect;
    if (way === undefined) return { kind: 'unclear', why: 'the proxy of the node that would try translates it' };
    const there = { address: opening.address, port: opening.port, from };
    const { outcome, seconds: took } = await this.#connect(there, way);
    this.#stats.count(outcome, took);
    if (!isBlocked(outcome)) return outcome;
    // One of many that does not answer is reason enough not to blame a firewall.
    for (const endpoint of endpoints) {
      const { outcome: behind } = await this.#connect(endpoint, connect);
      if (behind.kind !== 'reached')
        return { kind: 'unclear', why: `${portKey(endpoint)} behind it does not answer either` };
    }
    return outcome;
  }

  /** Waits for its turn. */
  async #connect(to: Connection, connect: Connect): Promise<{ readonly outcome: Outcome; readonly seconds: number }> {
    const { clock } = this.#options;
    const turn = Math.max(clock.now(), this.#nextTurn);
    this.#nextTurn = turn + GAP;
    if (turn > clock.now()) await clock.sleep(turn - clock.now(), this.#ending);
    const began = clock.now();
    return { outcome: await connect(to), seconds: (clock.now() - began) / 1000 };
  }

  /** Says what is blocked, once for each way in which it is; and when it no longer is. */
  async #tell(key: string, subject: Subject, results: readonly Result[]): Promise<void> {
    const { client, log } = this.#options;
    const told = this.#told.get(key) ?? new Map<string, string>();
    for (const { try: one, outcome } of results) {
      const port = portKey(one.opening);
      const blocked = blockedOf(subject, one, outcome);
      if (isBlocked(outcome) && (this.#failures.get(key) ?? 0) >= TELL_AFTER) {
        const message = unreachedMessage(blocked, await ownVerdict(client, subject.about, blocked));
        if (told.get(port) === message) continue;
        told.set(port, message);
        log.warn({ owner: subject.owner, target: subject.target.name }, message);
        this.#recorder.event(subject.about, 'Warning', UNREACHED, message);
      } else if (outcome.kind === 'reached' && told.delete(port)) {
        this.#recorder.event(subject.about, 'Normal', REACHED, reachedMessage(blocked));
      }
    }
    if (told.size === 0) this.#told.delete(key);
    else this.#told.set(key, told);
  }
}

function blockedOf({ target, trier }: Subject, { opening }: Try, outcome: Outcome): Blocked {
  const addresses = { target: target.addresses, trier: trier.addresses };
  return { opening, outcome, target: target.name, trier: trier.name, addresses };
}
