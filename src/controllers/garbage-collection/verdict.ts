/** What should become of an object, from what has become of its owners. Pure. */
import type { KubeObject, OwnerReference } from '../../api/meta/v1.ts';

/** Finalizers by which a delete says what should become of the dependents. */
export const FOREGROUND_FINALIZER = 'foregroundDeletion';
export const ORPHAN_FINALIZER = 'orphan';

/**
 * How an owner is: `solid`, `absent`, or `waiting` for its dependents to go first. `unknown` when we do not serve its
 * kind: then we do not judge.
 */
export type OwnerState = 'solid' | 'absent' | 'waiting' | 'unknown';

export type Verdict =
  | { readonly kind: 'keep' }
  /** Some owners are left: only the references to the others go. */
  | { readonly kind: 'forget-owners'; readonly keep: readonly OwnerReference[] }
  | { readonly kind: 'delete'; readonly policy: 'Background' | 'Foreground' };

/** https://kubernetes.io/docs/concepts/architecture/garbage-collection/ */
export function judge(object: KubeObject, stateOf: (owner: OwnerReference) => OwnerState): Verdict {
  const owners = object.metadata.ownerReferences ?? [];
  if (owners.length === 0 || object.metadata.deletionTimestamp !== undefined) return { kind: 'keep' };
  const keep = owners.filter((owner) => stateOf(owner) === 'solid' || stateOf(owner) === 'unknown');
  if (keep.length === owners.length) return { kind: 'keep' };
  if (keep.length > 0) return { kind: 'forget-owners', keep };
  // An owner that waits for its dependents wants theirs to be gone first, too.
  const waits = owners.some((owner) => stateOf(owner) === 'waiting');
  return { kind: 'delete', policy: waits ? 'Foreground' : 'Background' };
}

/** Whether an object waits, in its deletion, for its dependents to be deleted or to be let go. */
export function waitsFor(object: KubeObject): 'dependents' | 'orphaning' | undefined {
  const { deletionTimestamp, finalizers = [] } = object.metadata;
  if (deletionTimestamp === undefined) return undefined;
  if (finalizers.includes(ORPHAN_FINALIZER)) return 'orphaning';
  return finalizers.includes(FOREGROUND_FINALIZER) ? 'dependents' : undefined;
}

/** Whether a dependent holds up the foreground deletion of an owner. */
export function blocks(dependent: KubeObject, ownerUID: string): boolean {
  return (dependent.metadata.ownerReferences ?? []).some(
    (owner) => owner.uid === ownerUID && owner.blockOwnerDeletion === true,
  );
}
