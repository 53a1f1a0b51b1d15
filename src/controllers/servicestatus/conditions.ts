/** What a Service's conditions say of its endpoints and of who announces it. Pure. */
import type { Service } from '../../api/core/v1/service.ts';
import type { EndpointSlice } from '../../api/discovery/v1/endpointslice.ts';
import { findCondition } from '../../api/meta/conditions.ts';
import type { Condition } from '../../api/meta/v1.ts';
import type { Finding } from './finding.ts';

/** Whether there is an endpoint to connect to. First written when there is none; a Service that always had one lacks it. */
export const ENDPOINTS_READY = 'postern.dev/EndpointsReady';
/** Whether a node can announce the load balancer addresses. First written when none can. */
export const ANNOUNCER_FOUND = 'postern.dev/AnnouncerFound';

/** Findings that a message tells; the whole list is for `postern why`. */
const TOLD = 3;
/** Characters of a message, so that it fits an Event. */
const MESSAGE_MAX = 1000;

export type WantedCondition = Pick<Condition, 'type' | 'status' | 'reason' | 'message'>;

/** Whether an endpoint takes connections. https://kubernetes.io/docs/concepts/services-networking/endpoint-slices/#ready */
export function hasReadyEndpoint(slices: readonly EndpointSlice[]): boolean {
  return slices.some(({ endpoints }) => endpoints.some(({ conditions }) => conditions?.ready ?? true));
}

/** The condition that should be set; undefined when there is nothing to tell. */
export function endpointsCondition(
  service: Service,
  hasReady: boolean,
  findings: readonly Finding[],
): WantedCondition | undefined {
  const message = `it has no ready endpoint: ${told(findings)}`;
  const found = { type: ENDPOINTS_READY, good: 'EndpointsReady', findings, message };
  return wanted(service, { ...found, isGood: hasReady || findings.length === 0 });
}

/** As {@link endpointsCondition}, of the announcer. */
export function announcerCondition(service: Service, findings: readonly Finding[]): WantedCondition | undefined {
  const found = { type: ANNOUNCER_FOUND, good: 'AnnouncerFound', findings, message: told(findings) };
  return wanted(service, { ...found, isGood: findings.length === 0 });
}

function wanted(
  { status }: Service,
  found: {
    readonly type: string;
    readonly isGood: boolean;
    readonly good: string;
    readonly findings: readonly Finding[];
    readonly message: string;
  },
): WantedCondition | undefined {
  const { type, isGood, good, findings, message } = found;
  const current = findCondition(status?.conditions, type);
  const next = isGood
    ? { type, status: 'True', reason: good, message: '' }
    : { type, status: 'False', reason: reasonOf(findings), message: message.slice(0, MESSAGE_MAX) };
  if (current === undefined) return isGood ? undefined : next;
  const same = current.status === next.status && current.reason === next.reason && current.message === next.message;
  return same ? undefined : next;
}

/** `nothing-selected` as `NothingSelected`: the first finding is the one to mend first. */
function reasonOf([first]: readonly Finding[]): string {
  return (first?.kind ?? 'unknown').replace(/(^|-)([a-z])/g, (_, __, letter: string) => letter.toUpperCase());
}

function told(findings: readonly Finding[]): string {
  const more = findings.length > TOLD ? [`and ${findings.length - TOLD} more`] : [];
  const texts = findings
    .slice(0, TOLD)
    .map(({ message, remedy }) => (remedy === undefined ? message : `${message} (${remedy})`));
  return [...texts, ...more].join('; ');
}
