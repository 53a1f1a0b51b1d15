/** coordination.k8s.io/v1 Lease. */
import { defineKind, type ObjectOf } from '../../kind.ts';
import { int32, object, string, time } from '../../schema.ts';

export const Lease = defineKind({
  group: 'coordination.k8s.io',
  version: 'v1',
  kind: 'Lease',
  plural: 'leases',
  namespaced: true,
  schema: object({
    spec: object({
      holderIdentity: string(),
      leaseDurationSeconds: int32(),
      acquireTime: time(),
      renewTime: time(),
      leaseTransitions: int32(),
      strategy: string(),
      preferredHolder: string(),
    }),
  }),
  columns: [{ name: 'Holder', type: 'string', value: (lease) => lease.spec?.holderIdentity ?? '' }],
});
export type Lease = ObjectOf<typeof Lease>;
