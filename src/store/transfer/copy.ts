/**
 * Fills a target with what a source has, and proves that it does. Both are read side by side in the order of keys, and only
 * what differs is written: what was cut short goes on from where it was, and costs no more than a comparison until there.
 */
import { createHash, type Hash } from 'node:crypto';
import { compareKeys } from '../keys.ts';
import type { Entry, Revision } from '../store.ts';
import { type Difference, diff } from './diff.ts';
import type { Snapshot } from './snapshot.ts';
import type { Target } from './target.ts';

const PAGE_ENTRIES = 250;

/** All that a store holds, as a number and a digest of keys and values in their order. */
export interface Content {
  readonly entries: number;
  /** SHA-256, in hexadecimal. */
  readonly sha256: string;
}

export interface CopyReport extends Content {
  /** Entries that were written, and that went, because the target did not have them so. */
  readonly written: number;
  readonly removed: number;
  /** The target's revision, now that it is whole. */
  readonly revision: Revision;
}

/** The target is not as the source, though everything was written. It stays unfinished. */
export class CopyError extends Error {
  constructor(problem: string) {
    super(`the copy is not as what it was made from: ${problem}`);
    this.name = 'CopyError';
  }
}

/**
 * Fills, compares all of it once more, and finishes the target. `tell` hears how many entries have been dealt with, and
 * in which of the two. `check` is asked before it is finished, and throws when the source was not left alone.
 */
export async function copyStore(
  source: Snapshot,
  target: Target,
  tell: (step: 'copied' | 'compared', entries: number) => void,
  check: () => void = () => {},
): Promise<CopyReport> {
  let [seen, written, removed] = [0, 0, 0];
  for await (const { entries, difference } of sideBySide(source, target)) {
    check();
    if (difference.puts.length + difference.deletes.length > 0) {
      await target.write(difference.puts, difference.deletes);
    }
    written += difference.puts.length;
    removed += difference.deletes.length;
    seen += entries.length;
    tell('copied', seen);
  }
  const content = await compare(source, target, (entries) => tell('compared', entries));
  check();
  return { ...content, written, removed, revision: await target.finish() };
}

/** Throws {@link CopyError} unless both hold the same, and nothing has a lower revision in the target. */
async function compare(source: Snapshot, target: Target, tell: (entries: number) => void): Promise<Content> {
  const [here, there] = [new Digest(), new Digest()];
  for await (const { entries, others, difference } of sideBySide(source, target)) {
    const [wrong] = [...difference.puts.map(({ key }) => key), ...difference.deletes];
    if (wrong !== undefined) throw new CopyError(`${wrong} differs`);
    const older = entries.find(({ modified }, i) => modified > (others[i]?.modified ?? 0));
    if (older !== undefined) throw new CopyError(`${older.key} has an older revision`);
    here.add(entries);
    there.add(others);
    tell(here.entries);
  }
  const [content, copied] = [here.content(), there.content()];
  if (content.sha256 !== copied.sha256 || content.entries !== copied.entries) {
    throw new CopyError(`${content.entries} entries of ${content.sha256}, and ${copied.entries} of ${copied.sha256}`);
  }
  return content;
}

interface Stretch {
  /** Of the source. */
  readonly entries: readonly Entry[];
  /** Of the target, in the same range of keys. */
  readonly others: readonly Entry[];
  readonly difference: Difference;
}

/** What both have, from the first key to the last, a page of the source at a time. */
async function* sideBySide(source: Snapshot, target: Target): AsyncGenerator<Stretch, void, undefined> {
  const options = { revisions: target.keepsRevisions };
  const cursor = new Cursor(target);
  for await (const entries of source.pages()) {
    const others = await cursor.upTo(entries.at(-1)?.key);
    yield { entries, others, difference: diff(entries, others, options) };
  }
  for (;;) {
    const others = await cursor.rest();
    if (others.length === 0) return;
    yield { entries: [], others, difference: diff([], others, options) };
  }
}

/** Reads a target forwards. */
class Cursor {
  readonly #target: Target;
  #page: readonly Entry[] = [];
  #last: string | undefined;
  #done = false;

  constructor(target: Target) {
    this.#target = target;
  }

  /** What follows, up to a key and with it. */
  async upTo(key: string | undefined): Promise<readonly Entry[]> {
    const found: Entry[] = [];
    if (key === undefined) return found;
    for (;;) {
      if (this.#page.length === 0) await this.#read();
      const count = this.#page.findIndex((entry) => compareKeys(entry.key, key) > 0);
      const taken = count === -1 ? this.#page : this.#page.slice(0, count);
      found.push(...taken);
      this.#page = this.#page.slice(taken.length);
      if (this.#page.length > 0 || this.#done) return found;
    }
  }

  /** A page of what follows; empty at the end. */
  async rest(): Promise<readonly Entry[]> {
    if (this.#page.length === 0) await this.#read();
    const page = this.#page;
    this.#page = [];
    return page;
  }

  async #read(): Promise<void> {
    if (this.#done) return;
    this.#page = await this.#target.list(this.#last, PAGE_ENTRIES);
    this.#last = this.#page.at(-1)?.key ?? this.#last;
    this.#done = this.#page.length < PAGE_ENTRIES;
  }
}

/** Of keys and values in their order, each with its length before it. */
class Digest {
  readonly #hash: Hash = createHash('sha256');
  entries = 0;

  add(entries: readonly Entry[]): void {
    for (const { key, value } of entries) {
      const bytes = Buffer.from(key);
      this.#hash.update(`${bytes.length} ${value.length}\n`).update(bytes).update(value);
    }
    this.entries += entries.length;
  }

  content(): Content {
    return { entries: this.entries, sha256: this.#hash.digest('hex') };
  }
}
