/** Keeps the EndpointSlices of Services with a selector equal to the pods it selects. */
import { Node } from '../../api/core/v1/node.ts';
import { Pod } from '../../api/core/v1/pod.ts';
import { Service } from '../../api/core/v1/service.ts';
import { EndpointSlice, MANAGED_BY_LABEL, serviceKeysOf } from '../../api/discovery/v1/endpointslice.ts';
import { keyOf, keyText } from '../../api/meta/v1.ts';
import { runController } from '../../client/controller.ts';
import { EventRecorder } from '../../client/events.ts';
import { isExpected } from '../../client/expected.ts';
import type { Change } from '../../client/informer.ts';
import { OwnWrites } from '../../client/own-writes.ts';
import { WorkQueue } from '../../client/work-queue.ts';
import { messageOf } from '../../lib/errors.ts';
import type { ControllerParts, Run } from '../parts.ts';
import { applySlices } from './apply.ts';
import { desiredSlices, hasOwnSlices, MANAGER } from './desired.ts';
import { diff } from './diff.ts';
import { ZONE_LABEL } from './pod-endpoint.ts';
import { selection } from './selection.ts';
import { Topology } from './topology.ts';
import { podTrigger, serviceTrigger, TriggerTimes } from './trigger-time.ts';

/** Makes the controller; its queue's keys are those of Services. */
export function endpointSliceController({ client, informers, clock, log }: ControllerParts): Run {
  const services = informers.of(Service);
  const pods = informers.of(Pod);
  const nodes = informers.of(Node);
  const slices = informers.of(EndpointSlice);
  const queue = new WorkQueue({ clock });
  const events = new EventRecorder({ client, component: 'endpoint-slice-controller', clock, log });
  const { podsOf, servicesOf } = selection(services, pods);
  const podsOn = pods.index(({ spec }) => [spec?.nodeName ?? '']);
  const slicesOf = new OwnWrites(slices, (slice) => serviceKeysOf(slice)[0] ?? '', clock);
  const topology = new Topology({ services, nodes, events, enqueue: (key) => queue.add(key) });
  const triggers = new TriggerTimes();
  const enqueueServicesOf = (pod: Pod, trigger?: number) => {
    for (const service of servicesOf(pod)) {
      const key = keyText(keyOf(service));
      triggers.note(key, trigger);
      queue.add(key);
    }
  };

  services.onChange(({ key, object, previous }) => {
    triggers.note(key, object && serviceTrigger(object, previous));
    queue.add(key);
  });
  pods.onChange(({ object, previous }: Change<Pod>) => {
    if (object) enqueueServicesOf(object, podTrigger(object, previous));
    if (previous && object?.metadata.labels !== previous.metadata.labels) enqueueServicesOf(previous);
  });
  nodes.onChange(({ key, object, previous }) => {
    if (place(object) !== place(previous)) for (const pod of podsOn(key)) enqueueServicesOf(pod);
  });
  slices.onChange(({ object, previous }) => {
    const ours = [object, previous].filter((slice) => slice !== undefined && isOurs(slice));
    for (const service of serviceKeysOf(...ours)) queue.add(service);
  });

  const reconcile = async (key: string): Promise<void> => {
    const service = services.get(key);
    const triggerTime = triggers.take(key);
    // Without a Service, what is left is the garbage collector's. One that brings its own endpoints, or has come to do
    // so, is left alone with whatever slices it has.
    if (service === undefined || !hasOwnSlices(service) || isLettingGo(service)) return;
    const wanted = desiredSlices(service, podsOf(service), (name) => nodes.get(name));
    const desired = triggerTime === undefined ? wanted : { ...wanted, triggerTime };
    const actual = slicesOf.of(key).filter(isOurs);
    const changes = topology.hint(service, desired, diff(desired, actual), actual);
    try {
      await applySlices(client, service, desired, changes, slicesOf);
    } catch (error) {
      triggers.note(key, triggerTime);
      if (!isExpected(error)) tell(service, error, events);
      throw error;
    }
  };
  return (signal) => runController({ name: 'endpointslice', queue, reconcile, workers: 8, log }, signal);
}

function tell(service: Service, error: unknown, events: EventRecorder): void {
  const why = messageOf(error);
  const { namespace, name } = service.metadata;
  const message = `Error updating Endpoint Slices for Service ${namespace}/${name}: ${why}`;
  events.event(service, 'Warning', 'FailedToUpdateEndpointSlices', message);
}

/** Whether a delete with Orphan is under way, after which its slices are nobody's. */
function isLettingGo({ metadata }: Service): boolean {
  return metadata.finalizers?.includes('orphan') === true;
}

/** What of a node its endpoints tell. A heartbeat leaves it as it is. */
function place(node: Node | undefined): string | undefined {
  return node && (node.metadata.labels?.[ZONE_LABEL] ?? '');
}

function isOurs(slice: EndpointSlice): boolean {
  return slice.metadata.labels?.[MANAGED_BY_LABEL] === MANAGER;
}
