/** What a Service says of its load balancer. Pure. */
import type { LoadBalancerIngress, Service } from '../../../api/core/v1/service.ts';
import { findCondition, withCondition } from '../../../api/meta/conditions.ts';
import { equal } from '../../equal.ts';
import type { Ensured } from '../provider.ts';
import { LOAD_BALANCER_READY } from './marks.ts';

/** An attempt that may succeed when it is made again. */
export interface Failed {
  readonly kind: 'failed';
  readonly why: string;
  readonly cause: unknown;
}

/** Reason of the condition while there is something to wait for. */
const WAITING = 'Waiting';
/** The reason that the service controller of Kubernetes' cloud-provider tells. */
export const SYNC_FAILED = 'SyncLoadBalancerFailed';
/** Longest message of a condition. */
const MESSAGE_MAX = 2000;

/**
 * What of the status is to be written, as a strategic merge patch has it; undefined: it is as it should be. Addresses stay while
 * there is no new answer: what serves clients is not taken from them because of a question.
 */
export function statusPatch(service: Service, outcome: Ensured | Failed, now: number): object | undefined {
  const { conditions: before, loadBalancer } = service.status ?? {};
  const conditions = withCondition(before, { type: LOAD_BALANCER_READY, ...conditionOf(outcome) }, now);
  const ingress = outcome.kind === 'ready' ? outcome.ingress : (loadBalancer?.ingress ?? []);
  const isSame = equal(ingress.map(withMode), (loadBalancer?.ingress ?? []).map(withMode));
  if (isSame && conditions === before) return undefined;
  const own = conditions.filter(({ type }) => type === LOAD_BALANCER_READY);
  return { ...(conditions === before ? {} : { conditions: own }), ...(isSame ? {} : { loadBalancer: { ingress } }) };
}

/** As {@link statusPatch}, once nothing of ours is left. */
export function clearedStatusPatch({ status }: Service): object | undefined {
  const isTold = findCondition(status?.conditions, LOAD_BALANCER_READY) !== undefined;
  const hasAddress = (status?.loadBalancer?.ingress ?? []).length > 0;
  if (!isTold && !hasAddress) return undefined;
  return {
    ...(isTold ? { conditions: [{ $patch: 'delete', type: LOAD_BALANCER_READY }] } : {}),
    ...(hasAddress ? { loadBalancer: { ingress: null } } : {}),
  };
}

function conditionOf(outcome: Ensured | Failed): { status: string; reason: string; message: string } {
  const isReady = outcome.kind === 'ready';
  const message = (isReady ? (outcome.warnings ?? []).join('; ') : outcome.why).slice(0, MESSAGE_MAX);
  return { status: isReady ? 'True' : 'False', reason: reasonOf(outcome), message };
}

function reasonOf(outcome: Ensured | Failed): string {
  if (outcome.kind === 'ready') return 'Ensured';
  if (outcome.kind === 'refused') return outcome.reason;
  return outcome.kind === 'waiting' ? WAITING : SYNC_FAILED;
}

/** A server older than Kubernetes 1.29 does not keep `ipMode`, and without it is VIP meant. */
function withMode(ingress: LoadBalancerIngress): LoadBalancerIngress {
  return ingress.ip === undefined ? ingress : { ...ingress, ipMode: ingress.ipMode ?? 'VIP' };
}
