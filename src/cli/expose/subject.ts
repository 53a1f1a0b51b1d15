/** Finds what is to be exposed, and reads from it whom a Service has to select and which ports it declares. */
import { Pod } from '../../api/core/v1/pod.ts';
import { declaredPorts } from '../../api/kubevirt/v1/declared-ports.ts';
import type { InstanceSpec } from '../../api/kubevirt/v1/instance-spec.ts';
import { VirtualMachine } from '../../api/kubevirt/v1/virtualmachine.ts';
import { nameLabelValue, VirtualMachineInstance, VM_NAME_LABEL } from '../../api/kubevirt/v1/virtualmachineinstance.ts';
import { ApiError, isNotFound } from '../../api/status.ts';
import type { Client } from '../../client/client.ts';
import { UserError } from '../errors.ts';
import type { Subject } from './service.ts';

export type SubjectType = 'vm' | 'vmi' | 'vmirs' | 'pod';

const NAMES: Readonly<Record<SubjectType, readonly string[]>> = {
  vm: ['vm', 'vms', 'virtualmachine', 'virtualmachines'],
  vmi: ['vmi', 'vmis', 'virtualmachineinstance', 'virtualmachineinstances'],
  vmirs: ['vmirs', 'vmirss', 'virtualmachineinstancereplicaset', 'virtualmachineinstancereplicasets'],
  pod: ['pod', 'pods', 'po'],
};

/** The type of a word such as `vm` or `virtualmachines`. Throws a {@link UserError} for any other. */
export function subjectType(word: string): SubjectType {
  const found = (Object.keys(NAMES) as SubjectType[]).find((type) => NAMES[type].includes(word.toLowerCase()));
  if (found !== undefined) return found;
  throw new UserError(
    `"${word}" cannot be exposed`,
    'Expose a vm, a vmi, a vmirs or a pod: postern expose vm NAME --port PORT',
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
      return { ...about, ...(await readReplicaSet(client, key)) };
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
  const ports = (spec?.containers ?? []).flatMap((container) => container.ports ?? []);
  return {
    selector,
    ports: ports.map(({ name, containerPort, protocol = 'TCP' }) => ({
      ...(name ? { name } : {}),
      port: containerPort,
      protocol,
    })),
  };
}

/** As far as it is read here. https://kubevirt.io/api-reference/ */
interface ReplicaSet {
  readonly spec: {
    readonly selector?: {
      readonly matchLabels?: Readonly<Record<string, string>>;
      readonly matchExpressions?: object[];
    };
    readonly template: { readonly spec: InstanceSpec };
  };
}

/** Postern does not serve this kind; a cluster with KubeVirt, to which the kubeconfig may lead as well, does. */
async function readReplicaSet(
  client: Client,
  { namespace, name }: { readonly namespace: string; readonly name: string },
): Promise<Pick<Subject, 'selector' | 'ports'>> {
  const path = `/apis/kubevirt.io/v1/namespaces/${encodeURIComponent(namespace)}/virtualmachineinstancereplicasets/${encodeURIComponent(name)}`;
  let found: ReplicaSet;
  try {
    found = (await client.raw('GET', path)) as ReplicaSet;
  } catch (error) {
    if (!isNotServed(error)) throw error;
    throw new UserError(
      'this server has no VirtualMachineInstanceReplicaSets',
      'Expose one machine with `postern expose vm NAME`, or give several a label in spec.template.metadata.labels and select it with a Service of your own.',
      { cause: error },
    );
  }
  const { selector, template } = found.spec;
  if (selector?.matchLabels === undefined || (selector.matchExpressions ?? []).length > 0) {
    throw new UserError(`the selector of vmirs ${name} is not made of matchLabels only, as that of a Service is`);
  }
  return { selector: selector.matchLabels, ports: declaredPorts(template.spec) };
}

/** The answer for a resource that is not there at all names no object. */
function isNotServed(error: unknown): boolean {
  return isNotFound(error) && error instanceof ApiError && error.status.details?.name === undefined;
}
