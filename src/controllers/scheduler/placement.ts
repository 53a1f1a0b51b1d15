/**
 * Which node a pod is placed on. Pure: the same pod and cluster give the same answer.
 * https://kubernetes.io/docs/concepts/scheduling-eviction/kube-scheduler/
 */
import type { ClusterView } from './cluster.ts';
import type { WaitingPod } from './facts.ts';
import type { Filter, Surroundings } from './filters/filter.ts';
import { nodeAffinityFilter } from './filters/node-affinity.ts';
import { nodeStateFilter } from './filters/node-state.ts';
import { exclusionFilter, podAffinityFilter, podAntiAffinityFilter } from './filters/pod-affinity.ts';
import { hostPortFilter, roomFilter } from './filters/room.ts';
import { spreadFilter } from './filters/spread.ts';
import { excessOf } from './limits.ts';
import type { NodeView } from './node-view.ts';
import { type Hindrance, printRefusals, type Refusal } from './refusal.ts';
import type { Score } from './scores/score.ts';
import {
  groupScore,
  nodeAffinityScore,
  podAffinityScore,
  roomScore,
  spreadScore,
  taintScore,
} from './scores/scores.ts';

/** The node that suits a pod best, or why there is none. */
export type Placement =
  | { readonly kind: 'node'; readonly name: string }
  | {
      readonly kind: 'unschedulable';
      readonly message: string;
      /** What may change so that it fits. */
      readonly hindrances: ReadonlySet<Hindrance>;
    };

/** In the order in which they are asked; the first that refuses a node speaks for it. */
const FILTERS: readonly Filter[] = [
  nodeStateFilter,
  nodeAffinityFilter,
  hostPortFilter,
  roomFilter,
  spreadFilter,
  podAffinityFilter,
  podAntiAffinityFilter,
  exclusionFilter,
];

/** Weights are those of Kubernetes' scheduler, where it has the same. */
const SCORES: readonly (readonly [weight: number, score: Score])[] = [
  [3, taintScore],
  [2, nodeAffinityScore],
  [2, podAffinityScore],
  [2, spreadScore],
  [2, groupScore],
  [1, roomScore],
];

/** The best of the nodes that take the pod, of equals the first by name. */
export function choosePlacement(pod: WaitingPod, cluster: ClusterView, surroundings: Surroundings): Placement {
  const nodes = cluster.nodes();
  const excess = excessOf(pod.spec);
  if (excess !== undefined) return { kind: 'unschedulable', message: excess, hindrances: new Set() };
  const filters = FILTERS.flatMap((filter) => filter(pod, cluster, surroundings) ?? []);
  const fitting: NodeView[] = [];
  const refusals: Refusal[] = [];
  for (const node of nodes) {
    const refusal = firstRefusal(node, filters);
    if (refusal === undefined) fitting.push(node);
    else refusals.push(refusal);
  }
  const best = fitting.length > 1 ? bestOf(fitting, pod, cluster, surroundings) : fitting[0];
  if (best !== undefined) return { kind: 'node', name: best.name };
  const hindrances = new Set(refusals.map(({ hindrance }) => hindrance));
  return { kind: 'unschedulable', message: printRefusals(refusals, nodes.length), hindrances };
}

function firstRefusal(
  node: NodeView,
  filters: readonly ((node: NodeView) => Refusal | undefined)[],
): Refusal | undefined {
  for (const filter of filters) {
    const refusal = filter(node);
    if (refusal !== undefined) return refusal;
  }
  return undefined;
}

function bestOf(
  nodes: readonly NodeView[],
  pod: WaitingPod,
  cluster: ClusterView,
  surroundings: Surroundings,
): NodeView | undefined {
  const totals = nodes.map(() => 0);
  for (const [weight, score] of SCORES) {
    const points = score(pod, cluster, surroundings);
    if (points === undefined) continue;
    const shares = normalised(nodes.map(points));
    for (const [i, share] of shares.entries()) totals[i] = (totals[i] ?? 0) + weight * share;
  }
  return nodes[totals.indexOf(Math.max(...totals))];
}

/** Points as shares of the way from the worst to the best of them. Where all are alike, none counts. */
function normalised(points: readonly number[]): readonly number[] {
  const worst = Math.min(...points);
  const range = Math.max(...points) - worst;
  return points.map((each) => (range === 0 ? 0 : (each - worst) / range));
}
