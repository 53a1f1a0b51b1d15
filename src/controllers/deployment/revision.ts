/** What a deployment notes on its replica sets: which revision each is, and what was wanted when it was last sized. Pure. */
import type { Deployment } from '../../api/apps/v1/deployment.ts';
import type { ReplicaSet } from '../../api/apps/v1/replicaset.ts';
import type { Limits } from './limits.ts';

/** https://kubernetes.io/docs/reference/labels-annotations-taints/#deployment-kubernetes-io-revision */
export const REVISION = 'deployment.kubernetes.io/revision';
/** Revisions that the set had before, when the deployment went back to it. */
const HISTORY = 'deployment.kubernetes.io/revision-history';
const DESIRED = 'deployment.kubernetes.io/desired-replicas';
const MAX = 'deployment.kubernetes.io/max-replicas';
/** Longest text of former revisions. */
const HISTORY_MAX = 2000;

/** Annotations of a deployment that say nothing about its pods, and of a set that are not the deployment's. */
const OWN = [
  'kubectl.kubernetes.io/last-applied-configuration',
  REVISION,
  HISTORY,
  DESIRED,
  MAX,
  'deprecated.deployment.rollback.to',
];

type Annotations = Readonly<Record<string, string>>;

/** 0 when the set has none. */
export function revisionOf({ metadata }: ReplicaSet): number {
  const revision = Number(metadata.annotations?.[REVISION] ?? 0);
  return Number.isSafeInteger(revision) ? revision : 0;
}

/** How many pods there might be in all when the set was last sized. */
export function maxReplicasOf(set: ReplicaSet): number | undefined {
  return numberIn(set, MAX);
}

/** Whether the deployment wants another number of pods than when the set was last sized. */
export function isOutdated(set: ReplicaSet, replicas: number): boolean {
  const desired = numberIn(set, DESIRED);
  return desired !== undefined && desired !== replicas;
}

function numberIn({ metadata }: ReplicaSet, name: string): number | undefined {
  const text = metadata.annotations?.[name];
  return text !== undefined && /^[0-9]{1,9}$/.test(text) ? Number(text) : undefined;
}

/** The annotations of the set of the present template: those of the deployment, and the next revision when it is new. */
export function currentAnnotations({ metadata }: Deployment, set: ReplicaSet, old: readonly ReplicaSet[]): Annotations {
  const before = set.metadata.annotations ?? {};
  const passed = Object.entries(metadata.annotations ?? {}).filter(([name]) => !OWN.includes(name));
  const annotations = { ...before, ...Object.fromEntries(passed) };
  const next = Math.max(0, ...old.map(revisionOf)) + 1;
  const revision = revisionOf(set);
  if (revision >= next) return annotations;
  return { ...annotations, [REVISION]: String(next), ...(revision === 0 ? {} : history(before[HISTORY], revision)) };
}

function history(before: string | undefined, revision: number): Annotations {
  const revisions = [...(before === undefined ? [] : before.split(',')), String(revision)];
  while (revisions.join(',').length > HISTORY_MAX) revisions.shift();
  return { [HISTORY]: revisions.join(',') };
}

/** What is noted on a set that is sized. */
export function sizeAnnotations({ replicas, maxSurge }: Limits): Annotations {
  return { [DESIRED]: String(replicas), [MAX]: String(replicas + maxSurge) };
}
