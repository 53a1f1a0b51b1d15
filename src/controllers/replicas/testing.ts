/** For tests of what makes pods: sets of pods, and somebody who plays the nodes. */
import type { ReplicaSet } from '../../api/apps/v1/replicaset.ts';
import { Pod } from '../../api/core/v1/pod.ts';
import { keyOf } from '../../api/meta/v1.ts';
import { printTime } from '../../api/time.ts';
import type { World } from '../testing.ts';

export const NAMESPACE = 'ns';

/** A template of pods with the label `app: web`. */
export const webTemplate = (image = 'web:1') => ({
  metadata: { labels: { app: 'web' } },
  spec: { containers: [{ name: 'web', image }] },
});

export function replicaSet(fields: Partial<ReplicaSet['spec']> = {}, name = 'web'): ReplicaSet {
  return {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: { namespace: NAMESPACE, name, uid: `uid-of-${name}` },
    spec: { replicas: 2, selector: { matchLabels: { app: 'web' } }, template: webTemplate(), ...fields },
  };
}

export function alone(name: string, labels: Readonly<Record<string, string>>): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { namespace: NAMESPACE, name, uid: name, labels },
    spec: { containers: [{ name: 'c', image: 'i' }] },
  };
}

/** The pods that nobody has asked to end. */
export async function livePods(w: World): Promise<readonly Pod[]> {
  return (await w.all(Pod)).filter(({ metadata }) => metadata.deletionTimestamp === undefined);
}

/** What a node writes of a pod that it runs. */
export function becomes(w: World, pod: Pod, ready: boolean, phase = 'Running'): void {
  const conditions = [
    { type: 'Ready', status: ready ? 'True' : 'False', lastTransitionTime: printTime(w.clock.now()) },
  ];
  w.client.seed({ ...pod, status: { ...pod.status, phase, conditions } });
}

/** What a node does: what is to end ends, and the rest becomes ready. */
export async function runPods(w: World): Promise<void> {
  for (const pod of await w.all(Pod)) {
    if (pod.metadata.deletionTimestamp !== undefined) w.client.remove(Pod, keyOf(pod));
    else if (pod.status?.phase !== 'Running') becomes(w, pod, true);
  }
  await w.settle();
}
