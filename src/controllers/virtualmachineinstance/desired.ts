/** The pod of an instance. Pure. It carries the labels, node and addresses, as KubeVirt's virt-launcher pod does. */
import { Pod } from '../../api/core/v1/pod.ts';
import { declaredPorts } from '../../api/kubevirt/v1/declared-ports.ts';
import { GUEST_NODE } from '../../api/kubevirt/v1/launcher-pod.ts';
import {
  CREATED_BY_LABEL,
  LAUNCHER_LABEL,
  nameLabelValue,
  VirtualMachineInstance,
  VM_NAME_LABEL,
} from '../../api/kubevirt/v1/virtualmachineinstance.ts';
import { parseQuantity } from '../../api/quantity.ts';

/** Longest prefix that the server completes to a name: 253 characters less its five. */
const PREFIX_LIMIT = 248;
/** Longest name of a host: RFC 1123 section 2.1. */
const HOSTNAME_LIMIT = 63;
/** Thousandths of a processor for each of a guest's: KubeVirt's default. */
const CPU_REQUEST = 100;
/** Seconds, KubeVirt's default. */
const GRACE_PERIOD = 30;

/** Seconds that a guest gets to power off. */
export function gracePeriod(vmi: VirtualMachineInstance): number {
  return vmi.spec.terminationGracePeriodSeconds ?? GRACE_PERIOD;
}

/**
 * The pod to create for an instance. The server completes its name, the scheduler gives it a node: with `guestNodes` one of those that
 * run guests alone, as where other nodes are kubelets'.
 */
export function launcherPod(vmi: VirtualMachineInstance, guestNodes = false): Pod {
  const { name = '', namespace = '', uid = '', labels, annotations } = vmi.metadata;
  const owner = { apiVersion: VirtualMachineInstance.apiVersion, kind: VirtualMachineInstance.kind, name, uid };
  const { hostname } = vmi.spec;
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
      hostname: (hostname ?? name).slice(0, HOSTNAME_LIMIT),
      ...(subdomain ? { subdomain } : {}),
      ...placementOf(guestNodes ? onGuestNode(vmi.spec) : vmi.spec),
      restartPolicy: 'Never',
      terminationGracePeriodSeconds: gracePeriod(vmi),
      containers: [
        {
          name: 'compute',
          image: 'postern/guest',
          resources: { requests: guestRequests(vmi) },
          ...(ports.length > 0 ? { ports } : {}),
        },
      ],
    },
  };
}

type Spec = VirtualMachineInstance['spec'];

/** The same, for a Node that is there for guests, and that others keep off by its taint. */
const onGuestNode = (spec: Spec): Spec => ({
  ...spec,
  nodeSelector: { ...spec.nodeSelector, [GUEST_NODE]: 'true' },
  tolerations: [...(spec.tolerations ?? []), { key: GUEST_NODE, operator: 'Exists', effect: 'NoSchedule' }],
});

/** What an instance says of the nodes it may run on. */
function placementOf(spec: Spec): NonNullable<Pod['spec']> {
  const { nodeSelector, affinity, tolerations, topologySpreadConstraints, schedulerName } = spec;
  return {
    ...(nodeSelector ? { nodeSelector } : {}),
    ...(affinity ? { affinity } : {}),
    ...(tolerations ? { tolerations } : {}),
    ...(topologySpreadConstraints ? { topologySpreadConstraints } : {}),
    ...(schedulerName ? { schedulerName } : {}),
  };
}

/**
 * What a guest takes of its node, as KubeVirt counts it: all of its memory, and a tenth of each processor, which most guests leave
 * idle most of the time; unless the instance says otherwise. What is no quantity is left to the node to complain about.
 */
function guestRequests({ spec: { domain } }: VirtualMachineInstance): Record<string, string | number> {
  const { requests = {}, limits = {} } = domain.resources ?? {};
  const { cores = 1, sockets = 1, threads = 1 } = domain.cpu ?? {};
  const wanted = {
    ...requests,
    cpu: requests['cpu'] ?? limits['cpu'] ?? `${cores * sockets * threads * CPU_REQUEST}m`,
    memory: requests['memory'] ?? domain.memory?.guest ?? limits['memory'] ?? 0,
  };
  return Object.fromEntries(Object.entries(wanted).filter(([, quantity]) => (parseQuantity(quantity) ?? 0) > 0));
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
