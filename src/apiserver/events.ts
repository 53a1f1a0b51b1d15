/** Events that the server itself records, as controllers do through the API. A repeat raises the count of one Event. */
import { createHash } from 'node:crypto';
import { Event } from '../api/core/v1/event.ts';
import type { KubeObject } from '../api/meta/v1.ts';
import { printTime } from '../api/time.ts';
import type { Api } from './context.ts';
import { change } from './storage/change.ts';
import { completeNew } from './verbs/complete.ts';
import { birthOf } from './verbs/create.ts';

export interface Occurrence {
  /** Who reports it. */
  readonly component: string;
  readonly about: KubeObject;
  readonly type: 'Normal' | 'Warning';
  /** One word in CamelCase. */
  readonly reason: string;
  readonly message: string;
}

/** Records an occurrence. Throws an ApiError when the namespace does not take it, being deleted. */
export async function recordEvent(api: Api, occurrence: Occurrence): Promise<void> {
  const { about, reason, message } = occurrence;
  // Events about objects of the whole cluster are in the default namespace, as on Kubernetes.
  const namespace = about.metadata.namespace ?? 'default';
  const same = createHash('sha256')
    .update(JSON.stringify([about.metadata.uid, reason, message]))
    .digest('hex');
  const name = `${(about.metadata.name ?? 'unknown').replaceAll(':', '-')}.${same.slice(0, 16)}`;
  const now = printTime(api.clock.now());
  await change(api, { kind: Event, namespace, name, dryRun: false }, (current) => {
    if (current === undefined) {
      return { act: 'put', object: completeNew(Event, draft(occurrence, { namespace, name }, now), birthOf(api)) };
    }
    const event = current.object as Event;
    return { act: 'put', object: { ...event, count: (event.count ?? 1) + 1, lastTimestamp: now } satisfies Event };
  });
}

function draft(
  occurrence: Occurrence,
  metadata: { readonly namespace: string; readonly name: string },
  now: string,
): Event {
  const { component, about, type, reason, message } = occurrence;
  const { namespace, name, uid, resourceVersion } = about.metadata;
  return {
    apiVersion: Event.apiVersion,
    kind: Event.kind,
    metadata,
    involvedObject: {
      apiVersion: about.apiVersion,
      kind: about.kind,
      ...(namespace === undefined ? {} : { namespace }),
      ...(name === undefined ? {} : { name }),
      ...(uid === undefined ? {} : { uid }),
      ...(resourceVersion === undefined ? {} : { resourceVersion }),
    },
    type,
    reason,
    message,
    source: { component },
    reportingComponent: component,
    reportingInstance: '',
    count: 1,
    firstTimestamp: now,
    lastTimestamp: now,
  };
}
