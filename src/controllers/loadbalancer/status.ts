/** What a Service's status says of its load balancer addresses. Pure. */
import type { Service } from '../../api/core/v1/service.ts';
import { withCondition, withoutCondition } from '../../api/meta/conditions.ts';
import { printIP } from '../../lib/ip.ts';
import type { Assignment } from './assign.ts';

/** Condition of a Service of type LoadBalancer: whether it has an address, and if not, why not. */
export const ADDRESS_ALLOCATED = 'postern.dev/AddressAllocated';

type ServiceStatus = NonNullable<Service['status']>;

/** The status of a Service that is ours to serve. */
export function assignedStatus(service: Service, assignment: Assignment, now: number): ServiceStatus {
  const assigned = assignment.kind === 'assigned';
  const condition = assigned
    ? { status: 'True', reason: 'Allocated', message: `from pool "${assignment.pool}"` }
    : { status: 'False', reason: 'AllocationFailed', message: assignment.message };
  const ingress = assigned ? assignment.addresses.map((ip) => ({ ip: printIP(ip), ipMode: 'VIP' })) : [];
  return {
    ...service.status,
    loadBalancer: ingress.length > 0 ? { ingress } : {},
    conditions: withCondition(service.status?.conditions, { type: ADDRESS_ALLOCATED, ...condition }, now),
  };
}

/** The status of a Service that is no longer of type LoadBalancer: nothing of ours is left in it. */
export function releasedStatus(service: Service): ServiceStatus {
  const { conditions: before, ...status } = service.status ?? {};
  const conditions = withoutCondition(before, ADDRESS_ALLOCATED);
  return { ...status, loadBalancer: {}, ...(conditions.length > 0 ? { conditions } : {}) };
}
