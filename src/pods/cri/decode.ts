/** What the runtime answers, from the shapes that `proto/runtime.proto` names. Numbers of 64 bits arrive as strings. */
import type {
  ContainerRunState,
  ContainerStats,
  ImageInfo,
  RuntimeContainer,
  RuntimeContainerStatus,
  RuntimeStatus,
  Sandbox,
  SandboxMetadata,
  SandboxStatus,
} from './cri.ts';

type Labels = Readonly<Record<string, string>>;

export interface WireSandbox {
  readonly id: string;
  readonly metadata: SandboxMetadata;
  readonly state: `SANDBOX_${Sandbox['state']}`;
  readonly createdAt: string;
  readonly labels: Labels;
  readonly annotations: Labels;
}

export interface WireSandboxStatus extends WireSandbox {
  readonly network: { readonly ip: string; readonly additionalIps: readonly { readonly ip: string }[] } | null;
}

interface WireContainerCommon {
  readonly id: string;
  readonly metadata: RuntimeContainer['metadata'];
  readonly state: `CONTAINER_${ContainerRunState}`;
  readonly createdAt: string;
  readonly image: { readonly image: string } | null;
  readonly imageRef: string;
  readonly labels: Labels;
  readonly annotations: Labels;
}

export interface WireContainer extends WireContainerCommon {
  readonly podSandboxId: string;
}

export interface WireContainerStatus extends WireContainerCommon {
  readonly startedAt: string;
  readonly finishedAt: string;
  readonly exitCode: number;
  readonly reason: string;
  readonly message: string;
  readonly logPath: string;
}

export interface WireImage {
  readonly id: string;
  readonly repoTags: readonly string[];
  readonly repoDigests: readonly string[];
  readonly size: string;
  readonly uid: { readonly value: string } | null;
  readonly username: string;
}

export interface WireContainerStats {
  readonly attributes: { readonly id: string; readonly labels: Labels } | null;
  readonly cpu: { readonly usageCoreNanoSeconds: { readonly value: string } | null } | null;
  readonly memory: { readonly workingSetBytes: { readonly value: string } | null } | null;
}

export interface WireStatus {
  readonly status: Pick<RuntimeStatus, 'conditions'> | null;
  readonly info: Labels;
}

export function decodeSandbox({ id, metadata, state, createdAt, labels, annotations }: WireSandbox): Sandbox {
  return {
    id,
    metadata,
    state: state === 'SANDBOX_READY' ? 'READY' : 'NOTREADY',
    createdAt: BigInt(createdAt),
    labels,
    annotations,
  };
}

export function decodeSandboxStatus(status: WireSandboxStatus): SandboxStatus {
  const { network } = status;
  const ips = network === null ? [] : [network.ip, ...network.additionalIps.map(({ ip }) => ip)];
  return { ...decodeSandbox(status), ips: ips.filter((ip) => ip !== '') };
}

const RUN_STATES: Readonly<Record<WireContainerCommon['state'], ContainerRunState>> = {
  CONTAINER_CREATED: 'CREATED',
  CONTAINER_RUNNING: 'RUNNING',
  CONTAINER_EXITED: 'EXITED',
  CONTAINER_UNKNOWN: 'UNKNOWN',
};

const common = (container: WireContainerCommon) => ({
  id: container.id,
  metadata: container.metadata,
  image: container.image?.image ?? '',
  imageRef: container.imageRef,
  state: RUN_STATES[container.state],
  createdAt: BigInt(container.createdAt),
  labels: container.labels,
  annotations: container.annotations,
});

export function decodeContainer(container: WireContainer): RuntimeContainer {
  return { ...common(container), sandboxID: container.podSandboxId };
}

/** Milliseconds, from nanoseconds that are 0 or less where nothing has happened yet. */
function milliseconds(nanoseconds: string): number | undefined {
  const value = Number(BigInt(nanoseconds) / 1_000_000n);
  return value > 0 ? value : undefined;
}

export function decodeContainerStatus(status: WireContainerStatus): RuntimeContainerStatus {
  const { exitCode, reason, message, logPath } = status;
  const startedAt = milliseconds(status.startedAt);
  const finishedAt = milliseconds(status.finishedAt);
  return {
    ...common(status),
    startedAt,
    // The start is noted once the runtime has been told of it; a short run may have ended by then.
    finishedAt: finishedAt === undefined ? undefined : Math.max(finishedAt, startedAt ?? finishedAt),
    exitCode,
    reason,
    message,
    logPath,
  };
}

export function decodeImage({ id, repoTags, repoDigests, size, uid, username }: WireImage): ImageInfo {
  return { id, repoTags, repoDigests, size: Number(size), uid: uid === null ? undefined : Number(uid.value), username };
}

export function decodeStats({ attributes, cpu, memory }: WireContainerStats): ContainerStats {
  const cpuUsage = cpu?.usageCoreNanoSeconds?.value;
  const workingSet = memory?.workingSetBytes?.value;
  return {
    id: attributes?.id ?? '',
    labels: attributes?.labels ?? {},
    ...(cpuUsage === undefined ? {} : { cpuUsage: BigInt(cpuUsage) }),
    ...(workingSet === undefined ? {} : { memoryWorkingSetBytes: Number(workingSet) }),
  };
}

export function decodeStatus({ status, info }: WireStatus): RuntimeStatus {
  return { conditions: status?.conditions ?? [], info };
}
