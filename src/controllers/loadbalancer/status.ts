/** What a Service says of its load balancer addresses. Pure. */
import type { Service } from '../../api/core/v1/service.ts';
import { findCondition, withCondition, withoutCondition } from '../../api/meta/conditions.ts';
import { type IPAddress, printIP } from '../../lib/ip.ts';
import type { Assignment } from './assign.ts';
import { FORMER_ADDRESSES } from './request.ts';

/** Condition of a Service of type LoadBalancer: whether it has an address, and if not, why not. */
export const ADDRESS_ALLOCATED = 'postern.dev/AddressAllocated';
/** Reason of the condition, and of an Event, when there is none. */
export const ALLOCATION_FAILED = 'AllocationFailed';
/** The pool that a Service's addresses are from. https://metallb.io/usage/ */
const ALLOCATED_FROM = 'metallb.io/ip-allocated-from-pool';

/** The Service with what was decided for it. `lost` are addresses that it had and that no pool has any more. */
export function served(
  service: Service,
  assignment: Assignment,
  { lost, now }: { readonly lost: readonly IPAddress[]; readonly now: number },
): Service {
  const ingress =
    assignment.kind === 'assigned' ? assignment.addresses.map((ip) => ({ ip: printIP(ip), ipMode: 'VIP' })) : [];
  const status = {
    ...service.status,
    loadBalancer: ingress.length > 0 ? { ingress } : {},
    conditions: withCondition(service.status?.conditions, { type: ADDRESS_ALLOCATED, ...conditionOf(assignment) }, now),
  };
  const former = lost.length > 0 ? lost.map(printIP).join(',') : service.metadata.annotations?.[FORMER_ADDRESSES];
  return assignment.kind === 'assigned'
    ? withAnnotations({ ...service, status }, { [ALLOCATED_FROM]: assignment.pool, [FORMER_ADDRESSES]: undefined })
    : withAnnotations({ ...service, status }, { [ALLOCATED_FROM]: undefined, [FORMER_ADDRESSES]: former });
}

/** The Service when it is ours to serve no more: nothing of us is left in it. */
export function released(service: Service): Service {
  const { conditions: before, ...status } = service.status ?? {};
  const conditions = withoutCondition(before, ADDRESS_ALLOCATED);
  const next = {
    ...service,
    status: { ...status, loadBalancer: {}, ...(conditions.length > 0 ? { conditions } : {}) },
  };
  return withAnnotations(next, { [ALLOCATED_FROM]: undefined, [FORMER_ADDRESSES]: undefined });
}

/** Whether a Service says of itself that we serve it. */
export function isMarked({ status }: Service): boolean {
  return findCondition(status?.conditions, ADDRESS_ALLOCATED) !== undefined;
}

function conditionOf(assignment: Assignment): { status: string; reason: string; message: string } {
  if (assignment.kind === 'refused') return { status: 'False', reason: ALLOCATION_FAILED, message: assignment.message };
  const { pool, missing, mistake } = assignment;
  const notes = [
    `from pool "${pool}"`,
    ...(missing ? [`one family only: ${missing}`] : []),
    ...(mistake ? [mistake] : []),
  ];
  return { status: 'True', reason: 'Allocated', message: notes.join('; ') };
}

/** The same object when nothing changes. */
function withAnnotations(service: Service, changes: Readonly<Record<string, string | undefined>>): Service {
  const { annotations = {} } = service.metadata;
  const changed = Object.entries(changes).filter(([name, value]) => annotations[name] !== value);
  if (changed.length === 0) return service;
  const next = Object.entries({ ...annotations, ...changes }).filter(([, value]) => value !== undefined);
  const { annotations: _, ...metadata } = service.metadata;
  return { ...service, metadata: { ...metadata, annotations: Object.fromEntries(next) as Record<string, string> } };
}
