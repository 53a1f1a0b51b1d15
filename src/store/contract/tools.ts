/** Short words for the contract suite: entries and events as text, and watching for a number of events. */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import type { Entry, ListResult, Operation, Revision, Store, StoreEvent } from '../store.ts';

/** Registers a test with a store of its own, which is closed after it. */
export type Check = (title: string, body: (store: Store, t: TestContext) => Promise<void>) => unknown;

/** An operation that puts text. */
export function value(key: string, text: string): Operation {
  return { kind: 'put', key, value: Buffer.from(text) };
}

/** Puts text, whatever was there; answers the revision. */
export async function put(store: Store, key: string, text: string): Promise<Revision> {
  return write(store, value(key, text));
}

export async function del(store: Store, key: string): Promise<Revision> {
  return write(store, { kind: 'delete', key });
}

async function write(store: Store, operation: Operation): Promise<Revision> {
  const result = await store.txn([], [operation]);
  assert.ok(result.ok, 'a write without a compare');
  return result.revision;
}

/** `key=value@created-modified`. */
export function entryText(entry: Entry | undefined): string | undefined {
  return entry && `${entry.key}=${text(entry)}@${entry.created}-${entry.modified}`;
}

export function texts(list: ListResult): string[] {
  return list.entries.map((entry) => entryText(entry) ?? '');
}

/** `put key=value@created-modified was value` or `delete key@revision was value`. */
export function eventText(event: StoreEvent): string {
  const was = event.previous === undefined ? '' : ` was ${text(event.previous)}`;
  return event.kind === 'put' ? `put ${entryText(event.entry)}${was}` : `delete ${event.key}@${event.revision}${was}`;
}

function text(entry: Entry): string {
  return Buffer.from(entry.value).toString();
}

export type Collected = readonly string[];

/** Watches until so many events have been told; fails rather than wait for ever. */
export async function collect(store: Store, prefix: string, from: Revision, count: number): Promise<Collected> {
  const events: string[] = [];
  if (count === 0) return events;
  for await (const batch of store.watch(prefix, from, AbortSignal.timeout(60_000))) {
    events.push(...batch.events.map(eventText));
    if (events.length >= count) return events;
  }
  throw new Error(`the watch of ${JSON.stringify(prefix)} ended after ${events.length} of ${count} events`);
}
