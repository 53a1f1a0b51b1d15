/** Keeps an Endpoints object beside the EndpointSlices of each Service with a selector, for clients that know no slices. */
import { Endpoints } from '../../api/core/v1/endpoints.ts';
import { Pod } from '../../api/core/v1/pod.ts';
import { Service } from '../../api/core/v1/service.ts';
import { keyOf, keyText, parseKey } from '../../api/meta/v1.ts';
import type { Client } from '../../client/client.ts';
import { runController } from '../../client/controller.ts';
import { ignoreAlreadyExists, ignoreNotFound } from '../../client/expected.ts';
import { WorkQueue } from '../../client/work-queue.ts';
import { milliseconds } from '../../lib/duration.ts';
import { hasOwnSlices } from '../endpointslice/desired.ts';
import { selection } from '../endpointslice/selection.ts';
import { podTrigger, serviceTrigger, TriggerTimes, withTriggerTime } from '../endpointslice/trigger-time.ts';
import { equal } from '../equal.ts';
import type { ControllerParts, Run } from '../parts.ts';
import {
  type DesiredEndpoints,
  desiredEndpoints,
  MANAGED_BY_LABEL,
  MANAGER,
  OVER_CAPACITY_ANNOTATION,
} from './desired.ts';

/**
 * Changes of pods wait so long for each other: every write is the whole object, and those who need to know at once watch
 * slices. Kubernetes has the same as --endpoint-updates-batch-period.
 */
const BATCH = milliseconds(500);

/** Makes the controller; its queue's keys are those of Services, which are those of their Endpoints. */
export function endpointsController({ client, informers, clock, log }: ControllerParts): Run {
  const services = informers.of(Service);
  const pods = informers.of(Pod);
  const endpoints = informers.of(Endpoints);
  const queue = new WorkQueue({ clock });
  const { podsOf, servicesOf } = selection(services, pods);
  const triggers = new TriggerTimes();
  const enqueueServicesOf = (pod: Pod, trigger?: number) => {
    for (const service of servicesOf(pod)) {
      const key = keyText(keyOf(service));
      triggers.note(key, trigger);
      queue.addAfter(key, BATCH);
    }
  };

  services.onChange(({ key, object, previous }) => {
    triggers.note(key, object && serviceTrigger(object, previous));
    queue.add(key);
  });
  pods.onChange(({ object, previous }) => {
    if (object) enqueueServicesOf(object, podTrigger(object, previous));
    if (previous && object?.metadata.labels !== previous.metadata.labels) enqueueServicesOf(previous);
  });
  // Ours or not: a Service with a selector has those that are made from its pods.
  endpoints.onChange(({ key }) => queue.add(key));

  const reconcile = async (key: string): Promise<void> => {
    const service = services.get(key);
    const current = endpoints.get(key);
    const trigger = triggers.take(key);
    if (service === undefined) {
      // Endpoints have no owner, so nobody else would remove them.
      if (isOurs(current)) await client.delete(Endpoints, parseKey(key)).catch(ignoreNotFound);
    } else if (hasOwnSlices(service)) {
      const next = endpointsOf(service, current, desiredEndpoints(service, podsOf(service)), trigger);
      await write(client, current, next).catch((error: unknown) => {
        triggers.note(key, trigger);
        throw error;
      });
    }
  };
  return (signal) => runController({ name: 'endpoints', queue, reconcile, log }, signal);
}

async function write(client: Client, current: Endpoints | undefined, next: Endpoints): Promise<void> {
  // Those that are there already come by the informer, and are looked at then.
  if (current === undefined) await client.create(Endpoints, next).catch(ignoreAlreadyExists);
  else if (!sameContent(current, next)) await client.update(Endpoints, next);
}

function sameContent(a: Endpoints, b: Endpoints): boolean {
  return (
    equal(a.subsets ?? [], b.subsets ?? []) &&
    equal(a.metadata.labels ?? {}, b.metadata.labels ?? {}) &&
    // When a change was set off is told with the change, and is no change by itself.
    equal(withTriggerTime(a.metadata.annotations, undefined), withTriggerTime(b.metadata.annotations, undefined))
  );
}

/** `current` as it should be; it keeps annotations of others. */
function endpointsOf(
  service: Service,
  current: Endpoints | undefined,
  desired: DesiredEndpoints,
  trigger: number | undefined,
): Endpoints {
  const { name = '', namespace = '' } = service.metadata;
  const { [OVER_CAPACITY_ANNOTATION]: _, ...others } = withTriggerTime(current?.metadata.annotations, trigger);
  const annotations = desired.overCapacity ? { ...others, [OVER_CAPACITY_ANNOTATION]: 'truncated' } : others;
  const metadata = current?.metadata ?? { name, namespace };
  return {
    apiVersion: Endpoints.apiVersion,
    kind: Endpoints.kind,
    metadata: {
      ...metadata,
      labels: desired.labels,
      ...(Object.keys(annotations).length > 0 || metadata.annotations ? { annotations } : {}),
    },
    ...(desired.subsets.length > 0 ? { subsets: desired.subsets } : {}),
  };
}

function isOurs(endpoints: Endpoints | undefined): boolean {
  return endpoints?.metadata.labels?.[MANAGED_BY_LABEL] === MANAGER;
}
