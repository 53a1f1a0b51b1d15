/** core/v1 Node. */
import { defineKind, type Resource } from '../../kind.ts';
import { conditions } from '../../meta/v1.ts';
import {
  boolean,
  int32,
  list,
  map,
  object,
  open,
  quantity,
  required,
  set,
  string,
  type TypeOf,
  time,
} from '../../schema.ts';
import { prepareNode, validateNode } from './node.admission.ts';
import { nodeColumns } from './node.columns.ts';

export const taint = object({
  key: required(string()),
  value: string(),
  effect: required(string('NoSchedule, PreferNoSchedule or NoExecute.')),
  timeAdded: time(),
});
export const nodeAddress = object({
  type: required(string('InternalIP, ExternalIP, Hostname.')),
  address: required(string()),
});

const fields = object(
  {
    spec: object({
      podCIDR: string('The first of podCIDRs.'),
      podCIDRs: set(string(), 'The prefixes of this node’s pods, at most one per family.'),
      providerID: string(),
      unschedulable: boolean('No new pod is placed here.'),
      taints: list(taint),
    }),
    status: open(
      object(
        {
          capacity: map(quantity()),
          allocatable: map(quantity()),
          phase: string(),
          conditions,
          addresses: list(nodeAddress),
          daemonEndpoints: object({ kubeletEndpoint: object({ Port: int32() }) }),
          nodeInfo: object({
            machineID: string(),
            systemUUID: string(),
            bootID: string(),
            kernelVersion: string(),
            osImage: string(),
            containerRuntimeVersion: string(),
            kubeletVersion: string(),
            kubeProxyVersion: string(),
            operatingSystem: string(),
            architecture: string(),
          }),
        },
        'What the node last said of itself.',
      ),
    ),
  },
  'A machine that runs guests and forwards Services.',
);
export type Node = Resource<TypeOf<typeof fields>>;

export const Node = defineKind({
  group: '',
  version: 'v1',
  kind: 'Node',
  plural: 'nodes',
  shortNames: ['no'],
  namespaced: false,
  generation: false,
  status: true,
  schema: fields,
  selectableFields: { 'spec.unschedulable': ({ spec }) => String(spec?.unschedulable ?? false) },
  columns: nodeColumns,
  age: false,
  prepare: prepareNode,
  validate: validateNode,
});
