/** Brings what is at a provider in line with one Service, and the Service in line with that. */
import type { Node } from '../../api/core/v1/node.ts';
import { Service } from '../../api/core/v1/service.ts';
import { findCondition } from '../../api/meta/conditions.ts';
import { keyOf, keyText } from '../../api/meta/v1.ts';
import type { Client } from '../../client/client.ts';
import type { EventRecorder } from '../../client/events.ts';
import { ignoreNotFound } from '../../client/expected.ts';
import type { Clock } from '../../host/clock.ts';
import type { Logger } from '../../host/log.ts';
import { LOAD_BALANCER_READY, marked, unmarked } from './marks.ts';
import type { Ensured, LoadBalancerProvider } from './provider.ts';
import { isDue, type Standing, type Standings, type Wish, wishOf } from './standings.ts';
import { clearedStatusPatch, type Failed, SYNC_FAILED, statusPatch } from './status.ts';

export interface ServeParts {
  readonly client: Client;
  readonly clock: Clock;
  readonly log: Logger;
  readonly events: EventRecorder;
  readonly standings: Standings;
  /** Asks to be called again for a key, in milliseconds. */
  readonly later: (key: string, ms: number) => void;
  /** Says that marks of a Service are about to be taken off by us; or, after all, not. */
  readonly unmarking: (service: Service, isUnmarking: boolean) => void;
}

type Ready = Extract<Ensured, { kind: 'ready' }>;

export interface Backends {
  readonly nodes: readonly Node[];
  /** What of them is seen at the provider. */
  readonly facts: string;
}

/** Puts the finalizer, and who is about to make something. Answers with the Service as it then is; undefined: it is gone. */
export async function mark(service: Service, provider: string, { client }: ServeParts): Promise<Service | undefined> {
  const body = { metadata: marked(service, provider) };
  return client.patch(Service, keyOf(service), { type: 'merge', body }).catch(ignoreNotFound);
}

/** Asks the provider, where it is to be asked, and writes what it answers; else what it answered last. */
export async function ensure(
  service: Service,
  { provider, backends }: { readonly provider: LoadBalancerProvider; readonly backends: Backends },
  parts: ServeParts,
  signal: AbortSignal,
): Promise<void> {
  const { clock, standings, later } = parts;
  const key = keyText(keyOf(service));
  const before = standings.get(key);
  const wish = { service: wishOf(service), backends: backends.facts };
  if (before !== undefined && !isDue(before, wish, clock.now())) {
    later(key, before.due - clock.now());
    return write(service, before.outcome, parts);
  }
  const isNews = tellBegin(service, { before, wish, backends }, parts);
  const outcome = await attempt(() => provider.ensure(service, backends.nodes), signal);
  const isTold = outcome.kind !== 'ready' && (isNews || (before?.isTold ?? false));
  later(key, standings.note(key, wish, { outcome, isTold }, clock.now()));
  tellEnd(service, { before, wish, outcome, isNews }, parts);
  await write(service, outcome, parts);
}

/**
 * Removes what providers may have made for a Service and then takes the marks off, the finalizer last. `isGone`: the Service is
 * not there any more, or not its marks.
 */
export async function remove(
  key: string,
  {
    service,
    providers,
    isGone,
  }: { readonly service: Service; readonly providers: readonly LoadBalancerProvider[]; readonly isGone: boolean },
  parts: ServeParts,
  signal: AbortSignal,
): Promise<void> {
  const { clock, standings, events, later } = parts;
  const wish: Wish = { service: '', backends: service.metadata.uid ?? '' };
  const before = standings.get(key);
  const last = before?.service === wish.service && before.backends === wish.backends ? before : undefined;
  if (last?.outcome.kind !== 'ready') {
    if (last !== undefined && clock.now() < last.due) return later(key, last.due - clock.now());
    if (last === undefined) events.event(service, 'Normal', 'DeletingLoadBalancer', 'Deleting load balancer');
    const outcome = await attempt(() => removedBy(providers, service), signal);
    const wait = standings.note(key, wish, { outcome, isTold: true }, clock.now());
    if (outcome.kind === 'failed') {
      const message = `Error syncing load balancer: failed to delete load balancer: ${outcome.why}`;
      tellFailure(service, SYNC_FAILED, message, parts);
    }
    if (outcome.kind !== 'ready') return later(key, wait);
    events.event(service, 'Normal', 'DeletedLoadBalancer', 'Deleted load balancer');
  }
  if (!isGone) await unmark(service, parts);
  standings.forget(key);
}

async function removedBy(providers: readonly LoadBalancerProvider[], service: Service): Promise<Ensured> {
  for (const provider of providers) {
    const left = await provider.remove(service);
    if (left !== 'removed') return { kind: 'waiting', why: 'it is being removed', after: left.after };
  }
  return { kind: 'ready', ingress: [] };
}

async function unmark(service: Service, { client, unmarking }: ServeParts): Promise<void> {
  const { uid, deletionTimestamp } = service.metadata;
  const key = keyOf(service);
  unmarking(service, true);
  try {
    const status = clearedStatusPatch(service);
    const isStaying = deletionTimestamp === undefined;
    const latest =
      isStaying && status !== undefined
        ? await client.patch(Service, key, { type: 'strategic', body: { metadata: { uid }, status } }, 'status')
        : service;
    const metadata = unmarked(latest);
    if (metadata !== undefined) await client.patch(Service, key, { type: 'merge', body: { metadata } });
  } catch (error) {
    unmarking(service, false);
    ignoreNotFound(error);
  }
}

/** What cannot be done now is a failure to be told; at the end of the process it is nobody's. */
async function attempt(work: () => Promise<Ensured>, signal: AbortSignal): Promise<Ensured | Failed> {
  try {
    return await work();
  } catch (cause) {
    if (signal.aborted) throw cause;
    return { kind: 'failed', why: cause instanceof Error ? cause.message : String(cause), cause };
  }
}

async function write(service: Service, outcome: Ensured | Failed, { client, clock }: ServeParts): Promise<void> {
  const status = statusPatch(service, outcome, clock.now());
  if (status === undefined) return;
  const body = { metadata: { uid: service.metadata.uid }, status };
  await client.patch(Service, keyOf(service), { type: 'strategic', body }, 'status').catch(ignoreNotFound);
}

/** Returns whether people are told that work on something new begins. After a restart there is nothing new in what was ready. */
function tellBegin(
  service: Service,
  {
    before,
    wish,
    backends,
  }: { readonly before: Standing | undefined; readonly wish: Wish; readonly backends: Backends },
  { events }: ServeParts,
): boolean {
  const wasReady = findCondition(service.status?.conditions, LOAD_BALANCER_READY)?.status === 'True';
  const isNews = before === undefined ? !wasReady : before.service !== wish.service;
  if (isNews) events.event(service, 'Normal', 'EnsuringLoadBalancer', 'Ensuring load balancer');
  if (backends.nodes.length === 0 && before?.backends !== wish.backends) {
    events.event(service, 'Warning', 'UnAvailableLoadBalancer', 'There are no available nodes for LoadBalancer');
  }
  return isNews;
}

function tellEnd(
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
  parts: ServeParts,
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

function tellFailure(service: Service, reason: string, message: string, { events, log }: ServeParts): void {
  events.event(service, 'Warning', reason, message);
  log.warn({ controller: 'cloud', key: keyText(keyOf(service)) }, message);
}
