/** What an agent may say of what runs on its node. */
import type { Pod } from '../../api/core/v1/pod.ts';
import type { VirtualMachineInstance } from '../../api/kubevirt/v1/virtualmachineinstance.ts';
import { sameValue } from '../../api/value.ts';
import type { NodeWrite } from './node-restriction.ts';

/** Pods: their status, and their end. */
export function restrictedPod({ node, name, old, next, subresource }: NodeWrite): string | undefined {
  const [before, after] = [old as Pod | undefined, next as Pod | undefined];
  if (before === undefined) return `node ${JSON.stringify(node)} does not make pods`;
  const owner = before.spec?.nodeName ?? '';
  if (owner !== node) {
    return `node ${JSON.stringify(node)} can only change pods with spec.nodeName set to itself, and ${JSON.stringify(name)} has ${JSON.stringify(owner)}`;
  }
  if (subresource !== 'status' || after === undefined) return undefined;
  const isKept = sameValue(before.metadata.labels ?? {}, after.metadata.labels ?? {});
  return isKept ? undefined : `node ${JSON.stringify(node)} cannot change the labels of pods`;
}

/** Guests: their status, on the node that they are on. */
export function restrictedInstance({ node, old, next, subresource }: NodeWrite): string | undefined {
  const nodes = [old, next].map((object) => (object as VirtualMachineInstance | undefined)?.status?.nodeName);
  const isOwn = subresource === 'status' && nodes.every((name) => name === node);
  return isOwn ? undefined : `node ${JSON.stringify(node)} can only change the status of guests that it runs`;
}

/** Events say who reports: nobody else may be named. */
export function restrictedEvent({ node, old, next }: NodeWrite): string | undefined {
  const named = [old, next].map((object) => (object as { source?: { host?: string } } | undefined)?.source?.host);
  const other = named.find((host) => host !== undefined && host !== '' && host !== node);
  return other === undefined
    ? undefined
    : `node ${JSON.stringify(node)} cannot speak for node ${JSON.stringify(other)}`;
}
