/** What is done next with the replica sets of a deployment. Pure. */
import { Deployment } from '../../api/apps/v1/deployment.ts';
import { ReplicaSet } from '../../api/apps/v1/replicaset.ts';
import { equal } from '../equal.ts';
import { ownerReference } from '../ownership.ts';
import { type Limits, limitsOf } from './limits.ts';
import { currentAnnotations, isOutdated, revisionOf, sizeAnnotations } from './revision.ts';
import { byAge, type Split, sizeOf, split, sum } from './sets.ts';
import { proportionalSizes, recreateSizes, rollingSizes, type Sizes } from './sizes.ts';
import { HASH_LABEL, templateHash, withHash } from './template.ts';

/** What is to be written next. */
export type Change =
  | { readonly kind: 'create'; readonly set: ReplicaSet }
  /** `set` is as it will be; `from` is how many pods it asked for. */
  | { readonly kind: 'update'; readonly set: ReplicaSet; readonly from: number }
  | { readonly kind: 'delete'; readonly set: ReplicaSet };

/** What a step is decided from. */
export interface Situation {
  readonly deployment: Deployment;
  /** Those that the deployment controls. */
  readonly sets: readonly ReplicaSet[];
  /** Whether any pod of these sets is left that has not ended, those on their way out included. */
  readonly hasPods: (sets: readonly ReplicaSet[]) => boolean;
}

/**
 * The next step towards what the deployment asks for. Each step leaves as many pods as its strategy allows, and begins when
 * every set tells what became of the last.
 */
export function desiredChanges({ deployment, sets, hasPods }: Situation): readonly Change[] {
  // How many pods a set has is not known while it may be making or deleting some by what it was told before.
  if (!sets.every(isObserved)) return [];
  const limits = limitsOf(deployment);
  const { paused = false, strategy } = deployment.spec;
  const isRecreate = strategy?.type === 'Recreate';
  const found = split(deployment, sets);
  const isScaled = sets.some((set) => sizeOf(set) > 0 && isOutdated(set, limits.replicas));
  const oldPods = isRecreate && (sum(found.old, statusReplicas) > 0 || hasPods(found.old));
  // Nothing of the new template is made while all stands still, or while old pods are to go first.
  const mayMake = !paused && !isScaled && !(isRecreate && (oldPods || sum(found.old, sizeOf) > 0));
  const current = found.current ?? (mayMake ? newSet(deployment) : undefined);
  const now: Split = { current, old: found.old };
  const sizes = sizesOf(now, { limits, paused: paused || isScaled, isRecreate, oldPods, deployment });
  const changes = [
    ...(current === undefined ? [] : changeOf(current, found, { deployment, limits, sizes })),
    ...found.old.flatMap((set) => changeOf(set, undefined, { deployment, limits, sizes })),
  ];
  const isDone = paused || isComplete(deployment, found, sizes);
  return isDone ? [...changes, ...superfluous(deployment, found.old)] : changes;
}

interface Sizing {
  readonly deployment: Deployment;
  readonly limits: Limits;
  readonly paused: boolean;
  readonly isRecreate: boolean;
  readonly oldPods: boolean;
}

function sizesOf(sets: Split, { limits, paused, isRecreate, oldPods, deployment }: Sizing): Sizes {
  if (paused) return proportionalSizes(sets, limits, deployment.status?.replicas ?? 0);
  if (isRecreate) return recreateSizes(sets, limits.replicas, oldPods);
  return sets.current === undefined ? new Map() : rollingSizes(sets.current, sets.old, limits);
}

interface Wanted {
  readonly deployment: Deployment;
  readonly limits: Limits;
  readonly sizes: Sizes;
}

/** What brings one set in line; `found` is given for the one of the present template. */
function changeOf(set: ReplicaSet, found: Split | undefined, { deployment, limits, sizes }: Wanted): readonly Change[] {
  const from = sizeOf(set);
  const replicas = sizes.get(set.metadata.name ?? '') ?? from;
  const isNew = found !== undefined && found.current === undefined;
  const annotations = {
    ...(found === undefined ? set.metadata.annotations : currentAnnotations(deployment, set, found.old)),
    ...(replicas > 0 || replicas !== from || isNew ? sizeAnnotations(limits) : {}),
  };
  const next: ReplicaSet = {
    ...set,
    metadata: { ...set.metadata, annotations },
    spec: { ...(found === undefined ? set.spec : readyAfter(set.spec, deployment)), replicas },
  };
  if (isNew) return [{ kind: 'create', set: next }];
  const same = equal(next.spec, set.spec) && equal(annotations, set.metadata.annotations ?? {});
  return same ? [] : [{ kind: 'update', set: next, from }];
}

function readyAfter(spec: ReplicaSet['spec'], deployment: Deployment): ReplicaSet['spec'] {
  const { minReadySeconds: _, ...rest } = spec;
  const { minReadySeconds } = deployment.spec;
  return minReadySeconds === undefined ? rest : { ...rest, minReadySeconds };
}

/** A set of the deployment's template, that asks for no pods yet. */
function newSet(deployment: Deployment): ReplicaSet {
  const { metadata, spec, status } = deployment;
  const hash = templateHash(spec.template, status?.collisionCount ?? 0);
  const template = withHash(spec.template, hash);
  const { selector } = spec;
  return {
    apiVersion: ReplicaSet.apiVersion,
    kind: ReplicaSet.kind,
    metadata: {
      name: `${metadata.name}-${hash}`,
      ...(metadata.namespace === undefined ? {} : { namespace: metadata.namespace }),
      labels: template.metadata?.labels ?? {},
      ownerReferences: [ownerReference({ kind: Deployment, object: deployment })],
    },
    spec: {
      replicas: 0,
      selector: { ...selector, matchLabels: { ...selector.matchLabels, [HASH_LABEL]: hash } },
      template,
    },
  };
}

/** Whether all pods are of the present template, and serve. */
function isComplete({ spec }: Deployment, { current, old }: Split, sizes: Sizes): boolean {
  const { replicas = 1 } = spec;
  if (current === undefined || sum(old, statusReplicas) > 0) return false;
  const { status } = current;
  const settled = sizes.get(current.metadata.name ?? '') === sizeOf(current);
  return settled && status?.replicas === replicas && status.availableReplicas === replicas;
}

/** Old sets beyond those that are kept to go back to. */
function superfluous({ spec }: Deployment, old: readonly ReplicaSet[]): readonly Change[] {
  const { revisionHistoryLimit: limit } = spec;
  const kept = old.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  if (limit === undefined || kept.length <= limit) return [];
  const sorted = [...kept].sort((a, b) => revisionOf(a) - revisionOf(b) || byAge(a, b));
  return sorted
    .slice(0, kept.length - limit)
    .filter(isUnused)
    .map((set) => ({ kind: 'delete', set }));
}

function isUnused(set: ReplicaSet): boolean {
  return sizeOf(set) === 0 && statusReplicas(set) === 0;
}

/** Whether a set's status is of what it was last told to be. */
function isObserved({ metadata, status }: ReplicaSet): boolean {
  return (status?.observedGeneration ?? 0) >= (metadata.generation ?? 0);
}

function statusReplicas({ status }: ReplicaSet): number {
  return status?.replicas ?? 0;
}
