/** The one way objects are written: read, decide, and write if nothing has changed in between; else decide again. */
import type { AnyKind } from '../../api/kinds.ts';
import type { KubeObject } from '../../api/meta/v1.ts';
import { ApiError, conflict } from '../../api/status.ts';
import type { Compare, Entry, Operation } from '../../store/store.ts';
import { type Admitted, admitAll, type Settlement, type Write } from '../admission.ts';
import type { User } from '../auth/user.ts';
import type { Api, ResourceRequest } from '../context.ts';
import { atRevision, encode, Stored } from './codec.ts';
import { objectKey } from './keys.ts';

/** What to do with the object as it is now. */
export type Decision =
  /** Nothing is written. */
  | { readonly act: 'keep' }
  | { readonly act: 'put'; readonly object: KubeObject }
  /** `last` is how the object is told to watchers, when it is not as it was stored. */
  | { readonly act: 'remove' };

export type Outcome =
  | { readonly act: 'kept'; readonly stored: Stored }
  | { readonly act: 'put'; readonly stored: Stored; readonly created: boolean }
  | { readonly act: 'removed'; readonly stored: Stored };

export interface ChangeTarget {
  readonly kind: AnyKind;
  readonly namespace: string | undefined;
  readonly name: string;
  /** Everything is checked and nothing written. */
  readonly dryRun: boolean;
  /** Who asks for it; undefined: the server itself. */
  readonly by?: User | undefined;
  /** Undefined: the object itself. */
  readonly subresource?: string | undefined;
  /** Whether there is no such object yet, as far as can be told without looking: then the transaction is the first to look. */
  readonly isNew?: boolean;
}

/** The target of a request, for a write to one object. `kind` is what is written, which a call on a subresource may not be of. */
export function targetOf(
  { namespace, user, subresource }: Pick<ResourceRequest, 'namespace' | 'user' | 'subresource'>,
  own: Pick<ChangeTarget, 'kind' | 'name' | 'dryRun' | 'isNew'>,
): ChangeTarget {
  return { ...own, namespace, by: user, subresource };
}

/** With so many others writing the same object, the caller is told to come back. */
const ATTEMPTS = 200;

/**
 * Changes one object. `decide` is given the object as it is (undefined: there is none), throws what is wrong with the
 * request, and must be free of effects: it is asked again when another write came first.
 */
export async function change(
  api: Api,
  target: ChangeTarget,
  decide: (current: Stored | undefined) => Decision | Promise<Decision>,
): Promise<Outcome> {
  const key = objectKey(target.kind, target.namespace, target.name);
  const { isNew = false, dryRun } = target;
  // Where nothing is written no compare would find out.
  let entry = isNew && !dryRun ? undefined : await api.store.get(key);
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const current = entry === undefined ? undefined : api.codec.decode(entry);
    const decision = await decide(current);
    const result = await carryOut(api, target, key, { current, decision, isTrusting: attempt === 0 && !dryRun });
    if (result.done) return result.outcome;
    entry = result.entry;
  }
  throw conflict(target.kind, target.name, 'too many others are changing it at the same time; please try again');
}

type Attempt =
  | { readonly done: true; readonly outcome: Outcome }
  | { readonly done: false; readonly entry: Entry | undefined };

interface Decided {
  readonly current: Stored | undefined;
  readonly decision: Decision;
  /** Whether what was read before is trusted, until the transaction or a refusal. */
  readonly isTrusting: boolean;
}

async function carryOut(
  api: Api,
  target: ChangeTarget,
  key: string,
  { current, decision, isTrusting }: Decided,
): Promise<Attempt> {
  if (decision.act === 'keep') return { done: true, outcome: { act: 'kept', stored: existing(current, key) } };
  const admitted = await admit(api, {
    kind: target.kind,
    old: current?.object,
    next: decision.act === 'put' ? decision.object : undefined,
    by: target.by,
    subresource: target.subresource,
    isTrusting,
  });
  if (admitted === 'refused') return { done: false, entry: await api.store.get(key) };
  const own: Operation =
    admitted.next === undefined ? { kind: 'delete', key } : { kind: 'put', key, value: encode(admitted.next) };
  const modified = current?.modified ?? 0;
  if (target.dryRun) return { done: true, outcome: outcomeOf(admitted.next, current, key, modified) };

  const compares = [{ key, modified }, ...admitted.compares];
  const operations = [own, ...admitted.operations];
  const result = await api.store.txn(compares, operations);
  const settlement: Settlement = result.ok
    ? { written: operations, revision: result.revision, stale: [] }
    : { written: [], stale: staleOf(compares, result.current) };
  for (const admission of api.admissions) admission.settled?.(settlement);
  if (result.ok) return { done: true, outcome: outcomeOf(admitted.next, current, key, result.revision) };
  return { done: false, entry: result.current[0] };
}

/** Refused: for a reason that may have been true only before, so it is to be asked again without trust. */
async function admit({ admissions }: Api, write: Write): Promise<Admitted | 'refused'> {
  try {
    return await admitAll(admissions, write);
  } catch (error) {
    if (write.isTrusting && error instanceof ApiError) return 'refused';
    throw error;
  }
}

function staleOf(compares: readonly Compare[], current: readonly (Entry | undefined)[]): Settlement['stale'] {
  return compares.flatMap(({ key, modified }, i) => {
    const entry = current[i];
    return (entry?.modified ?? 0) === modified ? [] : [{ key, isThere: entry !== undefined }];
  });
}

function outcomeOf(next: KubeObject | undefined, current: Stored | undefined, key: string, revision: number): Outcome {
  if (next === undefined) {
    const last = existing(current, key);
    return { act: 'removed', stored: new Stored(key, revision, atRevision(last.object, revision)) };
  }
  const object = revision === 0 ? next : atRevision(next, revision);
  return { act: 'put', stored: new Stored(key, revision, object), created: current === undefined };
}

function existing(current: Stored | undefined, key: string): Stored {
  if (current === undefined) throw new Error(`${key} does not exist, so it cannot be kept or removed`);
  return current;
}
