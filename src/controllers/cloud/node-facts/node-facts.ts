/** What of a Node is to be written, by what its provider knows. Pure. */
import type { Node } from '../../../api/core/v1/node.ts';
import type { NodeFacts } from '../provider.ts';

/** Set by whoever starts a node in a cloud, until the cloud has told what it is. https://kubernetes.io/docs/reference/labels-annotations-taints/#node-cloudprovider-kubernetes-io-uninitialized */
export const UNINITIALIZED_TAINT = 'node.cloudprovider.kubernetes.io/uninitialized';

/**
 * A merge patch of the object; undefined: nothing is to be written. Labels and a providerID that are there stay: the node's own
 * agent, or a person, knows better.
 */
export function nodePatch(node: Node, facts: NodeFacts): object | undefined {
  const labels = missingLabels(node, facts);
  const spec = specPatch(node, facts);
  if (labels === undefined && spec === undefined) return undefined;
  const { uid, resourceVersion } = node.metadata;
  return { metadata: { uid, resourceVersion, ...(labels && { labels }) }, ...(spec && { spec }) };
}

/**
 * A merge patch of the status. Of the addresses only the ExternalIPs are the provider's; the others are the node's own agent's,
 * unless it says none at all.
 */
export function nodeStatusPatch(node: Node, facts: NodeFacts): object | undefined {
  const addresses = wantedAddresses(node, facts);
  return addresses && { metadata: { uid: node.metadata.uid }, status: { addresses } };
}

/** What makes it worth asking again what a provider knows of a node. */
export function nodeQuestion({ metadata, spec, status }: Node): string {
  const taint = spec?.taints?.some(({ key }) => key === UNINITIALIZED_TAINT) ?? false;
  return JSON.stringify([metadata.uid, spec?.providerID, taint, status?.addresses]);
}

function missingLabels({ metadata }: Node, { labels }: NodeFacts): Readonly<Record<string, string>> | undefined {
  const missing = Object.entries(labels).filter(([name]) => metadata.labels?.[name] === undefined);
  return missing.length === 0 ? undefined : Object.fromEntries(missing);
}

function specPatch({ spec }: Node, { providerID }: NodeFacts): object | undefined {
  const taints = spec?.taints ?? [];
  const left = taints.filter(({ key }) => key !== UNINITIALIZED_TAINT);
  const next = {
    ...((spec?.providerID ?? '') === '' ? { providerID } : {}),
    ...(left.length === taints.length ? {} : { taints: left.length === 0 ? null : left }),
  };
  return Object.keys(next).length === 0 ? undefined : next;
}

type Addresses = NonNullable<NonNullable<Node['status']>['addresses']>;

/** Undefined: they are as they should be. */
function wantedAddresses({ status }: Node, facts: NodeFacts): Addresses | undefined {
  const current = status?.addresses ?? [];
  const own = current.filter(({ type }) => type !== 'ExternalIP');
  const isSilent = !own.some(({ type }) => type === 'InternalIP');
  const known = facts.addresses.filter(({ type }) => type === 'ExternalIP' || (isSilent && type === 'InternalIP'));
  const wanted = [...own, ...known];
  return printed(wanted) === printed(current) ? undefined : wanted;
}

/** Whatever their order. */
function printed(addresses: Addresses): string {
  return addresses
    .map(({ type, address }) => `${type} ${address}`)
    .sort()
    .join();
}
