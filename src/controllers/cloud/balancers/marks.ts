/** What a Service carries that has, or may have, something at a provider that costs money. Pure. */
import type { Service } from '../../../api/core/v1/service.ts';
import { findCondition } from '../../../api/meta/conditions.ts';

/** Keeps a Service until nothing is left at its provider. https://kubernetes.io/docs/tasks/access-application-cluster/create-external-load-balancer/#garbage-collecting-load-balancers */
export const CLEANUP_FINALIZER = 'service.kubernetes.io/load-balancer-cleanup';
/** The provider that may have made something for the Service. Put together with the finalizer, before anything is made. */
export const PROVIDER_ANNOTATION = 'postern.dev/load-balancer-provider';
/** Condition of a Service: whether its load balancer at a provider is as the Service says, and if not, why not. */
export const LOAD_BALANCER_READY = 'postern.dev/LoadBalancerReady';

/**
 * The provider whose mark a Service has; `''` when it only has the condition: whoever replaces a Service by a manifest takes its
 * annotations and finalizers away, and not its status. Others use the same finalizer, so that alone says nothing.
 */
export function markOf({ metadata, status }: Service): string | undefined {
  const named = metadata.annotations?.[PROVIDER_ANNOTATION];
  if (named !== undefined) return named;
  return findCondition(status?.conditions, LOAD_BALANCER_READY) === undefined ? undefined : '';
}

/** Whether it has all that is put there before anything is made. */
export function isFullyMarked({ metadata }: Service, provider: string): boolean {
  return hasFinalizer({ metadata }) && metadata.annotations?.[PROVIDER_ANNOTATION] === provider;
}

/** What of the metadata is written to mark a Service. */
export function marked({ metadata }: Service, provider: string): object {
  const { finalizers = [] } = metadata;
  return {
    ...only(metadata),
    finalizers: hasFinalizer({ metadata }) ? finalizers : [...finalizers, CLEANUP_FINALIZER],
    annotations: { [PROVIDER_ANNOTATION]: provider },
  };
}

/** What of the metadata is written to take the mark off, as a merge patch has it; undefined: there is none. */
export function unmarked({ metadata }: Service): object | undefined {
  const { finalizers = [], annotations = {} } = metadata;
  if (!hasFinalizer({ metadata }) && annotations[PROVIDER_ANNOTATION] === undefined) return undefined;
  const others = finalizers.filter((name) => name !== CLEANUP_FINALIZER);
  return {
    ...only(metadata),
    finalizers: others.length === 0 ? null : others,
    annotations: { [PROVIDER_ANNOTATION]: null },
  };
}

/** A list in a merge patch replaces the whole list: so only what was read is written. */
function only({ uid, resourceVersion }: Service['metadata']): object {
  return { uid, resourceVersion };
}

function hasFinalizer({ metadata }: Pick<Service, 'metadata'>): boolean {
  return metadata.finalizers?.includes(CLEANUP_FINALIZER) ?? false;
}
