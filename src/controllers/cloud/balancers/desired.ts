/** What is to be done for a Service next. Pure. */
import type { Service } from '../../../api/core/v1/service.ts';
import { findCondition } from '../../../api/meta/conditions.ts';
import { ADDRESS_ALLOCATED } from '../../loadbalancer/status.ts';
import { type Claim, LAYER2 } from '../claims.ts';
import { isFullyMarked, markOf } from './marks.ts';

export type Step<Provider extends Claim> =
  | { readonly kind: 'nothing' }
  /** It is to be marked before anything is made for it. */
  | { readonly kind: 'mark'; readonly provider: Provider }
  | { readonly kind: 'ensure'; readonly provider: Provider }
  /** What these may have made is to be removed, and then the mark taken off. */
  | { readonly kind: 'remove'; readonly providers: readonly Provider[] }
  /** Another serves it, or has something there that only it can remove. */
  | { readonly kind: 'held'; readonly why: string };

/** The same Service and providers, the same step: what a controller did before that died does not matter. */
export function nextStep<Provider extends Claim>(service: Service, providers: readonly Provider[]): Step<Provider> {
  const isGoing = service.metadata.deletionTimestamp !== undefined;
  const taker = isGoing ? undefined : providers.find(({ takes }) => takes(service));
  const mark = markOf(service);
  if (mark !== undefined && (taker === undefined || (mark !== '' && mark !== taker.name))) {
    const makers = providers.filter(({ name }) => mark === '' || mark === name);
    if (makers.length > 0) return { kind: 'remove', providers: makers };
    return {
      kind: 'held',
      why: `what the provider "${mark}" made for it is still there: run that provider to remove it`,
    };
  }
  if (taker === undefined) return { kind: 'nothing' };
  if (isLayer2s(service)) {
    const remedy = `leave the controller loadbalancer out, or tell all servers who serves Services without a class`;
    return { kind: 'held', why: `${LAYER2} serves it: ${remedy}` };
  }
  return { kind: isFullyMarked(service, taker.name) ? 'ensure' : 'mark', provider: taker };
}

/** Whether a Service anyone could serve is served by layer 2, here or in another process. One of a class of ours cannot be. */
function isLayer2s({ spec, status }: Service): boolean {
  const isAnyones = (spec?.loadBalancerClass ?? '') === '';
  return isAnyones && findCondition(status?.conditions, ADDRESS_ALLOCATED) !== undefined;
}
