/** What an agent may say of its Node. */
import type { Node } from '../../api/core/v1/node.ts';
import { sameValue } from '../../api/value.ts';
import type { NodeWrite } from './node-restriction.ts';

/** Labels of Kubernetes' own names that nodes may give themselves. */
const OWN_LABELS = new Set([
  'kubernetes.io/hostname',
  'kubernetes.io/arch',
  'kubernetes.io/os',
  'beta.kubernetes.io/instance-type',
  'node.kubernetes.io/instance-type',
  'failure-domain.beta.kubernetes.io/region',
  'failure-domain.beta.kubernetes.io/zone',
  'topology.kubernetes.io/region',
  'topology.kubernetes.io/zone',
  'beta.kubernetes.io/os',
  'beta.kubernetes.io/arch',
]);
const OWN_DOMAINS = ['kubelet.kubernetes.io', 'node.kubernetes.io'];
/** Labels by which workloads are kept to trusted nodes: only others give them. */
const RESTRICTED_DOMAIN = 'node-restriction.kubernetes.io';

export function restrictedNode({ node, name, old, next, subresource }: NodeWrite): string | undefined {
  if (name !== node) return `node ${JSON.stringify(node)} is not allowed to modify node ${JSON.stringify(name)}`;
  const [before, after] = [old as Node | undefined, next as Node | undefined];
  if (after === undefined) return `node ${JSON.stringify(node)} is not allowed to delete itself`;
  if (subresource === 'status') return undefined;
  if (before !== undefined && !sameValue(before.spec?.taints ?? [], after.spec?.taints ?? [])) {
    return `node ${JSON.stringify(node)} is not allowed to modify taints`;
  }
  // Packets to a prefix are sent to the node that has it.
  if (!sameValue(before?.spec?.podCIDRs ?? [], after.spec?.podCIDRs ?? [])) {
    return `node ${JSON.stringify(node)} is not allowed to give itself podCIDRs`;
  }
  if ((after.metadata.ownerReferences ?? []).length > (before?.metadata.ownerReferences ?? []).length) {
    return `node ${JSON.stringify(node)} is not allowed to set ownerReferences`;
  }
  const forbidden = changedLabels(before, after).filter((label) => !mayLabel(label));
  if (forbidden.length === 0) return undefined;
  return `is not allowed to modify labels: ${forbidden.join(', ')}`;
}

function changedLabels(before: Node | undefined, after: Node): readonly string[] {
  const [from, to] = [before?.metadata.labels ?? {}, after.metadata.labels ?? {}];
  return [...new Set([...Object.keys(from), ...Object.keys(to)])].filter((label) => from[label] !== to[label]).sort();
}

/** Labels of others' names are the node's own affair, those of Kubernetes' only where they tell of the machine. */
function mayLabel(label: string): boolean {
  const slash = label.indexOf('/');
  const domain = slash < 0 ? '' : label.slice(0, slash);
  const isIn = (parent: string) => domain === parent || domain.endsWith(`.${parent}`);
  if (isIn(RESTRICTED_DOMAIN)) return false;
  if (!isIn('kubernetes.io') && !isIn('k8s.io')) return true;
  return OWN_LABELS.has(label) || OWN_DOMAINS.some(isIn);
}
