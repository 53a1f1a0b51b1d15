/** What ReplicaSets and ReplicationControllers have in common: the seam between them and the one controller of both. */

import type { ReplicaSetStatus } from '../../api/apps/v1/replicaset.ts';
import type { PodTemplateSpec } from '../../api/core/v1/pod-spec.ts';
import type { Kind } from '../../api/kind.ts';
import type { KubeObject } from '../../api/meta/v1.ts';
import type { Selector } from '../../api/selectors.ts';

/** So many pods of one template: what a replica set asks for. */
export interface Wanted {
  readonly replicas: number;
  readonly minReadySeconds: number;
  readonly selector: Selector;
  readonly template: PodTemplateSpec;
}

/** One of the kinds, whose objects are called sets here. */
export interface Family<T extends KubeObject> {
  readonly kind: Kind<T>;
  /** Who reports Events. */
  readonly component: string;
  readonly wanted: (set: T) => Wanted;
  readonly status: (set: T) => ReplicaSetStatus | undefined;
  readonly withStatus: (set: T, status: ReplicaSetStatus) => T;
}
