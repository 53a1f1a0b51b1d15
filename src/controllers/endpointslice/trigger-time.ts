/**
 * When what an endpoint change comes from happened: with it, whoever programs the change can tell how long it took.
 * https://kubernetes.io/docs/reference/labels-annotations-taints/#endpoints-kubernetes-io-last-change-trigger-time
 */
import type { Pod } from '../../api/core/v1/pod.ts';
import type { Service } from '../../api/core/v1/service.ts';
import { TRIGGER_TIME_ANNOTATION } from '../../api/discovery/v1/endpointslice.labels.ts';
import { findCondition } from '../../api/meta/conditions.ts';
import { printTime } from '../../api/time.ts';

type Annotations = Readonly<Record<string, string>>;

/** Annotations with the trigger time of a write, or without any when the write has none. */
export function withTriggerTime(annotations: Annotations | undefined, time: number | undefined): Annotations {
  const { [TRIGGER_TIME_ANNOTATION]: _, ...others } = annotations ?? {};
  return time === undefined ? others : { ...others, [TRIGGER_TIME_ANNOTATION]: printTime(time) };
}

/** When a pod became ready or unready, if that is what changed; milliseconds. */
export function podTrigger(pod: Pod, previous: Pod | undefined): number | undefined {
  return later(readyTime(pod), readyTime(previous));
}

/** When a Service was created, if it is new; milliseconds. */
export function serviceTrigger(service: Service, previous: Service | undefined): number | undefined {
  return later(milliseconds(service.metadata.creationTimestamp), milliseconds(previous?.metadata.creationTimestamp));
}

function readyTime(pod: Pod | undefined): number | undefined {
  return milliseconds(findCondition(pod?.status?.conditions, 'Ready')?.lastTransitionTime);
}

function later(time: number | undefined, before: number | undefined): number | undefined {
  return time !== undefined && (before === undefined || time > before) ? time : undefined;
}

function milliseconds(text: string | undefined): number | undefined {
  const time = Date.parse(text ?? '');
  return Number.isNaN(time) ? undefined : time;
}

/** The earliest trigger of each Service since it was last worked on. */
export class TriggerTimes {
  readonly #pending = new Map<string, number>();

  /** Notes a trigger, in milliseconds; undefined is none. */
  note(service: string, time: number | undefined): void {
    if (time === undefined) return;
    this.#pending.set(service, Math.min(time, this.#pending.get(service) ?? time));
  }

  /** The earliest trigger noted, which is then forgotten. */
  take(service: string): number | undefined {
    const time = this.#pending.get(service);
    this.#pending.delete(service);
    return time;
  }
}
