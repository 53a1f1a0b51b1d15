/** What a provider of load balancers, such as a cloud, has not done for a Service. Pure; in words for people. */
import type { Service } from '../../api/core/v1/service.ts';
import { findCondition } from '../../api/meta/conditions.ts';
import { CLEANUP_FINALIZER, LOAD_BALANCER_READY, markOf } from '../cloud/balancers/marks.ts';
import type { Finding } from './finding.ts';

/** Why a Service that is deleted does not go, or why the load balancer that serves it is not as it asks. */
export function whyProvider(service: Service): readonly Finding[] {
  const provider = markOf(service);
  if (provider === undefined) return [];
  const { metadata, status } = service;
  if (metadata.deletionTimestamp !== undefined) return whyNotGone(service, provider);
  const hasAddress = (status?.loadBalancer?.ingress ?? []).length > 0;
  const told = findCondition(status?.conditions, LOAD_BALANCER_READY);
  if (!hasAddress || told?.status !== 'False' || told.reason === 'Waiting') return [];
  const message = `its load balancer serves on, and is not as the Service asks: ${toldByProvider(service, provider)}`;
  return [{ kind: 'load-balancer-differs', message }];
}

/** What the controller for clouds has written. `provider` is its mark. */
export function toldByProvider({ status }: Service, provider: string): string {
  const told = findCondition(status?.conditions, LOAD_BALANCER_READY);
  if (told === undefined) return `${nameOf(provider)} has not been asked yet: let the controller cloud run`;
  return `${nameOf(provider)} says ${told.reason}${told.message ? `: ${told.message}` : ''}`;
}

/** A process that does not ask that cloud cannot know whether another does: it is for people to look. */
function whyNotGone({ metadata }: Service, provider: string): readonly Finding[] {
  if (!metadata.finalizers?.includes(CLEANUP_FINALIZER)) return [];
  const { name = '', namespace = '' } = metadata;
  const command = `kubectl describe service ${name} -n ${namespace}`;
  return [
    {
      kind: 'load-balancer-left',
      message: `it is being deleted, and stays until ${nameOf(provider)} has removed its load balancer`,
      remedy: `${command} says what is done about it; if nothing is, run the controller cloud with that provider`,
    },
  ];
}

function nameOf(provider: string): string {
  return provider === '' ? 'its provider' : `the provider "${provider}"`;
}
