/** The Node object that describes this machine. Pure. */
import type { Node } from '../api/core/v1/node.ts';
import { AGENT_ID } from '../api/core/v1/node-identity.ts';
import { findCondition } from '../api/meta/conditions.ts';
import type { Condition } from '../api/meta/v1.ts';
import { printTime } from '../api/time.ts';

/** What was found out about the machine when the agent started. */
export interface Machine {
  readonly hostname: string;
  /** As Kubernetes spells architectures: amd64, arm64. */
  readonly architecture: string;
  readonly cpus: number;
  /** Bytes. */
  readonly memory: number;
  readonly kernelVersion: string;
  readonly osImage: string;
  readonly machineID: string;
  readonly bootID: string;
}

export interface NodeInput {
  readonly nodeName: string;
  /** InternalIPs, the primary family first. */
  readonly addresses: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly machine: Machine;
  /** Kept on the Node, for others of the name to see; undefined: nobody asks. */
  readonly agentId?: string | undefined;
}

/** Version of Kubernetes' API that this agent speaks. */
const VERSION = 'v1.34.0+postern';
/** Guests that one node is taken to be able to run: Kubernetes' default for pods. */
const MAX_PODS = 110;
/** Set by the node itself; others cannot take them off for long. */
const OWN_LABELS = ['kubernetes.io/hostname', 'kubernetes.io/os', 'kubernetes.io/arch'] as const;

/** The node as it should be: what this agent knows is overwritten, what others wrote (CIDRs, taints, labels) stays. */
export function desiredNode(input: NodeInput, current: Node | undefined): Node {
  const { nodeName, labels, machine, agentId } = input;
  const ours = { ...input.annotations, ...(agentId === undefined ? {} : { [AGENT_ID]: agentId }) };
  const annotations = Object.keys(ours).length === 0 ? undefined : { ...current?.metadata.annotations, ...ours };
  const [hostname, os, arch] = OWN_LABELS;
  const own = { [hostname]: nodeName, [os]: 'linux', [arch]: machine.architecture };
  return {
    apiVersion: 'v1',
    kind: 'Node',
    ...current,
    metadata: {
      ...current?.metadata,
      name: nodeName,
      labels: { ...current?.metadata.labels, ...labels, ...own },
      ...(annotations && { annotations }),
    },
  };
}

/** The node's status. `now` is wall-clock milliseconds; transition times stay while a condition's status does. */
export function desiredStatus(input: NodeInput, current: Node['status'], now: number): NonNullable<Node['status']> {
  const { nodeName, addresses, machine } = input;
  const resources = {
    cpu: String(machine.cpus),
    memory: `${Math.floor(machine.memory / 1024)}Ki`,
    pods: String(MAX_PODS),
  };
  return {
    ...current,
    addresses: [
      ...addresses.map((address) => ({ type: 'InternalIP', address })),
      { type: 'Hostname', address: nodeName },
      // A cloud says those.
      ...(current?.addresses ?? []).filter(({ type }) => type === 'ExternalIP'),
    ],
    capacity: resources,
    allocatable: resources,
    conditions: conditions(current?.conditions ?? [], now),
    nodeInfo: {
      machineID: machine.machineID,
      systemUUID: machine.machineID,
      bootID: machine.bootID,
      kernelVersion: machine.kernelVersion,
      osImage: machine.osImage,
      // Where there is a runtime, the part that runs containers says which.
      containerRuntimeVersion: current?.nodeInfo?.containerRuntimeVersion || 'postern://0.1.0',
      kubeletVersion: VERSION,
      kubeProxyVersion: VERSION,
      operatingSystem: 'linux',
      architecture: machine.architecture,
    },
  };
}

function conditions(current: readonly Condition[], now: number): readonly Condition[] {
  const ready: Condition = {
    type: 'Ready',
    status: 'True',
    reason: 'AgentReady',
    message: 'the agent is running and reaches the API server',
  };
  const before = findCondition(current, 'Ready');
  const at = printTime(now);
  const since = before?.status === 'True' ? before.lastTransitionTime : undefined;
  // The heartbeat is the lease's; that of the condition only says when the condition was last written.
  const next = { ...ready, lastHeartbeatTime: at, lastTransitionTime: since ?? at };
  const same = before?.status === 'True' && before.reason === ready.reason && before.message === ready.message;
  return [...current.filter(({ type }) => type !== 'Ready'), same ? before : next];
}
