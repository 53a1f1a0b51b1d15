/** Removes what is at providers for one Service, and then the Service's marks. */
import { Service } from '../../../api/core/v1/service.ts';
import { keyOf } from '../../../api/meta/v1.ts';
import { ignoreNotFound } from '../../../client/expected.ts';
import type { Ensured, LoadBalancerProvider } from '../provider.ts';
import { attempt } from './attempt.ts';
import { unmarked } from './marks.ts';
import type { ServeParts } from './serve.ts';
import type { Wish } from './standings.ts';
import { clearedStatusPatch, SYNC_FAILED } from './status.ts';
import { tellFailure } from './tell.ts';

export interface Removal {
  readonly service: Service;
  /** Those that may have made something. */
  readonly providers: readonly LoadBalancerProvider[];
  /** The Service is not there any more, or not its marks. */
  readonly isLost: boolean;
}

/**
 * Removes what providers may have made for a Service and then takes the marks off, the finalizer last. Returns whether that is
 * done; if not, it is asked for again later.
 */
export async function remove(
  key: string,
  { service, providers, isLost }: Removal,
  parts: ServeParts,
  signal: AbortSignal,
): Promise<boolean> {
  const { clock, standings, events, later } = parts;
  const wish: Wish = { service: '', backends: service.metadata.uid ?? '' };
  const before = standings.get(key);
  const last = before?.service === wish.service && before.backends === wish.backends ? before : undefined;
  if (last?.outcome.kind !== 'ready') {
    if (last !== undefined && clock.steady() < last.due) {
      later(key, last.due - clock.steady());
      return false;
    }
    if (last === undefined) events.event(service, 'Normal', 'DeletingLoadBalancer', 'Deleting load balancer');
    const outcome = await attempt(() => removedBy(providers, service), signal);
    const wait = standings.note(key, wish, { outcome, news: undefined, warnings: [] }, clock.steady());
    if (outcome.kind === 'failed') {
      const message = `Error syncing load balancer: failed to delete load balancer: ${outcome.why}`;
      tellFailure(service, SYNC_FAILED, message, parts, outcome.cause);
    }
    if (outcome.kind !== 'ready') {
      later(key, wait);
      return false;
    }
    events.event(service, 'Normal', 'DeletedLoadBalancer', 'Deleted load balancer');
  }
  if (!isLost) await unmark(service, parts);
  standings.forget(key);
  return true;
}

async function removedBy(providers: readonly LoadBalancerProvider[], service: Service): Promise<Ensured> {
  for (const provider of providers) {
    const left = await provider.remove(service);
    if (left !== 'removed') return { kind: 'waiting', why: 'it is being removed', after: left.after };
  }
  return { kind: 'ready', ingress: [] };
}

async function unmark(service: Service, { client, lost }: ServeParts): Promise<void> {
  const { uid, deletionTimestamp } = service.metadata;
  const key = keyOf(service);
  lost.unmarking(service, true);
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
    lost.unmarking(service, false);
    ignoreNotFound(error);
  }
}
