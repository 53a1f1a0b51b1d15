/** What is to become of a Service's ports in the firewall of one node: as the Service asks, or else the whole cluster. */
import { FIREWALL_ANNOTATION } from '../../api/core/v1/service.annotations.ts';
import type { Service } from '../../api/core/v1/service.ts';
import { matchesLabels, parseLabelSelector } from '../../api/selectors.ts';
import { ApiError } from '../../api/status.ts';
import type { Policy } from '../backend.ts';

/** A label selector: only nodes that it selects open anything for the Service. */
export const FIREWALL_NODES_ANNOTATION = 'postern.dev/firewall-nodes';

/** `none`: the firewall is left as it is. */
export type FirewallPolicy = Policy | 'none';
const FIREWALL_POLICIES: readonly FirewallPolicy[] = ['managed', 'enforce', 'none'];

export interface PolicyDecision {
  readonly policy: FirewallPolicy;
  /** An annotation that cannot be read, and what it may say. Nothing is opened then. */
  readonly mistake?: string;
}

/** `labels` are those of the node. What cannot be read opens nothing: too little can be seen and mended, too much not. */
export function policyOf(
  { metadata: { annotations = {} } }: Service,
  labels: Readonly<Record<string, string>> | undefined,
  ofCluster: FirewallPolicy,
): PolicyDecision {
  const { [FIREWALL_ANNOTATION]: asked, [FIREWALL_NODES_ANNOTATION]: nodes } = annotations;
  const policy = asked === undefined ? ofCluster : FIREWALL_POLICIES.find((known) => known === asked);
  if (policy === undefined) {
    const allowed = FIREWALL_POLICIES.join(', ');
    return { policy: 'none', mistake: `annotation ${FIREWALL_ANNOTATION} is ${JSON.stringify(asked)}: use ${allowed}` };
  }
  if (nodes === undefined) return { policy };
  try {
    return matchesLabels(parseLabelSelector(nodes), labels) ? { policy } : { policy: 'none' };
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    return { policy: 'none', mistake: `annotation ${FIREWALL_NODES_ANNOTATION}: ${error.message}` };
  }
}
