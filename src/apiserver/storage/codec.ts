/**
 * Objects as they are stored: JSON without the resourceVersion, which is the revision of the write. What was read is kept
 * for a while, so that an object that many list and watch is decoded once and printed once.
 */
import type { KubeObject } from '../../api/meta/v1.ts';
import type { Entry, Revision } from '../../store/store.ts';

/** An object as it is in the store at a revision. Shared: never to be modified. */
export class Stored {
  readonly key: string;
  /** Revision of the write that made it so. */
  readonly modified: Revision;
  readonly object: KubeObject;
  #json: string | undefined;

  constructor(key: string, modified: Revision, object: KubeObject) {
    this.key = key;
    this.modified = modified;
    this.object = object;
  }

  /** The object's JSON text, made when first asked for. */
  get json(): string {
    this.#json ??= JSON.stringify(this.object);
    return this.#json;
  }
}

/** Bytes of stored values whose decoded objects are kept. */
const KEPT_BYTES = 16 * 1024 * 1024;

export class Codec {
  readonly #kept = new Map<string, { readonly stored: Stored; readonly size: number }>();
  #size = 0;

  /** The object of an entry. Throws when the value is not one, which only a damaged store holds. */
  decode(entry: Entry): Stored {
    const id = `${entry.key} ${entry.modified}`;
    const found = this.#kept.get(id);
    if (found !== undefined) {
      // Moves it to the end: what has not been used for longest goes first.
      this.#kept.delete(id);
      this.#kept.set(id, found);
      return found.stored;
    }
    const stored = new Stored(entry.key, entry.modified, atRevision(parse(entry), entry.modified));
    this.#keep(id, stored, entry.value.byteLength);
    return stored;
  }

  #keep(id: string, stored: Stored, size: number): void {
    this.#kept.set(id, { stored, size });
    this.#size += size;
    for (const [oldest, { size: freed }] of this.#kept) {
      if (this.#size <= KEPT_BYTES) break;
      this.#kept.delete(oldest);
      this.#size -= freed;
    }
  }
}

/** The bytes to store for an object. */
export function encode(object: KubeObject): Uint8Array {
  const { resourceVersion: _, selfLink: __, ...metadata } = object.metadata;
  return Buffer.from(JSON.stringify({ ...object, metadata }));
}

/** The object with the resourceVersion of a write. */
export function atRevision<T extends KubeObject>(object: T, revision: Revision): T {
  return { ...object, metadata: { ...object.metadata, resourceVersion: String(revision) } };
}

function parse(entry: Entry): KubeObject {
  try {
    return JSON.parse(Buffer.from(entry.value).toString('utf8')) as KubeObject;
  } catch (cause) {
    throw new Error(`the store's value of ${entry.key} at revision ${entry.modified} is not JSON`, { cause });
  }
}
