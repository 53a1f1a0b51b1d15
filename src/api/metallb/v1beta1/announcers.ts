/** Who may announce the addresses of a pool by ARP and NDP. Pure. https://metallb.io/configuration/_advanced_l2_configuration/ */
import type { Node } from '../../core/v1/node.ts';
import { isTrue } from '../../meta/conditions.ts';
import { matchesLabels, type Selector, selectorOf } from '../../selectors.ts';
import type { IPAddressPool } from './ipaddresspool.ts';
import type { L2Advertisement } from './l2advertisement.ts';

/** https://kubernetes.io/docs/reference/labels-annotations-taints/#node-kubernetes-io-exclude-from-external-load-balancers */
const EXCLUDE_LABEL = 'node.kubernetes.io/exclude-from-external-load-balancers';

/** Whether a node may announce anything: ready, connected, not leaving and not excluded by its label. */
export function isNodeEligible({ metadata, status }: Node): boolean {
  const excluded = metadata.labels?.[EXCLUDE_LABEL] !== undefined;
  const connected = isTrue(status?.conditions, 'Ready') && !isTrue(status?.conditions, 'NetworkUnavailable');
  return connected && !excluded && metadata.deletionTimestamp === undefined;
}

/** Whether an advertisement is about a pool. The two share a namespace, as in MetalLB. */
export function advertises({ metadata, spec }: L2Advertisement, pool: IPAddressPool): boolean {
  if (metadata.namespace !== pool.metadata.namespace) return false;
  const names = spec?.ipAddressPools ?? [];
  const selectors = (spec?.ipAddressPoolSelectors ?? []).map(selectorOf);
  if (names.length === 0 && selectors.length === 0) return true;
  return names.includes(pool.metadata.name ?? '') || anyMatches(selectors, pool.metadata.labels);
}

/** Whether an advertisement lets a node announce. */
export function isForNode({ spec }: L2Advertisement, { metadata }: Node): boolean {
  const selectors = (spec?.nodeSelectors ?? []).map(selectorOf);
  return selectors.length === 0 || anyMatches(selectors, metadata.labels);
}

function anyMatches(selectors: readonly Selector[], labels: Readonly<Record<string, string>> | undefined): boolean {
  return selectors.some((selector) => matchesLabels(selector, labels));
}
