/** Keeps as many pods of a template as each ReplicaSet asks for. */
import { ReplicaSet } from '../../api/apps/v1/replicaset.ts';
import { selectorOf } from '../../api/selectors.ts';
import type { ControllerParts, Run } from '../parts.ts';
import type { Family } from '../replicas/family.ts';
import { replicaController } from '../replicas/replicas.ts';

const replicaSets: Family<ReplicaSet> = {
  kind: ReplicaSet,
  component: 'replicaset-controller',
  wanted: ({ spec }) => ({
    replicas: spec.replicas ?? 1,
    minReadySeconds: spec.minReadySeconds ?? 0,
    selector: selectorOf(spec.selector),
    template: spec.template,
  }),
  status: ({ status }) => status,
  withStatus: (set, status) => ({ ...set, status }),
};

/** Makes the controller of ReplicaSets. */
export function replicaSetController(parts: ControllerParts): Run {
  return replicaController(parts, replicaSets);
}
