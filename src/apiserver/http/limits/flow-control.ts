/** So that one client cannot starve the others: places for requests, and how long they waited for them. */
import { type ApiError, failure } from '../../../api/status.ts';
import type { Clock } from '../../../host/clock.ts';
import { seconds } from '../../../lib/duration.ts';
import { Histogram, type Labels, type Metric, type Sample } from '../../../lib/metrics.ts';
import type { Level, RequestClass, Schema } from './classify.ts';
import { FairQueue, type FairQueueOptions, type Waiter } from './fair-queue.ts';

/** A quarter of the time that clients wait for an answer, as Kubernetes has it. */
const WAIT_LIMIT = seconds(15);
/** Requests of one client that have come and are not answered, whatever they wait for: their own bodies, or a seat. */
const OPEN_MAX = 500;
/**
 * Watches and streams of one client. A write is told to every watch before it is answered, at some 40 µs each. An agent has about
 * thirty, and streams of its pods.
 */
const LONG_MAX: Readonly<Record<Schema, number>> = {
  exempt: Number.POSITIVE_INFINITY,
  nodes: 2000,
  'service-accounts': 250,
  users: 250,
  // Refused by what it may do, which is nothing of the kind.
  anonymous: 50,
};

/**
 * One thread does the work, so that more seats do not mean more work at a time, only more that waits for the store together. Lists are
 * work: a client that makes them in a loop has two, and everybody else finds the thread free between their pieces.
 */
const LEVELS: Readonly<Record<Exclude<Level, 'exempt'>, FairQueueOptions>> = {
  leases: { seats: 64, seatsPerFlow: 4, queueLength: 16, queueTotal: 8192 },
  reads: { seats: 128, seatsPerFlow: 32, queueLength: 256, queueTotal: 8192 },
  lists: { seats: 16, seatsPerFlow: 2, queueLength: 128, queueTotal: 8192 },
  writes: { seats: 128, seatsPerFlow: 32, queueLength: 256, queueTotal: 8192 },
};

/** In seconds. */
const WAIT_BUCKETS = [0.001, 0.005, 0.02, 0.1, 0.5, 1, 5, 15];

/** Why a request was refused: values of the label `reason`, as Kubernetes has them. */
type Refusal = 'queue-full' | 'concurrency-limit' | 'time-out' | 'cancelled';

interface Client {
  open: number;
  long: number;
}

interface Counts {
  readonly labels: Labels;
  dispatched: number;
  executing: number;
  waiting: number;
  readonly waits: Histogram;
}

