/** Gives Services of type LoadBalancer addresses out of IPAddressPools. The Services' statuses are the only memory. */
import { Namespace } from '../../api/core/v1/namespace.ts';
import { Service } from '../../api/core/v1/service.ts';
import { findCondition } from '../../api/meta/conditions.ts';
import { IPAddressPool } from '../../api/metallb/v1beta1/ipaddresspool.ts';
import { runController } from '../../client/controller.ts';
import { EventRecorder } from '../../client/events.ts';
import type { Informer } from '../../client/informer.ts';
import { WorkQueue } from '../../client/work-queue.ts';
import { printIP } from '../../lib/ip.ts';
import { equal } from '../equal.ts';
import type { ControllerParts, Run } from '../parts.ts';
import { assign, type Pool, poolOf } from './assign.ts';
import { Claims } from './claims.ts';
import { poolStatusController } from './pool-status.ts';
import { addressRequest, isOurs } from './request.ts';
import { ADDRESS_ALLOCATED, assignedStatus, releasedStatus } from './status.ts';

type Parts = ControllerParts & {
  readonly services: Informer<Service>;
  readonly namespaces: Informer<Namespace>;
  readonly pools: () => readonly Pool[];
  readonly claims: Claims;
  readonly events: EventRecorder;
  /** To be called when addresses became free. */
  readonly freed: () => void;
  /** To be called when a claim was made or given up. */
  readonly changed: () => void;
};

/** Makes the controller; its keys are those of Services. One worker: no two Services are decided on at a time. */
export function loadBalancerController(parts: ControllerParts): Run {
  const { informers, clock, log } = parts;
  const queue = new WorkQueue({ clock });
  const services = informers.of(Service);
  const poolObjects = informers.of(IPAddressPool);
  const claims = new Claims();
  const poolStatus = poolStatusController({ ...parts, claims });
  const byState = services.index((service) =>
    isOurs(service) ? ['ours', hasAddress(service) ? 'served' : 'waiting'] : [],
  );
  const enqueue = (state: string) => {
    for (const { metadata } of byState(state)) queue.add(`${metadata.namespace}/${metadata.name}`);
  };
  services.onChange(({ key, object, previous }) => {
    if (claims.learn(key, object)) enqueue('waiting');
    if ([object, previous].some((service) => service && isOurs(service))) poolStatus.changed();
    queue.add(key);
  });
  let pools: readonly Pool[] | undefined;
  poolObjects.onChange(({ object, previous }) => {
    if (equal(object?.spec, previous?.spec)) return; // Only our own counters.
    pools = undefined;
    enqueue('ours');
  });
  const own = {
    ...parts,
    services,
    namespaces: informers.of(Namespace),
    pools: () => {
      pools ??= poolObjects.list().map(poolOf);
      return pools;
    },
    claims,
    events: new EventRecorder({ ...parts, component: 'loadbalancer-controller' }),
    freed: () => enqueue('waiting'),
    changed: () => poolStatus.changed(),
  };
  const controller = { name: 'loadbalancer', queue, reconcile: (key: string) => reconcile(key, own), workers: 1, log };
  return async (signal) => {
    await Promise.all([runController(controller, signal), poolStatus.run(signal)]);
  };
}

async function reconcile(key: string, parts: Parts): Promise<void> {
  const { services, claims, freed } = parts;
  const service = services.get(key);
  if (service !== undefined && isOurs(service)) return serve(key, service, parts);
  if (claims.set(key, [])) freed();
  if (service !== undefined && service.spec?.type !== 'LoadBalancer' && hasTraces(service)) {
    await parts.client.updateStatus(Service, { ...service, status: releasedStatus(service) });
  }
}

async function serve(key: string, service: Service, parts: Parts): Promise<void> {
  const { client, clock, claims, events, namespaces, pools } = parts;
  const labels = (namespace: string) => namespaces.get(namespace)?.metadata.labels ?? {};
  const before = claims.of(key);
  const assignment = assign(pools(), claims.owners, addressRequest(service), before, labels);
  const addresses = assignment.kind === 'assigned' ? assignment.addresses : [];
  // Claimed before it is written: what is being written must not be given to another. What is given up stays claimed
  // until the write is answered, so that no two Services have it even for a moment.
  claims.set(key, [...before, ...addresses]);
  const status = assignedStatus(service, assignment, clock.now());
  if (!equal(status, service.status)) {
    await claims.writing(key, () => client.updateStatus(Service, { ...service, status }));
    tell(service, assignment.kind === 'assigned' ? addresses.map(printIP) : assignment.message, events);
  }
  // It may have been deleted, or have ceased to be ours, while we wrote; its key is queued again then.
  const latest = parts.services.get(key);
  if (claims.set(key, latest && isOurs(latest) ? addresses : [])) parts.freed();
  parts.changed();
}

/** An Event for the people who look with `kubectl describe service`. */
function tell(service: Service, outcome: readonly string[] | string, events: EventRecorder): void {
  if (typeof outcome === 'string') events.event(service, 'Warning', 'AllocationFailed', outcome);
  else events.event(service, 'Normal', 'IPAllocated', `Assigned IP ${outcome.join(', ')}`);
}

function hasAddress(service: Service): boolean {
  return (service.status?.loadBalancer?.ingress ?? []).length > 0;
}

/** Whether a Service that is no load balancer any more still looks like one. */
function hasTraces(service: Service): boolean {
  return hasAddress(service) || findCondition(service.status?.conditions, ADDRESS_ALLOCATED) !== undefined;
}
