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
const KEPT_BYTES = 2 * 1024 * 1024;

interface Kept {
  readonly stored: Stored;
  /** The version before: every watcher of a change asks for both. */
  readonly older: Stored | undefined;
  /** Bytes of the newest, and of both. */
  readonly size: number;
  readonly total: number;
  /** Whether it has been asked for since it was last considered for going. */
  used: boolean;
}

export class Codec {
  /** The newest versions of each key that was asked for. */
  readonly #kept = new Map<string, Kept>();
  #size = 0;

  /** The object of an entry. Throws when the value is not one, which only a damaged store holds. */
  decode(entry: Entry): Stored {
    const found = this.#kept.get(entry.key);
    if (found?.stored.modified === entry.modified) {
      found.used = true;
      return found.stored;
    }
    if (found?.older?.modified === entry.modified) return found.older;
    const stored = new Stored(entry.key, entry.modified, atRevision(parse(entry), entry.modified));
    if (found === undefined || found.stored.modified < entry.modified)
      this.#keep(stored, entry.value.byteLength, found);
    return stored;
  }

  #keep(stored: Stored, size: number, replaced: Kept | undefined): void {
    const total = size + (replaced?.size ?? 0);
    this.#kept.set(stored.key, { stored, older: replaced?.stored, size, total, used: replaced !== undefined });
    this.#size += total - (replaced?.total ?? 0);
    // What has been used since its last turn gets another: close to what was used last, at no cost for each use.
    for (const [key, kept] of this.#kept) {
      if (this.#size <= KEPT_BYTES) break;
      this.#kept.delete(key);
      if (kept.used) this.#kept.set(key, { ...kept, used: false });
      else this.#size -= kept.total;
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
