/** Deletes what has lost its owners, and carries out foreground and orphaning deletes. */
import { HELD_KINDS } from '../../api/kinds.ts';
import { type KubeObject, keyOf, type OwnerReference } from '../../api/meta/v1.ts';
import { isNotFound } from '../../api/status.ts';
import { runController } from '../../client/controller.ts';
import { ignoreNotFound } from '../../client/expected.ts';
import { WorkQueue } from '../../client/work-queue.ts';
import type { ControllerParts, Run } from '../parts.ts';
import { Graph, type Member, memberKey } from './graph.ts';
import { blocks, FOREGROUND_FINALIZER, judge, ORPHAN_FINALIZER, type OwnerState, waitsFor } from './verdict.ts';

/** Kinds that never own or are owned, and of which there can be very many. */
const OUTSIDE = ['Event', 'IPAddress'];

type Parts = ControllerParts & { readonly graph: Graph };

/** Makes the controller; its keys name objects of all kinds. */
export function garbageCollector(parts: ControllerParts): Run {
  const { informers, clock, log } = parts;
  const queue = new WorkQueue({ clock });
  const graph = new Graph(
    informers,
    HELD_KINDS.filter(({ kind }) => !OUTSIDE.includes(kind)),
  );
  const enqueue = ({ kind, object }: Member) => queue.add(memberKey(kind, object));
  graph.onChange((kind, { object, previous }) => {
    const changed = object ?? previous;
    if (changed === undefined) return;
    if (object !== undefined && needsALook(object)) enqueue({ kind, object });
    const isLeaving = object === undefined || object.metadata.deletionTimestamp !== undefined;
    if (!isLeaving) return;
    for (const dependent of graph.dependentsOf(changed.metadata.uid ?? '')) enqueue(dependent);
    // Owners that wait for this dependent may now go on.
    for (const { uid } of changed.metadata.ownerReferences ?? []) {
      const owner = graph.withUID(uid);
      if (owner !== undefined && waitsFor(owner.object)) enqueue(owner);
    }
  });
  const own = { ...parts, graph };
  return (signal) =>
    runController({ name: 'garbage-collection', queue, reconcile: (key) => reconcile(key, own), log }, signal);
}

function needsALook(object: KubeObject): boolean {
  return (object.metadata.ownerReferences ?? []).length > 0 || waitsFor(object) !== undefined;
}

async function reconcile(key: string, parts: Parts): Promise<void> {
  const member = parts.graph.get(key);
  if (member === undefined) return;
  const waits = waitsFor(member.object);
  if (waits === 'orphaning') await orphanDependents(member, parts);
  else if (waits === 'dependents') await deleteDependents(member, parts);
  else await collect(member, parts);
}

/** Deletes an object whose owners are gone, or takes their references off it when others are left. */
async function collect(member: Member, parts: Parts): Promise<void> {
  const states = new Map<string, OwnerState>();
  for (const owner of member.object.metadata.ownerReferences ?? []) {
    states.set(owner.uid, await stateOf(owner, member.object, parts));
  }
  const verdict = judge(member.object, (owner) => states.get(owner.uid) ?? 'unknown');
  const { client } = parts;
  const { kind, object } = member;
  if (verdict.kind === 'forget-owners') await setOwners(member, verdict.keep, parts);
  if (verdict.kind !== 'delete') return;
  const preconditions = { uid: object.metadata.uid ?? '' };
  const options = { propagationPolicy: verdict.policy, preconditions };
  await client.delete(kind, keyOf(object), options).catch(ignoreNotFound);
}

/** Asks the server before it believes that an owner is absent: another kind's informer may be behind. */
async function stateOf(owner: OwnerReference, dependent: KubeObject, { client, graph }: Parts): Promise<OwnerState> {
  const known = graph.withUID(owner.uid);
  if (known !== undefined) return waitsFor(known.object) === 'dependents' ? 'waiting' : 'solid';
  const kind = graph.kindOf(owner);
  if (kind === undefined) return 'unknown';
  const { namespace } = dependent.metadata;
  const key = kind.namespaced && namespace !== undefined ? { namespace, name: owner.name } : { name: owner.name };
  try {
    const current: KubeObject = await client.get(kind, key);
    return current.metadata.uid === owner.uid ? 'solid' : 'absent';
  } catch (error) {
    if (isNotFound(error)) return 'absent';
    throw error;
  }
}

/** Foreground: the dependents first; the owner goes when none that blocks it is left. */
async function deleteDependents(owner: Member, parts: Parts): Promise<void> {
  const { client, graph } = parts;
  const uid = owner.object.metadata.uid ?? '';
  const dependents = graph.dependentsOf(uid);
  for (const { kind, object } of dependents) {
    if (object.metadata.deletionTimestamp !== undefined || hasOtherOwner(object, uid, graph)) continue;
    const preconditions = { uid: object.metadata.uid ?? '' };
    const options = { propagationPolicy: 'Foreground' as const, preconditions };
    await client.delete(kind, keyOf(object), options).catch(ignoreNotFound);
  }
  const blocked = dependents.some(({ object }) => blocks(object, uid) && !hasOtherOwner(object, uid, graph));
  if (!blocked) await removeFinalizer(owner, FOREGROUND_FINALIZER, parts);
}

function hasOtherOwner(object: KubeObject, uid: string, graph: Graph): boolean {
  return (object.metadata.ownerReferences ?? []).some((owner) => owner.uid !== uid && graph.withUID(owner.uid));
}

/** Orphaning: the dependents lose their reference and stay. */
async function orphanDependents(owner: Member, parts: Parts): Promise<void> {
  const uid = owner.object.metadata.uid ?? '';
  for (const dependent of parts.graph.dependentsOf(uid)) {
    const owners = dependent.object.metadata.ownerReferences ?? [];
    await setOwners(
      dependent,
      owners.filter((reference) => reference.uid !== uid),
      parts,
    );
  }
  await removeFinalizer(owner, ORPHAN_FINALIZER, parts);
}

async function setOwners(
  { kind, object }: Member,
  owners: readonly OwnerReference[],
  { client }: Parts,
): Promise<void> {
  const metadata = { ...object.metadata, ownerReferences: owners };
  await client.update<KubeObject>(kind, { ...object, metadata }).catch(ignoreNotFound);
}

async function removeFinalizer({ kind, object }: Member, finalizer: string, { client }: Parts): Promise<void> {
  const finalizers = (object.metadata.finalizers ?? []).filter((name) => name !== finalizer);
  const metadata = { ...object.metadata, finalizers };
  await client.update<KubeObject>(kind, { ...object, metadata }).catch(ignoreNotFound);
}
