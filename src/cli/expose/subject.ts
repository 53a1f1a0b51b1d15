/** Finds what is to be exposed, and reads from it whom a Service has to select and which ports it declares. */
import { Deployment } from '../../api/apps/v1/deployment.ts';
import { ReplicaSet } from '../../api/apps/v1/replicaset.ts';
import { Pod } from '../../api/core/v1/pod.ts';
import type { PodSpec } from '../../api/core/v1/pod-spec.ts';
import { ReplicationController } from '../../api/core/v1/replicationcontroller.ts';
import { declaredPorts } from '../../api/kubevirt/v1/declared-ports.ts';
import { VirtualMachine } from '../../api/kubevirt/v1/virtualmachine.ts';
import { nameLabelValue, VirtualMachineInstance, VM_NAME_LABEL } from '../../api/kubevirt/v1/virtualmachineinstance.ts';
import { VirtualMachineInstanceReplicaSet } from '../../api/kubevirt/v1/virtualmachineinstancereplicaset.ts';
import type { Client } from '../../client/client.ts';
import { UserError } from '../errors.ts';
import type { Subject } from './service.ts';

export type SubjectType = 'vm' | 'vmi' | 'vmirs' | 'deployment' | 'rs' | 'rc' | 'pod';

const NAMES: Readonly<Record<SubjectType, readonly string[]>> = {
  vm: ['vm', 'vms', 'virtualmachine', 'virtualmachines'],
  vmi: ['vmi', 'vmis', 'virtualmachineinstance', 'virtualmachineinstances'],
  vmirs: ['vmirs', 'vmirss', 'virtualmachineinstancereplicaset', 'virtualmachineinstancereplicasets'],
  deployment: ['deployment', 'deployments', 'deploy'],
  rs: ['rs', 'replicaset', 'replicasets'],
  rc: ['rc', 'replicationcontroller', 'replicationcontrollers'],
  pod: ['pod', 'pods', 'po'],
};

/** The type of a word such as `vm` or `virtualmachines`. Throws a {@link UserError} for any other. */
export function subjectType(word: string): SubjectType {
  const found = (Object.keys(NAMES) as SubjectType[]).find((type) => NAMES[type].includes(word.toLowerCase()));
  if (found !== undefined) return found;
  throw new UserError(
    `"${word}" cannot be exposed`,
    'Expose a vm, a vmi, a vmirs, a deployment, an rs, an rc or a pod: postern expose vm NAME --port PORT',
  );
}

/** Throws an ApiError, 404, when there is no such object. */
export async function readSubject(
  client: Client,
  type: SubjectType,
  key: { readonly namespace: string; readonly name: string },
): Promise<Subject> {
  const about = { what: `${type} ${key.name}`, namespace: key.namespace };
  switch (type) {
    case 'vm': {
      const { spec } = await client.get(VirtualMachine, key);
      return {
        ...about,
        selector: { [VM_NAME_LABEL]: nameLabelValue(key.name) },
        ports: declaredPorts(spec.template.spec),
      };
    }
    case 'vmi': {
      const { spec } = await client.get(VirtualMachineInstance, key);
      return { ...about, selector: { [VM_NAME_LABEL]: nameLabelValue(key.name) }, ports: declaredPorts(spec) };
    }
    case 'vmirs':
      return { ...about, ...replicaSetSubject(await client.get(VirtualMachineInstanceReplicaSet, key), about.what) };
    case 'deployment':
      return { ...about, ...workloadSubject(await client.get(Deployment, key), about.what) };
    case 'rs':
      return { ...about, ...workloadSubject(await client.get(ReplicaSet, key), about.what) };
    case 'rc': {
      const { spec } = await client.get(ReplicationController, key);
      return { ...about, selector: spec.selector ?? {}, ports: containerPorts(spec.template.spec) };
    }
    case 'pod':
      return { ...about, ...podSubject(await client.get(Pod, key), about.what) };
  }
}

function podSubject({ metadata, spec }: Pod, what: string): Pick<Subject, 'selector' | 'ports'> {
  const selector = metadata.labels ?? {};
  if (Object.keys(selector).length === 0) {
    throw new UserError(
      `${what} has no labels, so a Service cannot select it`,
      `Give it one first: kubectl label pod ${metadata.name} -n ${metadata.namespace} app=${metadata.name}`,
    );
  }
  return { selector, ports: containerPorts(spec) };
}

function containerPorts(spec: PodSpec = {}): Subject['ports'] {
  const ports = (spec.containers ?? []).flatMap((container) => container.ports ?? []);
  return ports.map(({ name, containerPort, protocol = 'TCP' }) => ({
    ...(name ? { name } : {}),
    port: containerPort,
    protocol,
  }));
}

/** As `kubectl expose` has it: no Service can say by labels what expressions say. */
function workloadSubject({ spec }: Deployment | ReplicaSet, what: string): Pick<Subject, 'selector' | 'ports'> {
  const { matchLabels = {}, matchExpressions = [] } = spec.selector;
  if (matchExpressions.length > 0) {
    throw new UserError(
      `cannot expose ${what}: it has match expressions in spec.selector`,
      'Write a Service whose selector has labels of its template: spec.template.metadata.labels',
    );
  }
  return { selector: matchLabels, ports: containerPorts(spec.template.spec) };
}

/** A Service's selector is a map of labels, so one that also has expressions cannot be told by it: `virtctl` refuses too. */
function replicaSetSubject(
  { metadata, spec }: VirtualMachineInstanceReplicaSet,
  what: string,
): Pick<Subject, 'selector' | 'ports'> {
  const { matchLabels = {}, matchExpressions = [] } = spec.selector;
  if (matchExpressions.length > 0 || Object.keys(matchLabels).length === 0) {
    throw new UserError(
      `cannot expose VirtualMachineInstanceReplicaSet with match expressions: ${what} has them in spec.selector`,
      `Write a Service whose selector has labels of its template: kubectl get vmirs ${metadata.name} -n ${metadata.namespace} -o jsonpath={.spec.template.metadata.labels}`,
    );
  }
  return { selector: matchLabels, ports: declaredPorts(spec.template.spec) };
}
