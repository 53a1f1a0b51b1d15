/** Columns of `kubectl get events`, as Kubernetes prints them. */
import { printAgeSince } from '../../age.ts';
import type { Column } from '../../kind.ts';
import type { Event } from './event.ts';

export const eventColumns: readonly Column<Event>[] = [
  { name: 'Last Seen', type: 'string', value: (event, now) => printAgeSince(lastSeen(event), now) },
  { name: 'Type', type: 'string', value: ({ type }) => type ?? '' },
  { name: 'Reason', type: 'string', value: ({ reason }) => reason ?? '' },
  { name: 'Object', type: 'string', value: printObject },
  { name: 'Subobject', type: 'string', priority: 1, value: ({ involvedObject }) => involvedObject.fieldPath ?? '' },
  { name: 'Source', type: 'string', priority: 1, value: printSource },
  { name: 'Message', type: 'string', value: ({ message }) => (message ?? '').trim() },
  { name: 'First Seen', type: 'string', priority: 1, value: (event, now) => printAgeSince(firstSeen(event), now) },
  { name: 'Count', type: 'string', priority: 1, value: ({ series, count }) => series?.count ?? count ?? 1 },
  { name: 'Name', type: 'string', priority: 1, value: ({ metadata }) => metadata.name ?? '' },
];

function firstSeen({ firstTimestamp, eventTime }: Event): string | undefined {
  return firstTimestamp ?? eventTime;
}

function lastSeen(event: Event): string | undefined {
  return event.series?.lastObservedTime ?? event.lastTimestamp ?? firstSeen(event);
}

function printObject({ involvedObject: { kind = '', name = '' } }: Event): string {
  return name === '' ? kind.toLowerCase() : `${kind.toLowerCase()}/${name}`;
}

function printSource({ source, reportingComponent, reportingInstance }: Event): string {
  const component = source?.component || reportingComponent || '';
  const host = source?.host || reportingInstance || '';
  return host === '' ? component : `${component}, ${host}`;
}
