/** The one way objects are written: read, decide, and write if nothing has changed in between; else decide again. */
import type { AnyKind } from '../../api/kinds.ts';
import type { KubeObject } from '../../api/meta/v1.ts';
import { conflict } from '../../api/status.ts';
import type { Entry, Operation } from '../../store/store.ts';
import { admitAll } from '../admission.ts';
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
}

/** The target of a request, for a write to one object. `kind` is what is written, which a call on a subresource may not be of. */
export function targetOf(
  { namespace, user, subresource }: Pick<ResourceRequest, 'namespace' | 'user' | 'subresource'>,
  { kind, name, dryRun }: Pick<ChangeTarget, 'kind' | 'name' | 'dryRun'>,
): ChangeTarget {
  return { kind, namespace, name, dryRun, by: user, subresource };
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
  let entry = await api.store.get(key);
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const current = entry === undefined ? undefined : api.codec.decode(entry);
    const decision = await decide(current);
    const result = await carryOut(api, target, key, current, decision);
    if (result.done) return result.outcome;
    entry = result.entry;
  }
  throw conflict(target.kind, target.name, 'too many others are changing it at the same time; please try again');
}

type Attempt =
  | { readonly done: true; readonly outcome: Outcome }
  | { readonly done: false; readonly entry: Entry | undefined };

async function carryOut(
  api: Api,
  target: ChangeTarget,
  key: string,
  current: Stored | undefined,
  decision: Decision,
): Promise<Attempt> {
  if (decision.act === 'keep') return { done: true, outcome: { act: 'kept', stored: existing(current, key) } };
  const write = {
    kind: target.kind,
    old: current?.object,
    next: decision.act === 'put' ? decision.object : undefined,
    by: target.by,
    subresource: target.subresource,
  };
  const admitted = await admitAll(api.admissions, write);
  const own: Operation =
    admitted.next === undefined ? { kind: 'delete', key } : { kind: 'put', key, value: encode(admitted.next) };
  const modified = current?.modified ?? 0;
  if (target.dryRun) return { done: true, outcome: outcomeOf(admitted.next, current, key, modified) };

  const compares = [{ key, modified }, ...admitted.compares];
  const operations = [own, ...admitted.operations];
  const result = await api.store.txn(compares, operations);
  if (result.ok) {
    for (const admission of api.admissions)
      admission.settled?.({ written: operations, revision: result.revision, taken: [] });
    return { done: true, outcome: outcomeOf(admitted.next, current, key, result.revision) };
  }
  const taken = compares.filter((_, i) => i > 0 && result.current[i] !== undefined).map((compare) => compare.key);
  for (const admission of api.admissions) admission.settled?.({ written: [], taken });
  return { done: false, entry: result.current[0] };
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
