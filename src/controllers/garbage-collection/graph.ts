/** Who owns whom, across kinds, kept in the informers' indexes. */
import type { AnyKind } from '../../api/kinds.ts';
import { type KubeObject, keyOf, keyText, type OwnerReference } from '../../api/meta/v1.ts';
import type { Change, Informer } from '../../client/informer.ts';
import type { Informers } from '../../client/informers.ts';

/** An object and its kind. */
export interface Member {
  readonly kind: AnyKind;
  readonly object: KubeObject;
}

interface Source {
  readonly kind: AnyKind;
  readonly informer: Informer<KubeObject>;
  readonly byUID: (uid: string) => readonly KubeObject[];
  readonly byOwner: (uid: string) => readonly KubeObject[];
}

export class Graph {
  readonly #sources: readonly Source[];

  /** To be made before the informers are started. */
  constructor(informers: Informers, kinds: readonly AnyKind[]) {
    this.#sources = kinds.map((kind) => {
      const informer: Informer<KubeObject> = informers.of(kind);
      return {
        kind,
        informer,
        byUID: informer.index(({ metadata }) => [metadata.uid ?? '']),
        byOwner: informer.index(({ metadata }) => (metadata.ownerReferences ?? []).map((owner) => owner.uid)),
      };
    });
  }

  onChange(listener: (kind: AnyKind, change: Change<KubeObject>) => void): void {
    for (const { kind, informer } of this.#sources) informer.onChange((change) => listener(kind, change));
  }

  /** The object of a key that {@link memberKey} made. */
  get(key: string): Member | undefined {
    const space = key.indexOf(' ');
    const source = this.#sources.find(({ kind }) => kindKey(kind) === key.slice(0, space));
    const object = source?.informer.get(key.slice(space + 1));
    return source && object && { kind: source.kind, object };
  }

  withUID(uid: string): Member | undefined {
    for (const { kind, byUID } of this.#sources) {
      const [object] = byUID(uid);
      if (object !== undefined) return { kind, object };
    }
    return undefined;
  }

  dependentsOf(uid: string): Member[] {
    return this.#sources.flatMap(({ kind, byOwner }) => byOwner(uid).map((object) => ({ kind, object })));
  }

  /** The kind that an owner reference names; undefined when it is none of ours. */
  kindOf(owner: OwnerReference): AnyKind | undefined {
    return this.#sources.find(({ kind }) => kind.apiVersion === owner.apiVersion && kind.kind === owner.kind)?.kind;
  }
}

/** Names an object among those of all kinds. */
export function memberKey(kind: AnyKind, object: KubeObject): string {
  return `${kindKey(kind)} ${keyText(keyOf(object))}`;
}

function kindKey(kind: AnyKind): string {
  return `${kind.plural}.${kind.group}`;
}
