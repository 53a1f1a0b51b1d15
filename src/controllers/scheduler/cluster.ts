/**
 * What is on which node: from the API, and ahead of it what has been decided and not been told of yet, so that no room is given
 * away twice. Brought up to date change by change; what a decision costs does not grow with the number of pods.
 */
import type { Node } from '../../api/core/v1/node.ts';
import { isPodFinal } from '../../api/core/v1/pod.status.ts';
import type { Pod } from '../../api/core/v1/pod.ts';
import type { PodAffinityTerm } from '../../api/core/v1/pod-placement.ts';
import { factsOf, type PodFacts, sameFacts } from './facts.ts';
import { NodeUsage } from './node-usage.ts';
import { type NodeFacts, type NodeView, nodeFacts, sameNode } from './node-view.ts';
import { bump, type Counts, type PlacedPod, Tallies, type TallyQuestion } from './tallies.ts';

/** Pods that want none of some others near them, and where they are. One for all pods that say the same. */
export interface Exclusion {
  readonly term: PodAffinityTerm;
  /** One of the pods that say it: the term's labels and namespaces may be its own. */
  readonly of: PodFacts;
  readonly nodes: Counts;
}

/** What a choice is made from. */
export interface ClusterView {
  /** By name. */
  nodes(): readonly NodeView[];
  tally(question: TallyQuestion): Counts;
  /** Pods of a group that are not ending, by node. */
  group(name: string): Counts;
  exclusions(): Iterable<Exclusion>;
}

/** What a change may make possible: nothing, or that pods fit that did not before. */
export type News = 'none' | 'node' | 'pod-arrived' | 'pod-left';

const NOWHERE: Counts = new Map();

/** What is on which node, brought up to date change by change. */
export class Cluster implements ClusterView {
  readonly #nodes = new Map<string, NodeFacts>();
  readonly #usage = new Map<string, NodeUsage>();
  readonly #placed = new Map<string, PlacedPod & { readonly isAssumed: boolean }>();
  readonly #groups = new Map<string, Map<string, number>>();
  readonly #exclusions = new Map<string, Exclusion & { readonly nodes: Map<string, number> }>();
  readonly #tallies = new Tallies();
  #views: readonly NodeView[] | undefined;

  nodes(): readonly NodeView[] {
    this.#views ??= [...this.#nodes.values()]
      .sort((a, b) => (a.name < b.name ? -1 : 1))
      .map((facts) => ({ ...facts, usage: this.#usageOf(facts.name) }));
    return this.#views;
  }

  tally(question: TallyQuestion): Counts {
    return this.#tallies.of(question);
  }

  group(name: string): Counts {
    return this.#groups.get(name) ?? NOWHERE;
  }

  exclusions(): Iterable<Exclusion> {
    return this.#exclusions.values();
  }

  /** Takes over what the API says of a node. */
  setNode(name: string, node: Node | undefined): News {
    const before = this.#nodes.get(name);
    const facts = node === undefined ? undefined : nodeFacts(node);
    if (before === facts || (before && facts && sameNode(before, facts))) return 'none';
    if (facts === undefined) this.#nodes.delete(name);
    else this.#nodes.set(name, facts);
    if (facts === undefined && this.#usage.get(name)?.pods === 0) this.#usage.delete(name);
    this.#views = undefined;
    return 'node';
  }

  /** Takes over what the API says of a pod; undefined: it is gone. */
  setPod(key: string, pod: Pod | undefined): News {
    const placed = this.#placed.get(key);
    const nodeName = pod === undefined || isPodFinal(pod) ? '' : (pod.spec?.nodeName ?? '');
    if (pod === undefined || nodeName === '') {
      // One that waits may have been given a place that the API has not told of yet.
      const isStillAssumed = placed?.isAssumed && pod?.metadata.uid === placed.facts.uid && !isPodFinal(pod);
      if (placed === undefined || isStillAssumed) return 'none';
      this.#remove(key, placed);
      return 'pod-left';
    }
    const facts = factsOf(pod);
    if (placed !== undefined && placed.nodeName === nodeName && sameFacts(placed.facts, facts)) {
      if (placed.isAssumed) this.#placed.set(key, { ...placed, isAssumed: false });
      return 'none';
    }
    if (placed !== undefined) this.#remove(key, placed);
    this.#add(key, { facts, nodeName, isAssumed: false });
    return placed === undefined ? 'pod-arrived' : 'pod-left';
  }

  /** Counts a pod on a node before the API says that it is there, until {@link giveUp}. */
  assume(facts: PodFacts, nodeName: string): void {
    this.giveUp(facts);
    this.#add(facts.key, { facts, nodeName, isAssumed: true });
  }

  /** Takes an assumption back. Does nothing when the API has confirmed it. */
  giveUp({ key, uid }: PodFacts): void {
    const placed = this.#placed.get(key);
    if (placed?.isAssumed && placed.facts.uid === uid) this.#remove(key, placed);
  }

  isPlaced(key: string, uid: string): boolean {
    return this.#placed.get(key)?.facts.uid === uid;
  }

  #add(key: string, placed: PlacedPod & { readonly isAssumed: boolean }): void {
    this.#placed.set(key, placed);
    this.#usageOf(placed.nodeName).add(placed.facts);
    this.#tallies.add(placed);
    this.#count(placed, 1);
  }

  #remove(key: string, placed: PlacedPod): void {
    this.#placed.delete(key);
    const usage = this.#usageOf(placed.nodeName);
    usage.remove(placed.facts);
    if (usage.pods === 0 && !this.#nodes.has(placed.nodeName)) this.#usage.delete(placed.nodeName);
    this.#tallies.remove(placed);
    this.#count(placed, -1);
  }

  #usageOf(nodeName: string): NodeUsage {
    const usage = this.#usage.get(nodeName) ?? new NodeUsage();
    this.#usage.set(nodeName, usage);
    return usage;
  }

  #count({ facts, nodeName }: PlacedPod, by: 1 | -1): void {
    if (facts.group !== undefined && !facts.isEnding) {
      const counts = this.#groups.get(facts.group) ?? new Map<string, number>();
      bump(counts, nodeName, by);
      if (counts.size === 0) this.#groups.delete(facts.group);
      else this.#groups.set(facts.group, counts);
    }
    for (const term of facts.exclusions) {
      const key = exclusionKey(term, facts);
      const exclusion = this.#exclusions.get(key) ?? { term, of: facts, nodes: new Map<string, number>() };
      bump(exclusion.nodes, nodeName, by);
      if (exclusion.nodes.size === 0) this.#exclusions.delete(key);
      else this.#exclusions.set(key, exclusion);
    }
  }
}

/** Equal for terms that mean the same pods: some take their meaning from the pod that has them. */
function exclusionKey(term: PodAffinityTerm, { namespace, labels }: PodFacts): string {
  const keys = [...(term.matchLabelKeys ?? []), ...(term.mismatchLabelKeys ?? [])];
  return JSON.stringify([namespace, term, keys.map((key) => labels[key])]);
}
