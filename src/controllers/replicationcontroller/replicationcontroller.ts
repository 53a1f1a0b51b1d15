/** Keeps as many pods of a template as each ReplicationController asks for. */
import { ReplicationController } from '../../api/core/v1/replicationcontroller.ts';
import { selectorOfLabels } from '../../api/selectors.ts';
import type { ControllerParts, Run } from '../parts.ts';
import type { Family } from '../replicas/family.ts';
import { replicaController } from '../replicas/replicas.ts';

const replicationControllers: Family<ReplicationController> = {
  kind: ReplicationController,
  component: 'replication-controller',
  wanted: ({ spec }) => ({
    replicas: spec.replicas ?? 1,
    minReadySeconds: spec.minReadySeconds ?? 0,
    selector: selectorOfLabels(spec.selector ?? {}),
    template: spec.template,
  }),
  status: ({ status }) => status,
  withStatus: (rc, status) => ({ ...rc, status }),
};

/** Makes the controller of ReplicationControllers. */
export function replicationControllerController(parts: ControllerParts): Run {
  return replicaController(parts, replicationControllers);
}
