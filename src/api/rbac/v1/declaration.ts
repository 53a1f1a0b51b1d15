/** What the kinds of rbac.authorization.k8s.io have in common. */
import type { Column } from '../../kind.ts';
import type { KubeObject } from '../../meta/v1.ts';
import { RBAC_GROUP } from './rules.ts';

/** Names may be `system:node`: whatever can stand in a path. */
export const RBAC = {
  group: RBAC_GROUP,
  version: 'v1',
  generation: false,
  createOnUpdate: true,
  nameFormat: 'path-segment',
} as const;

/** Roles have no columns of their own in Kubernetes: it then shows when an object was made. */
export const createdAt: Column<KubeObject> = {
  name: 'Created At',
  type: 'date',
  value: ({ metadata }) => metadata.creationTimestamp ?? '',
};