export class FlowControl {
  readonly #clock: Clock;
  readonly #queues = new Map<Level, FairQueue>(
    Object.entries(LEVELS).map(([level, options]) => [level as Level, new FairQueue(options)]),
  );
  readonly #clients = new Map<string, Client>();
  readonly #counts = new Map<string, Counts>();
  readonly #rejected = new Map<string, Sample & { value: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A place for a request, which holds it until it leaves. Throws an ApiError, 429, where its client has too many already. */
  place(request: RequestClass): Place {
    const client = this.#client(request.flow);
    const { isLong, schema } = request;
    const isTooMany = isLong ? client.long >= LONG_MAX[schema] : client.open >= OPEN_MAX;
    if (isTooMany && request.level !== 'exempt') {
      this.#forget(request.flow, client);
      throw this.#refuse(request, 'concurrency-limit');
    }
    if (isLong) client.long++;
    else client.open++;
    const gone = () => {
      if (isLong) client.long--;
      else client.open--;
      this.#forget(request.flow, client);
    };
    return new Place(request, {
      enter: (gaveUp) => this.#enter(request, gaveUp),
      leave: () => this.#leave(request),
      gone,
    });
  }

  metrics(): readonly Metric[] {
    const counts = [...this.#counts.values()];
    const of = (value: (counts: Counts) => number): Sample[] =>
      counts.map((each) => ({ labels: each.labels, value: value(each) }));
    const limits = Object.entries(LEVELS).map(([level, { seats }]) => ({
      labels: { priority_level: level },
      value: seats,
    }));
    const name = (rest: string) => `apiserver_flowcontrol_${rest}`;
    return [
      {
        ...{ name: name('dispatched_requests_total'), type: 'counter', help: 'Requests that were begun.' },
        samples: of(({ dispatched }) => dispatched),
      },
      {
        ...{ name: name('rejected_requests_total'), type: 'counter', help: 'Requests that were refused, by why.' },
        samples: [...this.#rejected.values()],
      },
      {
        ...{ name: name('current_inqueue_requests'), type: 'gauge', help: 'Requests that wait for a seat.' },
        samples: of(({ waiting }) => waiting),
      },
      {
        ...{ name: name('current_executing_requests'), type: 'gauge', help: 'Requests that have a seat.' },
        samples: of(({ executing }) => executing),
      },
      {
        ...{ name: name('nominal_limit_seats'), type: 'gauge', help: 'Seats of a level.' },
        samples: limits,
      },
      {
        ...{
          name: name('request_wait_duration_seconds'),
          type: 'histogram',
          help: 'How long requests waited for a seat.',
        },
        series: counts.map(({ labels, waits }) => ({ labels, values: waits })),
      },
    ];
  }

  /** Undefined when it has its seat at once, as nearly always. */
  #enter(request: RequestClass, gaveUp: () => Promise<void>): Promise<void> | undefined {
    const counts = this.#countsOf(request);
    const entry = this.#queues.get(request.level)?.enter(request.flow) ?? { kind: 'seated' };
    if (entry.kind === 'refused') throw this.#refuse(request, 'queue-full');
    if (entry.kind === 'waiting') return this.#wait(request, entry, gaveUp);
    counts.dispatched++;
    counts.executing++;
    counts.waits.observe(0);
    return undefined;
  }

  async #wait(
    request: RequestClass,
    { waiter, seated }: { readonly waiter: Waiter; readonly seated: Promise<void> },
    gaveUp: () => Promise<void>,
  ): Promise<void> {
    const counts = this.#countsOf(request);
    const began = this.#clock.steady();
    const done = new AbortController();
    const late = this.#clock.sleep(WAIT_LIMIT, done.signal).then(
      () => 'time-out' as const,
      () => 'time-out' as const,
    );
    counts.waiting++;
    const how = await Promise.race([
      seated.then(() => 'seated' as const),
      late,
      gaveUp().then(() => 'cancelled' as const),
    ]);
    counts.waiting--;
    done.abort();
    counts.waits.observe((this.#clock.steady() - began) / 1000);
    if (how !== 'seated' && this.#queues.get(request.level)?.giveUp(waiter)) throw this.#refuse(request, how);
    counts.dispatched++;
    counts.executing++;
  }

  #leave(request: RequestClass): void {
    this.#countsOf(request).executing--;
    this.#queues.get(request.level)?.leave(request.flow);
  }

  #refuse({ level, schema }: RequestClass, reason: Refusal): ApiError {
    const key = `${level} ${schema} ${reason}`;
    const labels = { priority_level: level, flow_schema: schema, reason };
    const sample = this.#rejected.get(key) ?? { labels, value: 0 };
    this.#rejected.set(key, sample);
    sample.value++;
    return failure(429, 'TooManyRequests', 'Too many requests, please try again later.', { retryAfterSeconds: 1 });
  }

  #countsOf({ level, schema }: RequestClass): Counts {
    const key = `${level} ${schema}`;
    let counts = this.#counts.get(key);
    if (counts === undefined) {
      const labels = { priority_level: level, flow_schema: schema };
      counts = { labels, dispatched: 0, executing: 0, waiting: 0, waits: new Histogram(WAIT_BUCKETS) };
      this.#counts.set(key, counts);
    }
    return counts;
  }

  #client(flow: string): Client {
    let client = this.#clients.get(flow);
    if (client === undefined) {
      client = { open: 0, long: 0 };
      this.#clients.set(flow, client);
    }
    return client;
  }

  #forget(flow: string, { open, long }: Client): void {
    if (open === 0 && long === 0) this.#clients.delete(flow);
  }
}

interface PlaceActs {
  enter(gaveUp: () => Promise<void>): Promise<void> | undefined;
  leave(): void;
  gone(): void;
}

/** A request's place: outside at first, while its body comes; with a seat, while it is worked on. */
export class Place {
  readonly isLong: boolean;
  readonly level: Level;
  readonly #acts: PlaceActs;
  #isSeated = false;
  #isGone = false;

  constructor({ isLong, level }: RequestClass, acts: PlaceActs) {
    this.isLong = isLong;
    this.level = level;
    this.#acts = acts;
  }

  /** Takes a seat, perhaps after a while; undefined: at once. Rejects, or throws, with an ApiError, 429. `gaveUp` tells when its client has gone. */
  enter(gaveUp: () => Promise<void>): Promise<void> | undefined {
    const waiting = this.#acts.enter(gaveUp);
    if (waiting !== undefined) return waiting.then(() => this.#seated());
    this.#seated();
    return undefined;
  }

  /** Gives the seat back, as the work is done or goes on by itself. */
  leave(): void {
    if (!this.#isSeated) return;
    this.#isSeated = false;
    this.#acts.leave();
  }

  /** The request has come to its end. */
  end(): void {
    if (this.#isGone) return;
    this.#isGone = true;
    this.leave();
    this.#acts.gone();
  }

  #seated(): void {
    this.#isSeated = true;
    if (this.#isGone) this.leave();
  }
}
