/** Which node a guest runs on. Pure: the same nodes and counts give the same answer. */
import type { Node } from '../../api/core/v1/node.ts';
import type { VirtualMachineInstance } from '../../api/kubevirt/v1/virtualmachineinstance.ts';
import { isTrue } from '../../api/meta/conditions.ts';

export type Placement =
  | { readonly kind: 'node'; readonly name: string }
  /** Says of each node why not. */
  | { readonly kind: 'unschedulable'; readonly message: string };

/** Nodes named in a message; a large cluster's would fill the screen. */
const NAMED = 10;

/** The fitting node with the fewest guests, of those the first by name. */
export function chooseNode(
  vmi: VirtualMachineInstance,
  nodes: readonly Node[],
  guestsOn: (nodeName: string) => number,
): Placement {
  const refusals: string[] = [];
  let best: { readonly name: string; readonly guests: number } | undefined;
  for (const node of [...nodes].sort(byName)) {
    const name = node.metadata.name ?? '';
    const refusal = whyNot(vmi, node);
    if (refusal !== undefined) {
      refusals.push(`${name} ${refusal}`);
      continue;
    }
    const guests = guestsOn(name);
    if (best === undefined || guests < best.guests) best = { name, guests };
  }
  return best === undefined ? unschedulable(refusals) : { kind: 'node', name: best.name };
}

/** Why a node does not take a guest; undefined when it does. */
function whyNot(vmi: VirtualMachineInstance, node: Node): string | undefined {
  if (node.metadata.deletionTimestamp !== undefined) return 'is being deleted';
  if (!isTrue(node.status?.conditions, 'Ready')) return 'is not ready';
  if (node.spec?.unschedulable) return 'is cordoned (kubectl uncordon makes it schedulable)';
  for (const [key, value] of Object.entries(vmi.spec.nodeSelector ?? {})) {
    if (node.metadata.labels?.[key] !== value) return `lacks the label ${key}=${value} that the nodeSelector asks for`;
  }
  const taint = node.spec?.taints?.find((each) => each.effect !== 'PreferNoSchedule' && !tolerates(vmi, each));
  return taint === undefined ? undefined : `has the taint ${printTaint(taint)} that the guest does not tolerate`;
}

type Taint = NonNullable<NonNullable<Node['spec']>['taints']>[number];

/** https://kubernetes.io/docs/concepts/scheduling-eviction/taint-and-toleration/ */
function tolerates(vmi: VirtualMachineInstance, taint: Taint): boolean {
  const tolerations = (vmi.spec as Readonly<Record<string, unknown>>)['tolerations'];
  return (Array.isArray(tolerations) ? tolerations : []).some((entry: unknown) => {
    const { key = '', operator = 'Equal', value = '', effect = '' } = (entry ?? {}) as Record<string, unknown>;
    if (effect !== '' && effect !== taint.effect) return false;
    if (operator === 'Exists') return key === '' || key === taint.key;
    return key === taint.key && value === (taint.value ?? '');
  });
}

function printTaint({ key, value, effect }: Taint): string {
  return `${key}${value ? `=${value}` : ''}:${effect}`;
}

function unschedulable(refusals: readonly string[]): Placement {
  if (refusals.length === 0) {
    return { kind: 'unschedulable', message: '0/0 nodes are available: no node has joined the cluster yet' };
  }
  const named = refusals.slice(0, NAMED).join('; ');
  const more = refusals.length > NAMED ? `; and ${refusals.length - NAMED} more` : '';
  return { kind: 'unschedulable', message: `0/${refusals.length} nodes are available: ${named}${more}` };
}

function byName(a: Node, b: Node): number {
  return (a.metadata.name ?? '') < (b.metadata.name ?? '') ? -1 : 1;
}
