/** The pod of an instance. Pure. It carries the labels, node and addresses, as KubeVirt's virt-launcher pod does. */
import { Pod } from '../../api/core/v1/pod.ts';
import { declaredPorts } from '../../api/kubevirt/v1/declared-ports.ts';
import {
  CREATED_BY_LABEL,
  LAUNCHER_LABEL,
  nameLabelValue,
  VirtualMachineInstance,
  VM_NAME_LABEL,
} from '../../api/kubevirt/v1/virtualmachineinstance.ts';

/** Longest prefix that the server completes to a name: 253 characters less its five. */
const PREFIX_LIMIT = 248;
/** Longest name of a host: RFC 1123 section 2.1. */
const HOSTNAME_LIMIT = 63;
/** Seconds, KubeVirt's default. */
const GRACE_PERIOD = 30;

/** Seconds that a guest gets to power off. */
export function gracePeriod(vmi: VirtualMachineInstance): number {
  return vmi.spec.terminationGracePeriodSeconds ?? GRACE_PERIOD;
}

/** The pod to create for an instance that is to run on a node. The server completes its name. */
export function launcherPod(vmi: VirtualMachineInstance, nodeName: string): Pod {
  const { name = '', namespace = '', uid = '', labels, annotations } = vmi.metadata;
  const owner = { apiVersion: VirtualMachineInstance.apiVersion, kind: VirtualMachineInstance.kind, name, uid };
  const { nodeSelector, hostname } = vmi.spec;
  const subdomain = text((vmi.spec as Readonly<Record<string, unknown>>)['subdomain']);
  const ports = containerPorts(vmi);
  return {
    apiVersion: Pod.apiVersion,
    kind: Pod.kind,
    metadata: {
      generateName: `virt-launcher-${name}-`.slice(0, PREFIX_LIMIT),
      namespace,
      labels: {
        ...labels,
        [LAUNCHER_LABEL]: 'virt-launcher',
        [CREATED_BY_LABEL]: uid,
        [VM_NAME_LABEL]: nameLabelValue(name),
      },
      annotations: { ...kubevirtAnnotations(annotations), 'kubevirt.io/domain': name },
      ownerReferences: [{ ...owner, controller: true, blockOwnerDeletion: true }],
    },
    spec: {
      nodeName,
      hostname: (hostname ?? name).slice(0, HOSTNAME_LIMIT),
      ...(subdomain ? { subdomain } : {}),
      ...(nodeSelector ? { nodeSelector } : {}),
      restartPolicy: 'Never',
      terminationGracePeriodSeconds: gracePeriod(vmi),
      containers: [{ name: 'compute', image: 'postern/guest', ...(ports.length > 0 ? { ports } : {}) }],
    },
  };
}

/** The note about the template is the instance's business; what users wrote goes on to the pod, as in KubeVirt. */
function kubevirtAnnotations(annotations: Readonly<Record<string, string>> | undefined): Record<string, string> {
  return Object.fromEntries(Object.entries(annotations ?? {}).filter(([key]) => !key.startsWith('postern.dev/')));
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** Ports that the guest's interfaces declare: what a Service's named targetPort refers to. */
function containerPorts({ spec }: VirtualMachineInstance) {
  return declaredPorts(spec).map(({ port, ...rest }) => ({ ...rest, containerPort: port }));
}
