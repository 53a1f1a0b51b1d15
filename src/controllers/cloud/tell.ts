/** Events for the people who look with `kubectl describe service`, of the reasons that Kubernetes' service controller gives. */
import type { Service } from '../../api/core/v1/service.ts';
import { findCondition } from '../../api/meta/conditions.ts';
import { keyOf, keyText } from '../../api/meta/v1.ts';
import { LOAD_BALANCER_READY } from './marks.ts';
import type { Ensured } from './provider.ts';
import type { Backends, ServeParts } from './serve.ts';
import type { Standing, Wish } from './standings.ts';
import { type Failed, SYNC_FAILED } from './status.ts';

type TellParts = Pick<ServeParts, 'events' | 'log'>;
type Ready = Extract<Ensured, { kind: 'ready' }>;

/** Returns whether people are told that work on something new begins. After a restart there is nothing new in what was ready. */
export function tellBegin(
  service: Service,
  {
    before,
    wish,
    backends,
  }: { readonly before: Standing | undefined; readonly wish: Wish; readonly backends: Backends },
  { events }: TellParts,
): boolean {
  const wasReady = findCondition(service.status?.conditions, LOAD_BALANCER_READY)?.status === 'True';
  const isNews = before === undefined ? !wasReady : before.service !== wish.service;
  if (isNews) events.event(service, 'Normal', 'EnsuringLoadBalancer', 'Ensuring load balancer');
  if (backends.nodes.length === 0 && before?.backends !== wish.backends) {
    events.event(service, 'Warning', 'UnAvailableLoadBalancer', 'There are no available nodes for LoadBalancer');
  }
  return isNews;
}

export function tellEnd(
  service: Service,
  {
    before,
    wish,
    outcome,
    isNews,
  }: {
    readonly before: Standing | undefined;
    readonly wish: Wish;
    readonly outcome: Ensured | Failed;
    readonly isNews: boolean;
  },
  parts: TellParts,
): void {
  const { events } = parts;
  const isOfNodes = !isNews && before?.outcome.kind === 'ready' && before.backends !== wish.backends;
  switch (outcome.kind) {
    case 'ready':
      if (isNews || before?.isTold) events.event(service, 'Normal', 'EnsuredLoadBalancer', 'Ensured load balancer');
      else if (isOfNodes)
        events.event(service, 'Normal', 'UpdatedLoadBalancer', 'Updated load balancer with new hosts');
      for (const warning of newWarnings(outcome, before?.outcome)) {
        events.event(service, 'Warning', 'LoadBalancerWarning', warning);
      }
      return;
    case 'waiting':
      return;
    case 'refused':
      tellFailure(service, SYNC_FAILED, `Error syncing load balancer: ${outcome.why}`, parts);
      return;
    case 'failed': {
      const reason = isOfNodes ? 'UpdateLoadBalancerFailed' : SYNC_FAILED;
      tellFailure(
        service,
        reason,
        `Error syncing load balancer: failed to ensure load balancer: ${outcome.why}`,
        parts,
      );
    }
  }
}

/** What is known already is in the condition. */
function newWarnings({ warnings = [] }: Ready, before: Ensured | Failed | undefined): readonly string[] {
  const known = before?.kind === 'ready' ? (before.warnings ?? []) : [];
  return warnings.filter((warning) => !known.includes(warning));
}

/** Of the reason that the controller of layer 2 gives. */
export function tellContested(service: Service, { events }: TellParts): void {
  const what = 'somebody else writes the status of this Service';
  const remedy = 'let one load balancer serve it: name its class in spec.loadBalancerClass';
  events.event(service, 'Warning', 'Contested', `${what}: ${remedy}`);
}

export function tellFailure(service: Service, reason: string, message: string, { events, log }: TellParts): void {
  events.event(service, 'Warning', reason, message);
  log.warn({ controller: 'cloud', key: keyText(keyOf(service)) }, message);
}
