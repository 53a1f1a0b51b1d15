/**
 * Whose an object is, and which objects a controller's selector makes its own: those it made, as long as they are
 * selected, and selected ones that nobody controls. https://kubernetes.io/docs/concepts/overview/working-with-objects/owners-dependents/
 */
import type { Kind } from '../api/kind.ts';
import { type KubeObject, keyOf, type OwnerReference } from '../api/meta/v1.ts';
import { matchesLabels, type Selector } from '../api/selectors.ts';
import { conflict } from '../api/status.ts';
import type { Client } from '../client/client.ts';

/** Whoever controls an object; undefined when nobody does. */
export function controllerOf({ metadata }: KubeObject): OwnerReference | undefined {
  return metadata.ownerReferences?.find(({ controller }) => controller === true);
}

/** The UID of whoever controls an object; '' when nobody does. */
export function controllerUID(object: KubeObject): string {
  return controllerOf(object)?.uid ?? '';
}

/** The reference by which an object is controlled by `owner`. */
export function ownerReference<T extends KubeObject>({ kind, object }: Owner<T>): OwnerReference {
  const { name = '', uid = '' } = object.metadata;
  return { apiVersion: kind.apiVersion, kind: kind.kind, name, uid, controller: true, blockOwnerDeletion: true };
}

/** An object that controls others, and its kind. */
export interface Owner<T extends KubeObject> {
  readonly kind: Kind<T>;
  readonly object: T;
}

/** Which objects an owner has, takes over and lets go. */
export interface Claims<T> {
  /** Belong to the owner already. */
  readonly own: readonly T[];
  /** To be taken over, as they will be. */
  readonly adopt: readonly T[];
  /** To be let go, as they will be. */
  readonly release: readonly T[];
}

/** Which of those that refer to the owner, and of those that nobody controls (`free`), are its own. Pure. */
export function claims<O extends KubeObject, T extends KubeObject>(
  owner: Owner<O>,
  selector: Selector,
  { controlled, free }: { readonly controlled: readonly T[]; readonly free: readonly T[] },
): Claims<T> {
  // What an owner that is going has is the garbage collector's.
  const { uid, deletionTimestamp } = owner.object.metadata;
  if (deletionTimestamp !== undefined) return { own: controlled, adopt: [], release: [] };
  const isSelected = ({ metadata }: T) => matchesLabels(selector, metadata.labels);
  const stays = ({ metadata }: T) => metadata.deletionTimestamp === undefined;
  return {
    own: controlled.filter(isSelected),
    adopt: free
      .filter((object) => isSelected(object) && stays(object))
      .map((object) => withOwners(object, uid, [ownerReference(owner)])),
    release: controlled
      .filter((object) => !isSelected(object) && stays(object))
      .map((object) => withOwners(object, uid, [])),
  };
}

/** The object with these references instead of those to `uid`. */
function withOwners<T extends KubeObject>(object: T, uid: string | undefined, wanted: readonly OwnerReference[]): T {
  const others = (object.metadata.ownerReferences ?? []).filter((owner) => owner.uid !== uid);
  return { ...object, metadata: { ...object.metadata, ownerReferences: [...others, ...wanted] } };
}

/** Takes objects over and lets others go; `remember` is told of each. Throws what the API answers. */
export async function applyClaims<O extends KubeObject, T extends KubeObject>(
  client: Client,
  owner: Owner<O>,
  child: { readonly kind: Kind<T>; readonly remember: (object: T) => void },
  { adopt, release }: Claims<T>,
): Promise<void> {
  if (adopt.length + release.length === 0) return;
  // The owner may have been deleted, and another made of its name, since the informer heard of it.
  const { uid, deletionTimestamp } = (await client.get(owner.kind, keyOf(owner.object))).metadata;
  const { name = '' } = owner.object.metadata;
  if (uid !== owner.object.metadata.uid || deletionTimestamp !== undefined) {
    throw conflict(owner.kind, name, 'it has been deleted, and takes over nothing');
  }
  for (const object of [...adopt, ...release]) child.remember(await client.update(child.kind, object));
}
