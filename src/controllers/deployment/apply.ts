/** Makes, changes and deletes the replica sets of a deployment, and tells of it. */
import type { Deployment } from '../../api/apps/v1/deployment.ts';
import { ReplicaSet } from '../../api/apps/v1/replicaset.ts';
import { keyOf } from '../../api/meta/v1.ts';
import { isAlreadyExists } from '../../api/status.ts';
import type { Client } from '../../client/client.ts';
import type { EventRecorder } from '../../client/events.ts';
import { ignoreNotFound, isNamespaceTerminating } from '../../client/expected.ts';
import type { OwnWrites } from '../../client/own-writes.ts';
import { messageOf } from '../../lib/errors.ts';
import { controllerUID } from '../ownership.ts';
import type { Change } from './desired.ts';
import { sizeOf } from './sets.ts';
import { sameTemplate } from './template.ts';

/** What a step is taken with. */
export interface Hands {
  readonly client: Client;
  readonly events: EventRecorder;
  /** Grouped by the UID of the deployment. */
  readonly sets: OwnWrites<ReplicaSet>;
}

/** What became of a step. */
export type Outcome =
  | { readonly kind: 'done'; readonly created: string | undefined }
  /** The name of the new set is taken by one that is not ours, or not of this template. */
  | { readonly kind: 'collision' }
  | { readonly kind: 'not-created'; readonly set: ReplicaSet; readonly error: unknown };

/** Carries out one step. Throws what the API answers, but for a set that it does not make. */
export async function applyChanges(deployment: Deployment, changes: readonly Change[], hands: Hands): Promise<Outcome> {
  let created: string | undefined;
  for (const change of changes) {
    if (change.kind === 'create') {
      const outcome = await createSet(deployment, change.set, hands);
      if (outcome.kind !== 'done') return outcome;
      created = outcome.created;
    } else if (change.kind === 'update') await updateSet(deployment, change.set, change.from, hands);
    else await deleteSet(change.set, hands);
  }
  return { kind: 'done', created };
}

async function createSet(deployment: Deployment, set: ReplicaSet, hands: Hands): Promise<Outcome> {
  const { client, events, sets } = hands;
  try {
    sets.remember(await client.create(ReplicaSet, set));
  } catch (error) {
    if (isAlreadyExists(error)) return adoptOwn(deployment, set, hands);
    if (isNamespaceTerminating(error)) throw error;
    const message = `Failed to create new replica set "${set.metadata.name}": ${messageOf(error)}`;
    events.event(deployment, 'Warning', 'ReplicaSetCreateError', message);
    return { kind: 'not-created', set, error };
  }
  tellOfScaling(deployment, set, 0, hands);
  return { kind: 'done', created: set.metadata.name };
}

/** The set may be ours: the informer had not told of it. */
async function adoptOwn(deployment: Deployment, set: ReplicaSet, { client, sets }: Hands): Promise<Outcome> {
  const found = await client.get(ReplicaSet, keyOf(set));
  const isOurs = controllerUID(found) === deployment.metadata.uid;
  if (!isOurs || !sameTemplate(found.spec.template, set.spec.template)) return { kind: 'collision' };
  sets.remember(found);
  return { kind: 'done', created: set.metadata.name };
}

async function updateSet(deployment: Deployment, set: ReplicaSet, from: number, hands: Hands): Promise<void> {
  hands.sets.remember(await hands.client.update(ReplicaSet, set));
  tellOfScaling(deployment, set, from, hands);
}

function tellOfScaling(deployment: Deployment, set: ReplicaSet, from: number, { events }: Hands): void {
  const to = sizeOf(set);
  if (to === from) return;
  const how = to > from ? 'up' : 'down';
  const message = `Scaled ${how} replica set ${set.metadata.name} from ${from} to ${to}`;
  events.event(deployment, 'Normal', 'ScalingReplicaSet', message);
}

async function deleteSet(set: ReplicaSet, { client }: Hands): Promise<void> {
  const { uid = '', resourceVersion = '' } = set.metadata;
  // Of the very version that has no pods: somebody may want to go back to it now.
  await client.delete(ReplicaSet, keyOf(set), { preconditions: { uid, resourceVersion } }).catch(ignoreNotFound);
}
