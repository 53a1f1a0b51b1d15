/** Events for the people who look with `kubectl describe service`, of the reasons that Kubernetes' service controller gives. */
import type { Service } from '../../../api/core/v1/service.ts';
import { findCondition } from '../../../api/meta/conditions.ts';
import { keyOf, keyText } from '../../../api/meta/v1.ts';
import type { EventRecorder } from '../../../client/events.ts';
import type { Logger } from '../../../host/log.ts';
import type { Ensured } from '../provider.ts';
import { LOAD_BALANCER_READY } from './marks.ts';
import type { Backends } from './serve.ts';
import type { Attempt, News, Standing, Wish } from './standings.ts';
import { type Failed, SYNC_FAILED } from './status.ts';

interface TellParts {
  readonly events: Pick<EventRecorder, 'event'>;
  readonly log: Pick<Logger, 'warn'>;
}

/** Tells that work begins. Returns what is new; after a restart there is nothing new in what was ready. */
export function tellBegin(
  service: Service,
  {
    before,
    wish,
    backends,
  }: { readonly before: Standing | undefined; readonly wish: Wish; readonly backends: Backends },
  { events }: TellParts,
): News | undefined {
  const wasReady = findCondition(service.status?.conditions, LOAD_BALANCER_READY)?.status === 'True';
  const isAsked = before === undefined ? !wasReady : before.service !== wish.service;
  if (isAsked) events.event(service, 'Normal', 'EnsuringLoadBalancer', 'Ensuring load balancer');
  const areOthers = before?.backends !== wish.backends;
  if (backends.nodes.length === 0 && areOthers) {
    events.event(service, 'Warning', 'UnAvailableLoadBalancer', 'There are no available nodes for LoadBalancer');
  }
  if (isAsked || before?.news === 'service') return 'service';
  return before !== undefined && areOthers ? 'nodes' : before?.news;
}

/** Tells what came of it. Returns what people now know, to be kept: most work takes several attempts. */
export function tellEnd(
  service: Service,
  {
    before,
    outcome,
    news,
  }: {
    readonly before: Standing | undefined;
    readonly outcome: Ensured | Failed;
    readonly news: News | undefined;
  },
  parts: TellParts,
): Attempt {
  const told = before?.warnings ?? [];
  if (outcome.kind === 'ready') {
    tellReady(service, { warnings: outcome.warnings ?? [], told, news }, parts);
    return { outcome, news: undefined, warnings: outcome.warnings ?? [] };
  }
  if (outcome.kind === 'refused') {
    tellFailure(service, SYNC_FAILED, `Error syncing load balancer: ${outcome.why}`, parts);
  } else if (outcome.kind === 'failed') {
    const reason = news === 'nodes' ? 'UpdateLoadBalancerFailed' : SYNC_FAILED;
    const message = `Error syncing load balancer: failed to ensure load balancer: ${outcome.why}`;
    tellFailure(service, reason, message, parts, outcome.cause);
  }
  // Also what was found to be amiss, and by nobody's wish, is told of once it is mended.
  return { outcome, news: news ?? 'service', warnings: told };
}

/** Warnings that people were told of are in the condition. */
function tellReady(
  service: Service,
  {
    warnings,
    told,
    news,
  }: { readonly warnings: readonly string[]; readonly told: readonly string[]; readonly news: News | undefined },
  { events }: TellParts,
): void {
  if (news === 'service') events.event(service, 'Normal', 'EnsuredLoadBalancer', 'Ensured load balancer');
  if (news === 'nodes') events.event(service, 'Normal', 'UpdatedLoadBalancer', 'Updated load balancer with new hosts');
  for (const warning of warnings) {
    if (!told.includes(warning)) events.event(service, 'Warning', 'LoadBalancerWarning', warning);
  }
}

/** Of the reason that the controller of layer 2 gives. */
export function tellContested(service: Service, { events }: TellParts): void {
  const what = 'somebody else writes the status of this Service';
  const remedy = 'let one load balancer serve it: name its class in spec.loadBalancerClass';
  events.event(service, 'Warning', 'Contested', `${what}: ${remedy}`);
}

/** `cause` is for the log alone: it has what a cloud's support asks for, such as the id of the request. */
export function tellFailure(
  service: Service,
  reason: string,
  message: string,
  { events, log }: TellParts,
  cause?: unknown,
): void {
  events.event(service, 'Warning', reason, message);
  log.warn(
    { controller: 'cloud', key: keyText(keyOf(service)), ...(cause === undefined ? {} : { err: cause }) },
    message,
  );
}
