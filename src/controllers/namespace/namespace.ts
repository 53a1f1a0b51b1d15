/** Empties namespaces that are being deleted, then lets them go. */
import { Namespace } from '../../api/core/v1/namespace.ts';
import { type AnyKind, HELD_KINDS } from '../../api/kinds.ts';
import { withCondition } from '../../api/meta/conditions.ts';
import { type KubeObject, keyOf } from '../../api/meta/v1.ts';
import { isConflict, isNotFound } from '../../api/status.ts';
import { BackOff } from '../../client/back-off.ts';
import type { Client } from '../../client/client.ts';
import { runController } from '../../client/controller.ts';
import { WorkQueue } from '../../client/work-queue.ts';
import { equal } from '../equal.ts';
import type { ControllerParts, Run } from '../parts.ts';

/** Looks while content is still ending: soon at first, and then, as guests take seconds to power off, less often. */
const LOOK_AGAIN = { first: 100, max: 2000 };
/** The finalizer in spec.finalizers that this controller removes. */
const FINALIZER = 'kubernetes';
/** Deletes that are under way at the same time. */
const PARALLEL = 16;

/** What is left of a kind in a namespace. */
interface Remaining {
  readonly kind: AnyKind;
  readonly objects: readonly KubeObject[];
}

/** Makes the controller; its keys are names of namespaces. */
export function namespaceController({ client, informers, clock, log }: ControllerParts): Run {
  const queue = new WorkQueue({ clock });
  const namespaces = informers.of(Namespace);
  const waits = new Map<string, BackOff>();
  namespaces.onChange(({ key, object }) => {
    if (object === undefined) waits.delete(key);
    if (object?.metadata.deletionTimestamp !== undefined) queue.add(key);
  });
  const reconcile = async (name: string): Promise<void> => {
    const namespace = namespaces.get(name);
    if (namespace?.metadata.deletionTimestamp === undefined || !namespace.spec?.finalizers?.includes(FINALIZER)) return;
    const remaining = await deleteContent(client, name);
    if (remaining.length === 0) {
      await finalize(client, namespace);
      return;
    }
    await report(client, namespace, remaining, clock.now());
    const wait = waits.get(name) ?? new BackOff(LOOK_AGAIN);
    waits.set(name, wait);
    queue.addAfter(name, wait.next());
  };
  return (signal) => runController({ name: 'namespace', queue, reconcile, workers: 2, log }, signal);
}

/**
 * Asks for the end of what is in a namespace; returns what was there. What another object there controls is left to that
 * one's end: a pod that goes before its virtual machine would only be made again.
 */
async function deleteContent(client: Client, namespace: string): Promise<Remaining[]> {
  const found: Remaining[] = [];
  for (const kind of HELD_KINDS.filter(({ namespaced }) => namespaced)) {
    const { items: objects } = await client.list<KubeObject>(kind, { namespace });
    if (objects.length > 0) found.push({ kind, objects });
  }
  const present = new Set(found.flatMap(({ objects }) => objects.map(({ metadata }) => metadata.uid)));
  for (const { kind, objects } of found) {
    const due = objects.filter((object) => isDue(object, present));
    for (let start = 0; start < due.length; start += PARALLEL) {
      await Promise.all(due.slice(start, start + PARALLEL).map((object) => remove(client, kind, object)));
    }
  }
  return found;
}

function isDue({ metadata }: KubeObject, present: ReadonlySet<string | undefined>): boolean {
  if (metadata.deletionTimestamp !== undefined) return false;
  return !(metadata.ownerReferences ?? []).some((owner) => owner.controller === true && present.has(owner.uid));
}

async function remove(client: Client, kind: AnyKind, object: KubeObject): Promise<void> {
  const { uid } = object.metadata;
  try {
    await client.delete(kind, keyOf(object), {
      propagationPolicy: 'Background',
      ...(uid === undefined ? {} : { preconditions: { uid } }),
    });
  } catch (error) {
    // Gone, or another by now: the next look tells.
    if (!isNotFound(error) && !isConflict(error)) throw error;
  }
}

/** https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/namespace-v1/: the `finalize` subresource. */
async function finalize(client: Client, namespace: Namespace): Promise<void> {
  const finalizers = (namespace.spec?.finalizers ?? []).filter((name) => name !== FINALIZER);
  const { name = '' } = namespace.metadata;
  const body = { ...namespace, spec: { ...namespace.spec, finalizers } };
  try {
    await client.raw('PUT', `/api/v1/namespaces/${encodeURIComponent(name)}/finalize`, body);
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}

/** Says in the namespace's status what its deletion waits for. */
async function report(
  client: Client,
  namespace: Namespace,
  remaining: readonly Remaining[],
  now: number,
): Promise<void> {
  const content = remaining.map(({ kind, objects }) => `${kind.plural} has ${objects.length}`).join(', ');
  const finalizers = new Set(
    remaining.flatMap(({ objects }) => objects.flatMap(({ metadata }) => metadata.finalizers ?? [])),
  );
  let conditions = withCondition(
    namespace.status?.conditions,
    {
      type: 'NamespaceContentRemaining',
      status: 'True',
      reason: 'SomeResourcesRemain',
      message: `Some resources are remaining: ${content}`,
    },
    now,
  );
  if (finalizers.size > 0) {
    const message = `Some content in the namespace has finalizers remaining: ${[...finalizers].sort().join(', ')}`;
    conditions = withCondition(
      conditions,
      { type: 'NamespaceFinalizersRemaining', status: 'True', reason: 'SomeFinalizersRemain', message },
      now,
    );
  }
  const status = { ...namespace.status, conditions };
  if (!equal(status, namespace.status)) {
    await client.patch(Namespace, keyOf(namespace), { type: 'merge', body: { status: { conditions } } }, 'status');
  }
}
