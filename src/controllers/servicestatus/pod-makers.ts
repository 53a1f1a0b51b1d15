/** What makes pods: where a Service selects what it would make, and there is nothing, it says why. Pure. */
import { Deployment } from '../../api/apps/v1/deployment.ts';
import { ReplicaSet } from '../../api/apps/v1/replicaset.ts';
import type { PodTemplateSpec } from '../../api/core/v1/pod-spec.ts';
import { ReplicationController } from '../../api/core/v1/replicationcontroller.ts';
import type { AnyKind } from '../../api/kinds.ts';
import { findCondition } from '../../api/meta/conditions.ts';
import type { Condition, KubeObject } from '../../api/meta/v1.ts';
import type { Finding } from './finding.ts';

/** A Deployment, or a set of pods that is nobody's. */
export interface PodMaker {
  /** `deployment web`. */
  readonly name: string;
  readonly namespace: string;
  /** Labels of the pods that it makes. */
  readonly labels: Readonly<Record<string, string>>;
  readonly replicas: number;
  readonly paused: boolean;
  /** What keeps it from making pods, in its own words. */
  readonly failure: string | undefined;
}

/** The kinds that make pods for a Service to select. */
export const MAKERS: readonly AnyKind[] = [Deployment, ReplicaSet, ReplicationController];

/** What {@link MAKERS} have in common. */
export type Maker = KubeObject & {
  readonly spec: { readonly replicas?: number; readonly paused?: boolean; readonly template: PodTemplateSpec };
  readonly status?: { readonly conditions?: readonly Condition[] };
};

/** What one of {@link MAKERS} makes; nothing of its own when another makes it. `kind` is the kind's singular name. */
export function podMaker(kind: string, { metadata, spec, status }: Maker): readonly PodMaker[] {
  if (metadata.ownerReferences?.some(({ controller }) => controller)) return [];
  const refused = findCondition(status?.conditions, 'ReplicaFailure');
  const stuck = findCondition(status?.conditions, 'Progressing');
  const why = refused ?? (stuck?.status === 'False' ? stuck : undefined);
  return [
    {
      name: `${kind} ${metadata.name}`,
      namespace: metadata.namespace ?? '',
      labels: spec.template.metadata?.labels ?? {},
      replicas: spec.replicas ?? 1,
      paused: spec.paused ?? false,
      failure: why?.message,
    },
  ];
}

/** Why one that makes pods with the right labels has none. */
export function whyNoPods({ name, namespace, replicas, paused, failure }: PodMaker): Finding {
  const kind = 'not-running';
  const target = name.replace(' ', '/');
  if (replicas === 0) {
    const message = `${name} makes pods with the label, and is to have none: its spec.replicas is 0`;
    return { kind, message, remedy: `kubectl scale ${target} -n ${namespace} --replicas=1` };
  }
  if (failure !== undefined) {
    const message = `${name} makes pods with the label, and cannot: ${failure}`;
    return { kind, message, remedy: `kubectl describe ${target} -n ${namespace}` };
  }
  if (paused) {
    const message = `${name} makes pods with the label, and is paused`;
    return { kind, message, remedy: `kubectl rollout resume ${target} -n ${namespace}` };
  }
  return { kind, message: `${name} makes pods with the label, and there is none yet` };
}
