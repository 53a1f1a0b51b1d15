/**
 * How many pods that a selector means are on each node. A tally is counted once and kept current while it is asked for, so
 * that asking again, for the next pod of the same controller, costs nothing.
 */
import type { PodFacts } from './facts.ts';
import { isMeant, type PodMatcher } from './terms.ts';

/** Tallies kept at a time; the one that was longest not asked for goes. */
const KEPT = 64;

/** A pod and its node. */
export interface PlacedPod {
  readonly facts: PodFacts;
  readonly nodeName: string;
}

/** Which pods are counted. */
export interface TallyQuestion {
  readonly matcher: PodMatcher;
  /** Whether pods that have been asked to end count, too. */
  readonly ending: boolean;
}

/** Numbers of pods by node; one without any is not in it. */
export type Counts = ReadonlyMap<string, number>;

interface Tally extends TallyQuestion {
  readonly counts: Map<string, number>;
}

/** The pods that have their place, and the counts that are asked for. */
export class Tallies {
  readonly #byNamespace = new Map<string, Set<PlacedPod>>();
  readonly #tallies = new Map<string, Tally>();

  add(pod: PlacedPod): void {
    const { namespace } = pod.facts;
    const pods = this.#byNamespace.get(namespace) ?? new Set();
    this.#byNamespace.set(namespace, pods.add(pod));
    for (const tally of this.#tallies.values()) if (isCounted(tally, pod)) bump(tally.counts, pod.nodeName, 1);
  }

  remove(pod: PlacedPod): void {
    const pods = this.#byNamespace.get(pod.facts.namespace);
    if (pods?.delete(pod) && pods.size === 0) this.#byNamespace.delete(pod.facts.namespace);
    for (const tally of this.#tallies.values()) if (isCounted(tally, pod)) bump(tally.counts, pod.nodeName, -1);
  }

  /** Pods that are meant, by the name of their node. */
  of(question: TallyQuestion): Counts {
    const key = `${question.ending} ${question.matcher.text}`;
    const tally = this.#tallies.get(key) ?? this.#count(question);
    this.#tallies.delete(key);
    this.#tallies.set(key, tally);
    const oldest = this.#tallies.size > KEPT ? this.#tallies.keys().next().value : undefined;
    if (oldest !== undefined) this.#tallies.delete(oldest);
    return tally.counts;
  }

  #count(question: TallyQuestion): Tally {
    const tally = { ...question, counts: new Map<string, number>() };
    for (const namespace of question.matcher.namespaces ?? this.#byNamespace.keys()) {
      for (const pod of this.#byNamespace.get(namespace) ?? []) {
        if (isCounted(tally, pod)) bump(tally.counts, pod.nodeName, 1);
      }
    }
    return tally;
  }
}

/** Adds to a count; what comes to nothing is forgotten. */
export function bump(counts: Map<string, number>, key: string, by: number): void {
  const count = (counts.get(key) ?? 0) + by;
  if (count === 0) counts.delete(key);
  else counts.set(key, count);
}

function isCounted({ matcher, ending }: TallyQuestion, { facts }: PlacedPod): boolean {
  return (ending || !facts.isEnding) && isMeant(matcher, facts);
}
