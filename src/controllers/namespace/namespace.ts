/** Empties namespaces that are being deleted, then lets them go. */
import { Namespace } from '../../api/core/v1/namespace.ts';
import { type AnyKind, KINDS } from '../../api/kinds.ts';
import { type KubeObject, keyOf } from '../../api/meta/v1.ts';
import { isConflict, isNotFound } from '../../api/status.ts';
import type { Client } from '../../client/client.ts';
import { runController } from '../../client/controller.ts';
import { WorkQueue } from '../../client/work-queue.ts';
import { withCondition } from '../conditions.ts';
import { equal } from '../equal.ts';
import type { ControllerParts, Run } from '../parts.ts';

/** Milliseconds between looks while content is still ending: guests take seconds to power off. */
const LOOK_AGAIN = 300;
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
  namespaces.onChange(({ key, object }) => {
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
    queue.addAfter(name, LOOK_AGAIN);
  };
  return (signal) => runController({ name: 'namespace', queue, reconcile, workers: 2, log }, signal);
}

/** Asks for the end of everything in a namespace; returns what was there and does not go at once. */
async function deleteContent(client: Client, namespace: string): Promise<Remaining[]> {
  const left: Remaining[] = [];
  // Events last: the others' ends still make some.
  const kinds = KINDS.filter((kind) => kind.namespaced).sort(
    (a, b) => Number(a.kind === 'Event') - Number(b.kind === 'Event'),
  );
  for (const kind of kinds) {
    const { items } = await client.list<KubeObject>(kind, { namespace });
    const fresh = items.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
    for (let start = 0; start < fresh.length; start += PARALLEL) {
      await Promise.all(fresh.slice(start, start + PARALLEL).map((object) => remove(client, kind, object)));
    }
    const { items: objects } = items.length === 0 ? { items } : await client.list<KubeObject>(kind, { namespace });
    if (objects.length > 0) left.push({ kind, objects });
  }
  return left;
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
