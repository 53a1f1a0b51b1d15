/** GET of a collection, whole or in pages that are all of one revision. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { badRequest, expired, failure } from '../../api/status.ts';
import { isMapping } from '../../api/value.ts';
import { CompactedError, type Revision } from '../../store/store.ts';
import type { Answer, ListMeta } from '../answer.ts';
import type { Api, ResourceRequest } from '../context.ts';
import type { Stored } from '../storage/codec.ts';
import { checkListOptions } from './list-options.ts';
import { wholeNumber } from './options.ts';
import { type Selection, selectionOf } from './selection.ts';

export async function list(api: Api, request: ResourceRequest): Promise<Answer> {
  const selection = selectionOf(request);
  const page = await readPage(api, request, selection);
  return { kind: 'list', of: request.kind, items: page.items, metadata: page.metadata };
}

export interface Page {
  readonly items: readonly Stored[];
  readonly metadata: ListMeta;
}

/** Keys read at a time when a selector may leave most of them out. */
const CHUNK = 500;

async function readPage(api: Api, { query }: ResourceRequest, selection: Selection): Promise<Page> {
  const limit = wholeNumber(query, 'limit') || undefined;
  const start = await startOf(api, query, selection.prefix);
  try {
    return limit === undefined ? await readAll(api, selection, start) : await readSome(api, selection, start, limit);
  } catch (error) {
    if (!(error instanceof CompactedError)) throw error;
    throw expired(
      query.has('continue')
        ? 'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter.'
        : `The resourceVersion for the provided list is too old: ${error.message}`,
    );
  }
}

/** Where a page begins: a revision, when one must be kept to, and the key before it. */
interface Start {
  readonly revision: Revision | undefined;
  readonly after: string | undefined;
}

async function readAll(api: Api, { prefix, all, matches }: Selection, start: Start): Promise<Page> {
  const { entries, revision } = await api.store.list(prefix, storeOptions(start));
  const items: Stored[] = [];
  for (let start = 0; start < entries.length; start += CHUNK) {
    for (const entry of entries.slice(start, start + CHUNK)) {
      const stored = api.codec.decode(entry);
      if (all || matches(stored.object)) items.push(stored);
    }
    // Decoding many objects takes time; others get theirs in between.
    if (entries.length > CHUNK) await nextTurn();
  }
  return { items, metadata: { resourceVersion: String(revision) } };
}

async function readSome(api: Api, { prefix, all, matches }: Selection, start: Start, limit: number): Promise<Page> {
  const items: Stored[] = [];
  let { revision, after } = start;
  for (;;) {
    const size = all ? limit - items.length : CHUNK;
    const result = await api.store.list(prefix, { ...storeOptions({ revision, after }), limit: size });
    revision = result.revision;
    for (const [i, entry] of result.entries.entries()) {
      after = entry.key;
      const stored = api.codec.decode(entry);
      if (all || matches(stored.object)) items.push(stored);
      const left = result.remaining + result.entries.length - i - 1;
      if (items.length === limit && left > 0) {
        const token = printToken({ revision, after: after.slice(prefix.length) });
        // How many of the rest are selected is not known without reading them.
        const remaining = all ? { remainingItemCount: left } : {};
        return { items, metadata: { resourceVersion: String(revision), continue: token, ...remaining } };
      }
    }
    if (result.remaining === 0) return { items, metadata: { resourceVersion: String(revision) } };
  }
}

function storeOptions({ revision, after }: Start) {
  return { ...(revision === undefined ? {} : { revision }), ...(after === undefined ? {} : { after }) };
}

/** https://kubernetes.io/docs/reference/using-api/api-concepts/#semantics-for-get-and-list */
async function startOf(api: Api, query: URLSearchParams, prefix: string): Promise<Start> {
  checkListOptions(query, 'list');
  const token = query.get('continue') ?? '';
  const version = wholeNumber(query, 'resourceVersion');
  const match = query.get('resourceVersionMatch') ?? '';
  if (token !== '') {
    if (version) throw badRequest('specifying resource version is not allowed when using continue');
    const { revision, after } = parseToken(token);
    return { revision, after: prefix + after };
  }
  if (version === undefined || version === 0) return { revision: undefined, after: undefined };
  await checkReached(api, version);
  const exact = match === 'Exact' || (match === '' && Boolean(wholeNumber(query, 'limit')));
  return { revision: exact ? version : undefined, after: undefined };
}

/** Throws an ApiError, 504, when the store has not come to a revision yet: of another store, or made up. */
export async function checkReached(api: Api, revision: Revision): Promise<void> {
  const newest = await api.store.revision();
  if (revision <= newest) return;
  throw failure(504, 'Timeout', `Too large resource version: ${revision}, current: ${newest}`, {
    causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
    retryAfterSeconds: 1,
  });
}

interface Token {
  readonly revision: Revision;
  /** The last key of the page before, without the prefix of the list. */
  readonly after: string;
}

const TOKEN_MAX = 4096;

function printToken({ revision, after }: Token): string {
  return Buffer.from(JSON.stringify({ v: 'meta.k8s.io/v1', rv: revision, start: after })).toString('base64url');
}

function parseToken(text: string): Token {
  const value = text.length > TOKEN_MAX ? undefined : parseJSON(Buffer.from(text, 'base64url').toString('utf8'));
  if (isMapping(value)) {
    const { rv, start } = value;
    // It came from us, but clients may have changed it: it must not lead out of the list, nor be no revision.
    const good = typeof rv === 'number' && Number.isSafeInteger(rv) && rv > 0;
    if (good && typeof start === 'string' && /^[\w.:/-]*$/.test(start)) return { revision: rv, after: start };
  }
  throw badRequest('continue key is not valid: start a new list without it');
}

function parseJSON(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    // Not ours, then: the caller says so.
    return undefined;
  }
}
