/**
 * Records what happened to an object as core/v1 Events, which `kubectl describe` and `kubectl get events` show.
 * Repeats raise the count of one Event rather than add to their number.
 */
import { randomInt } from 'node:crypto';
import { Event } from '../api/core/v1/event.ts';
import type { KubeObject } from '../api/meta/v1.ts';
import { isNotFound } from '../api/status.ts';
import { printTime } from '../api/time.ts';
import { type Clock, systemClock } from '../host/clock.ts';
import type { Logger } from '../host/log.ts';
import type { Client } from './client.ts';
import { failureFields, isNamespaceTerminating } from './expected.ts';
import { NotLeadingError } from './leading-client.ts';

/** Events remembered for aggregation; beyond it the one that was longest not repeated is forgotten. */
const REMEMBERED = 4096;
/** Events that wait for the server; beyond it new ones are dropped, as a server in trouble needs fewer requests. */
const WAITING = 1000;
/** Longest message that the API takes. */
const MESSAGE_LIMIT = 1024;

export interface EventRecorderOptions {
  readonly client: Client;
  /** Who reports: `endpointslice-controller`. */
  readonly component: string;
  /** Name of the node, when it is a node's part that reports. */
  readonly host?: string;
  readonly clock?: Clock;
  readonly log: Logger;
}

/** One kind of occurrence, and how often it was seen. */
interface Series {
  readonly name: string;
  readonly namespace: string;
  count: number;
  /** What is stored has this count. */
  written: number;
  first: number;
  last: number;
  queued: boolean;
}

export class EventRecorder {
  readonly #options: EventRecorderOptions;
  readonly #clock: Clock;
  readonly #series = new Map<string, Series>();
  #lastStamp = 0n;
  #waiting = 0;
  #writing: Promise<void> = Promise.resolve();

  constructor(options: EventRecorderOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  /**
   * Records without waiting and without failing: an Event that cannot be written is logged and dropped. `fieldPath`: the part
   * of the object that it is about, as `spec.containers{web}`.
   */
  event(about: KubeObject, type: 'Normal' | 'Warning', reason: string, message: string, fieldPath?: string): void {
    const text = message.length > MESSAGE_LIMIT ? `${message.slice(0, MESSAGE_LIMIT - 1)}…` : message;
    const key = JSON.stringify([
      about.kind,
      about.metadata.namespace,
      about.metadata.name,
      about.metadata.uid,
      type,
      reason,
      text,
      fieldPath,
    ]);
    const series = this.#seriesOf(key, about);
    series.count++;
    series.last = this.#clock.now();
    // Repeats that come before the last was written go with it.
    if (series.queued || this.#waiting >= WAITING) return;
    series.queued = true;
    this.#waiting++;
    this.#writing = this.#writing.then(() => this.#write(series, about, { type, reason, message: text }, fieldPath));
  }

  /** Resolves when everything recorded so far has been written or given up. */
  flush(): Promise<void> {
    return this.#writing;
  }

  #seriesOf(key: string, about: KubeObject): Series {
    const now = this.#clock.now();
    const series = this.#series.get(key) ?? this.#newSeries(about, now);
    this.#series.delete(key);
    this.#series.set(key, series);
    const oldest = this.#series.size > REMEMBERED ? this.#series.keys().next().value : undefined;
    if (oldest !== undefined) this.#series.delete(oldest);
    return series;
  }

  #newSeries(about: KubeObject, now: number): Series {
    // Nanoseconds as a name's suffix, as client-go has it; always rising, so names never meet here. The clock has no more
    // than milliseconds: the rest is random, as nodes that see the same thing at once record it under the same name else.
    const stamp = BigInt(now) * 1_000_000n + BigInt(randomInt(1_000_000));
    this.#lastStamp = stamp > this.#lastStamp ? stamp : this.#lastStamp + 1n;
    const name = `${about.metadata.name ?? 'unknown'}.${this.#lastStamp.toString(16)}`;
    const namespace = about.metadata.namespace ?? 'default';
    return { name, namespace, count: 0, written: 0, first: now, last: now, queued: false };
  }

  async #write(
    series: Series,
    about: KubeObject,
    what: { readonly type: string; readonly reason: string; readonly message: string },
    fieldPath: string | undefined,
  ): Promise<void> {
    series.queued = false;
    this.#waiting--;
    const { client, log } = this.#options;
    const { count } = series;
    try {
      if (series.written === 0 || !(await this.#raise(series)))
        await client.create(Event, this.#draft(series, about, what, fieldPath));
      series.written = count;
    } catch (err) {
      const fields = { ...failureFields(err), event: what.reason, about: `${about.kind} ${about.metadata.name}` };
      if (isNamespaceTerminating(err)) log.debug(fields, 'no event is recorded in a namespace that is being deleted');
      else if (err instanceof NotLeadingError) log.debug(fields, 'no event is recorded by one that leads no more');
      else log.warn(fields, 'cannot record an event');
    }
  }

  /** Raises the count of the stored Event; false when it is gone, as Events are after an hour. */
  async #raise(series: Series): Promise<boolean> {
    const { namespace, name, count, last } = series;
    const body = { count, lastTimestamp: printTime(last) };
    try {
      await this.#options.client.patch(Event, { namespace, name }, { type: 'merge', body });
      return true;
    } catch (error) {
      if (!isNotFound(error)) throw error;
      series.first = last;
      series.count = 1;
      return false;
    }
  }

  #draft(
    series: Series,
    about: KubeObject,
    what: { readonly type: string; readonly reason: string; readonly message: string },
    fieldPath: string | undefined,
  ): Event {
    const { component, host } = this.#options;
    const { apiVersion, kind, metadata } = about;
    return {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name: series.name, namespace: series.namespace },
      involvedObject: {
        apiVersion,
        kind,
        ...(metadata.namespace === undefined ? {} : { namespace: metadata.namespace }),
        ...(metadata.name === undefined ? {} : { name: metadata.name }),
        ...(metadata.uid === undefined ? {} : { uid: metadata.uid }),
        ...(metadata.resourceVersion === undefined ? {} : { resourceVersion: metadata.resourceVersion }),
        ...(fieldPath === undefined ? {} : { fieldPath }),
      },
      ...what,
      source: { component, ...(host === undefined ? {} : { host }) },
      reportingComponent: component,
      reportingInstance: host ?? '',
      count: series.count,
      firstTimestamp: printTime(series.first),
      lastTimestamp: printTime(series.last),
    };
  }
}
