/** Which nodes a load balancer outside the cluster may lead to. Pure. */
import type { Node } from '../../../api/core/v1/node.ts';
import { isTrue } from '../../../api/meta/conditions.ts';
import { EXCLUDE_LABEL, isBeingDrained } from '../../../api/metallb/v1beta1/announcers.ts';

/**
 * Nodes that are ready and stay, sorted by name. When none is ready, all that stay: more likely it is the control plane that
 * does not hear from them, and the load balancer's own health checks know better.
 */
export function backendNodes(nodes: readonly Node[]): readonly Node[] {
  const staying = nodes.filter(mayBeBackend).toSorted((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
  const ready = staying.filter(({ status }) => isTrue(status?.conditions, 'Ready'));
  return ready.length > 0 ? ready : staying;
}

/** https://kubernetes.io/docs/reference/labels-annotations-taints/#node-kubernetes-io-exclude-from-external-load-balancers */
function mayBeBackend(node: Node): boolean {
  const { metadata, spec } = node;
  if (metadata.deletionTimestamp !== undefined || metadata.labels?.[EXCLUDE_LABEL] !== undefined) return false;
  // A cordoned node goes on serving: only what the cluster autoscaler is about to remove leaves.
  return !isBeingDrained({ ...node, spec: { ...spec, unschedulable: false } });
}

/** What of nodes is seen at a provider: where this is the same, nothing has changed there. */
export function backendFacts(nodes: readonly Node[], { labels }: { readonly labels: boolean }): string {
  const facts = nodes.map(({ metadata, spec, status }) => [
    metadata.name,
    metadata.uid,
    spec?.providerID,
    (status?.addresses ?? []).filter(({ type }) => type !== 'Hostname').map(({ address }) => address),
    ...(labels ? [Object.entries(metadata.labels ?? {}).sort()] : []),
  ]);
  return JSON.stringify(facts);
}

function nameOf({ metadata }: Node): string {
  return metadata.name ?? '';
}
