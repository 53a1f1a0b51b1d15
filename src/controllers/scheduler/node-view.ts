/** What the scheduler needs to know of a node. Pure. */
import { RUNTIME_CONDITION } from '../../api/core/v1/node.conditions.ts';
import type { Node } from '../../api/core/v1/node.ts';
import type { HostPort } from '../../api/core/v1/pod-spec/host-ports.ts';
import { amountsOf } from '../../api/core/v1/pod-spec/resource-totals.ts';
import { findCondition, isTrue } from '../../api/meta/conditions.ts';
import { equal } from '../equal.ts';
import type { Taint } from '../taints.ts';
import type { Labels, Requests } from './facts.ts';

/** What a Node object says that counts. */
export interface NodeFacts {
  readonly name: string;
  readonly labels: Labels;
  readonly taints: readonly Taint[];
  readonly allocatable: Requests;
  readonly isLeaving: boolean;
  readonly isReady: boolean;
  readonly isCordoned: boolean;
  /** Containers can be run here, not only guests. */
  readonly runsContainers: boolean;
}

/** What pods that have their place on a node take of it. */
export interface Usage {
  readonly pods: number;
  readonly requested: Requests;
  /** The same with a little for pods that name nothing, so that those are spread as well: thousandths, and bytes. */
  readonly estimated: { readonly cpu: number; readonly memory: number };
  readonly hostPorts: readonly HostPort[];
}

/** A node, and what is left of it. */
export interface NodeView extends NodeFacts {
  readonly usage: Usage;
}

/** Reads what counts of a Node. */
export function nodeFacts({ metadata, spec, status }: Node): NodeFacts {
  return {
    name: metadata.name ?? '',
    labels: metadata.labels ?? {},
    taints: (spec?.taints ?? []).map(({ key, value, effect }) => ({ key, effect, ...(value ? { value } : {}) })),
    allocatable: new Map(Object.entries(amountsOf(status?.allocatable))),
    isLeaving: metadata.deletionTimestamp !== undefined,
    isReady: isTrue(status?.conditions, 'Ready'),
    isCordoned: spec?.unschedulable ?? false,
    runsContainers: runsContainers(status),
  };
}

/** A node of Postern's says so itself; one that has a kubelet always does. */
function runsContainers(status: Node['status']): boolean {
  const condition = findCondition(status?.conditions, RUNTIME_CONDITION);
  if (condition !== undefined) return condition.status === 'True';
  return !(status?.nodeInfo?.containerRuntimeVersion ?? '').startsWith('postern://');
}

/** Whether a change of the Node changes nothing that counts: heartbeats do not. */
export function sameNode(a: NodeFacts, b: NodeFacts): boolean {
  return equal({ ...a, allocatable: [...a.allocatable] }, { ...b, allocatable: [...b.allocatable] });
}
