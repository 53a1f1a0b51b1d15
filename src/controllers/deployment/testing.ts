/** For tests of the deployment controller. */
import { Deployment } from '../../api/apps/v1/deployment.ts';
import { ReplicaSet } from '../../api/apps/v1/replicaset.ts';
import { NAMESPACE, webTemplate } from '../replicas/testing.ts';
import type { World } from '../testing.ts';
import { sizeOf } from './sets.ts';

export const key = { namespace: NAMESPACE, name: 'web' };

/** As the server stores it: with defaults. */
export function deployment(fields: Partial<Deployment['spec']> = {}): Deployment {
  return Deployment.defaults({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { ...key, uid: 'uid-of-deployment' },
    spec: { replicas: 4, selector: { matchLabels: { app: 'web' } }, template: webTemplate(), ...fields },
  });
}

/** The deployment as it is now. Throws when there is none. */
export async function stored(w: World): Promise<Deployment> {
  return w.client.get(Deployment, key);
}

/** Changes the spec, as a user does. */
export async function edit(w: World, fields: Partial<Deployment['spec']>): Promise<void> {
  await w.client.patch(Deployment, key, { type: 'merge', body: { spec: fields } });
  await w.settle();
}

export async function replicaSets(w: World): Promise<readonly ReplicaSet[]> {
  return w.all(ReplicaSet);
}

/** Image → how many pods are wanted of it, of the sets that want any. */
export async function sizes(w: World): Promise<Record<string, number>> {
  const sets = (await replicaSets(w)).filter((set) => sizeOf(set) > 0);
  return Object.fromEntries(sets.map((set) => [imageOf(set), sizeOf(set)]));
}

export function imageOf({ spec }: Pick<ReplicaSet, 'spec'>): string {
  return spec.template.spec?.containers?.[0]?.image ?? '';
}
