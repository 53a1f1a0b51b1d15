/** core/v1 Event. */
import { defineKind, type Resource } from '../../kind.ts';
import { int32, object, required, string, type TypeOf, time } from '../../schema.ts';
import { eventColumns } from './event.columns.ts';
import { validateEvent } from './event.validation.ts';

export const objectReference = object({
  kind: string(),
  namespace: string(),
  name: string(),
  uid: string(),
  apiVersion: string(),
  resourceVersion: string(),
  fieldPath: string(),
});

const fields = object(
  {
    involvedObject: required(objectReference),
    reason: string('One word in CamelCase.'),
    message: string(),
    type: string('Normal or Warning.'),
    source: object({ component: string(), host: string() }),
    firstTimestamp: time(),
    lastTimestamp: time(),
    count: int32(),
    eventTime: time(),
    series: object({ count: int32(), lastObservedTime: time() }),
    action: string(),
    related: objectReference,
    reportingComponent: string(),
    reportingInstance: string(),
  },
  'Something that happened to an object.',
);
export type Event = Resource<TypeOf<typeof fields>>;

export const Event = defineKind({
  group: '',
  version: 'v1',
  kind: 'Event',
  plural: 'events',
  shortNames: ['ev'],
  namespaced: true,
  generation: false,
  schema: fields,
  columns: eventColumns,
  age: false,
  validate: validateEvent,
  selectableFields: {
    'involvedObject.kind': (event) => event.involvedObject.kind ?? '',
    'involvedObject.namespace': (event) => event.involvedObject.namespace ?? '',
    'involvedObject.name': (event) => event.involvedObject.name ?? '',
    'involvedObject.uid': (event) => event.involvedObject.uid ?? '',
    'involvedObject.apiVersion': (event) => event.involvedObject.apiVersion ?? '',
    'involvedObject.resourceVersion': (event) => event.involvedObject.resourceVersion ?? '',
    'involvedObject.fieldPath': (event) => event.involvedObject.fieldPath ?? '',
    reason: (event) => event.reason ?? '',
    type: (event) => event.type ?? '',
    source: (event) => event.source?.component ?? '',
    reportingComponent: (event) => event.reportingComponent ?? '',
  },
});
