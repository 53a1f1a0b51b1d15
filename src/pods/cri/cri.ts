/**
 * What is asked of a container runtime: the part of the Container Runtime Interface, version 1, that Postern uses, as plain data.
 * Names and meanings are those of the published interface (k8s.io/cri-api, runtime/v1). Numbers of 64 bits are numbers
 * here: none of these grows beyond 2^53.
 */

/** Failure of a call, with gRPC's own code: `unavailable` when the runtime cannot be reached. */
export type CRICode =
  | 'not-found'
  | 'already-exists'
  | 'invalid-argument'
  | 'unavailable'
  | 'deadline-exceeded'
  | 'cancelled'
  | 'unimplemented'
  | 'unknown';

/** A call that the runtime refused, or that did not reach it. */
export class CRIError extends Error {
  readonly code: CRICode;
  /** Name of the call: `RunPodSandbox`. */
  readonly call: string;

  constructor(call: string, code: CRICode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'CRIError';
    this.call = call;
    this.code = code;
  }
}

/** Whether the runtime says that what it was asked about is not there. */
export function isCRINotFound(error: unknown): error is CRIError {
  return error instanceof CRIError && error.code === 'not-found';
}

type Labels = Readonly<Record<string, string>>;

/** What tells one sandbox from all others. */
export interface SandboxMetadata {
  readonly name: string;
  readonly uid: string;
  readonly namespace: string;
  /** Counts the sandboxes of one pod. */
  readonly attempt: number;
}

/** A port of the node that leads to a port of the pod. */
export interface PortMapping {
  readonly protocol: 'TCP' | 'UDP' | 'SCTP';
  readonly containerPort: number;
  readonly hostPort: number;
  readonly hostIP: string;
}

/** NODE: the host's own. POD: shared by the pod's containers. CONTAINER: each its own. */
export type NamespaceMode = 'POD' | 'CONTAINER' | 'NODE';

export interface NamespaceOptions {
  readonly network: NamespaceMode;
  readonly pid: NamespaceMode;
  readonly ipc: NamespaceMode;
}

export interface SecurityProfile {
  readonly profileType: 'RuntimeDefault' | 'Unconfined' | 'Localhost';
  /** Absolute path (seccomp) or name (AppArmor) of a Localhost profile. */
  readonly localhostRef?: string;
}

export interface SELinuxOptions {
  readonly user: string;
  readonly role: string;
  readonly type: string;
  readonly level: string;
}

export interface SandboxSecurity {
  readonly namespaces: NamespaceOptions;
  readonly selinux?: SELinuxOptions;
  readonly runAsUser?: number;
  readonly runAsGroup?: number;
  readonly readonlyRootfs?: boolean;
  readonly supplementalGroups?: readonly number[];
  readonly privileged?: boolean;
  readonly seccomp?: SecurityProfile;
  readonly apparmor?: SecurityProfile;
}

/** A sandbox as it is to be made. */
export interface SandboxConfig {
  readonly metadata: SandboxMetadata;
  readonly hostname: string;
  /** Folder on the host under which the containers' logs are. */
  readonly logDirectory: string;
  readonly dns?: {
    readonly servers: readonly string[];
    readonly searches: readonly string[];
    readonly options: readonly string[];
  };
  readonly portMappings: readonly PortMapping[];
  readonly labels: Labels;
  readonly annotations: Labels;
  readonly linux: {
    readonly cgroupParent?: string;
    readonly security: SandboxSecurity;
    readonly sysctls: Labels;
  };
}

/** A path of the host that the container sees. */
export interface Mount {
  readonly containerPath: string;
  readonly hostPath: string;
  readonly readonly: boolean;
  readonly selinuxRelabel?: boolean;
  readonly propagation: 'PRIVATE' | 'HOST_TO_CONTAINER' | 'BIDIRECTIONAL';
}

/** As of cgroups; what is left out has no limit. */
export interface LinuxResources {
  readonly cpuPeriod?: number;
  readonly cpuQuota?: number;
  readonly cpuShares?: number;
  readonly memoryLimitInBytes?: number;
  readonly oomScoreAdj?: number;
  readonly cpusetCpus?: string;
  readonly cpusetMems?: string;
  /** Files of the unified hierarchy, by name. */
  readonly unified?: Labels;
}

export interface ContainerSecurity {
  readonly capabilities?: { readonly add: readonly string[]; readonly drop: readonly string[] };
  readonly privileged?: boolean;
  readonly namespaces: NamespaceOptions;
  readonly selinux?: SELinuxOptions;
  readonly runAsUser?: number;
  readonly runAsUsername?: string;
  readonly runAsGroup?: number;
  readonly readonlyRootfs?: boolean;
  readonly supplementalGroups?: readonly number[];
  readonly noNewPrivs?: boolean;
  readonly maskedPaths?: readonly string[];
  readonly readonlyPaths?: readonly string[];
  readonly seccomp?: SecurityProfile;
  readonly apparmor?: SecurityProfile;
}

/** A container as it is to be made. */
export interface ContainerConfig {
  readonly metadata: { readonly name: string; readonly attempt: number };
  /** What ImageStatus or PullImage called the image: its id, or a reference. */
  readonly image: string;
  readonly command: readonly string[];
  readonly args: readonly string[];
  readonly workingDir: string;
  readonly envs: readonly { readonly key: string; readonly value: string }[];
  readonly mounts: readonly Mount[];
  readonly labels: Labels;
  readonly annotations: Labels;
  /** Relative to the sandbox's folder of logs. */
  readonly logPath: string;
  readonly stdin: boolean;
  readonly stdinOnce: boolean;
  readonly tty: boolean;
  readonly linux: { readonly resources: LinuxResources; readonly security: ContainerSecurity };
}

/** A sandbox in a list. */
export interface Sandbox {
  readonly id: string;
  readonly metadata: SandboxMetadata;
  readonly state: 'READY' | 'NOTREADY';
  /** Nanoseconds of the wall clock. */
  readonly createdAt: bigint;
  readonly labels: Labels;
  readonly annotations: Labels;
}

/** All that the runtime tells of a sandbox. */
export interface SandboxStatus extends Sandbox {
  /** Of the pod network, the primary one first; none for a sandbox on the host's network. */
  readonly ips: readonly string[];
}

export type ContainerRunState = 'CREATED' | 'RUNNING' | 'EXITED' | 'UNKNOWN';

/** A container in a list. */
export interface RuntimeContainer {
  readonly id: string;
  readonly sandboxID: string;
  readonly metadata: { readonly name: string; readonly attempt: number };
  readonly image: string;
  readonly imageRef: string;
  readonly state: ContainerRunState;
  /** Nanoseconds of the wall clock. */
  readonly createdAt: bigint;
  readonly labels: Labels;
  readonly annotations: Labels;
}

/** All that the runtime tells of a container. */
export interface RuntimeContainerStatus extends Omit<RuntimeContainer, 'sandboxID'> {
  /** Milliseconds of the wall clock; undefined when it has not come to that. */
  readonly startedAt: number | undefined;
  readonly finishedAt: number | undefined;
  readonly exitCode: number;
  /** `Completed`, `Error`, `OOMKilled`, `StartError`... */
  readonly reason: string;
  readonly message: string;
  readonly logPath: string;
}

export interface RuntimeVersion {
  readonly name: string;
  readonly version: string;
}

/** Whether the runtime is ready, and how it is set up. */
export interface RuntimeStatus {
  readonly conditions: readonly {
    readonly type: string;
    readonly status: boolean;
    readonly reason: string;
    readonly message: string;
  }[];
  /** What the runtime tells about itself, each a JSON text; only when asked for in detail. */
  readonly info: Labels;
}

export interface ContainerStats {
  readonly id: string;
  readonly labels: Labels;
  /** Nanoseconds of processor time since the start. */
  readonly cpuUsage?: bigint;
  readonly memoryWorkingSetBytes?: number;
}

/** An image that the runtime has. */
export interface ImageInfo {
  readonly id: string;
  readonly repoTags: readonly string[];
  readonly repoDigests: readonly string[];
  readonly size: number;
  /** Numeric user of the image; undefined when it names one, or none. */
  readonly uid: number | undefined;
  readonly username: string;
}

/** Who a registry is told that we are. Not to be logged. */
export interface RegistryAuth {
  readonly username?: string;
  readonly password?: string;
  readonly auth?: string;
  readonly serverAddress?: string;
  readonly identityToken?: string;
  readonly registryToken?: string;
}

export interface ExecOptions {
  readonly containerID: string;
  readonly command: readonly string[];
  readonly tty: boolean;
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
}

export interface SandboxFilter {
  readonly id?: string;
  readonly state?: Sandbox['state'];
  readonly labels?: Labels;
}
export interface ContainerFilter {
  readonly id?: string;
  readonly sandboxID?: string;
  readonly labels?: Labels;
}

export type ContainerEventType = 'CREATED' | 'STARTED' | 'STOPPED' | 'DELETED';
/** Something that happened to a container. */
export interface ContainerEvent {
  readonly type: ContainerEventType;
  readonly containerID: string;
}

/**
 * The runtime. Each call rejects with a {@link CRIError}. All are idempotent as the interface says: stopping and removing what
 * is not there succeeds.
 */
export interface ContainerRuntime {
  version(): Promise<RuntimeVersion>;
  status(verbose?: boolean): Promise<RuntimeStatus>;

  runSandbox(config: SandboxConfig): Promise<string>;
  stopSandbox(id: string): Promise<void>;
  removeSandbox(id: string): Promise<void>;
  sandboxStatus(id: string): Promise<SandboxStatus>;
  listSandboxes(filter?: SandboxFilter): Promise<readonly Sandbox[]>;

  createContainer(sandboxID: string, config: ContainerConfig, sandbox: SandboxConfig): Promise<string>;
  startContainer(id: string): Promise<void>;
  /** Asks the container to end, and ends it after `graceSeconds`. Resolves when it has ended. */
  stopContainer(id: string, graceSeconds: number): Promise<void>;
  removeContainer(id: string): Promise<void>;
  containerStatus(id: string): Promise<RuntimeContainerStatus>;
  listContainers(filter?: ContainerFilter): Promise<readonly RuntimeContainer[]>;
  updateResources(id: string, resources: LinuxResources): Promise<void>;
  /** Opens the log file anew, after it was moved away. */
  reopenLog(id: string): Promise<void>;

  /** Runs a command to its end; at most 16 MiB of output are kept. `timeoutSeconds` 0: no limit. */
  execSync(
    id: string,
    command: readonly string[],
    timeoutSeconds: number,
  ): Promise<{ readonly stdout: Uint8Array; readonly stderr: Uint8Array; readonly exitCode: number }>;
  /** URL at which the streams of the command are to be had, as SPDY/3.1 or WebSocket. */
  exec(options: ExecOptions): Promise<string>;
  attach(options: Omit<ExecOptions, 'command'>): Promise<string>;
  portForward(sandboxID: string, ports: readonly number[]): Promise<string>;

  containerStats(labels?: Labels): Promise<readonly ContainerStats[]>;

  images(): Promise<readonly ImageInfo[]>;
  /** Undefined when the image is not there. */
  imageStatus(reference: string): Promise<ImageInfo | undefined>;
  /** Resolves to what the image is to be called in {@link ContainerConfig.image}. */
  pullImage(reference: string, auth: RegistryAuth | undefined, sandbox: SandboxConfig): Promise<string>;
  removeImage(reference: string): Promise<void>;

  /**
   * What happens to containers, as it happens: from the runtime's own events where it has them (CRI's GetContainerEvents, since
   * containerd 1.7; containerd's event service before). Ends with the signal; rejects when the runtime goes away.
   */
  events(signal: AbortSignal): AsyncIterable<ContainerEvent>;

  close(): void;
}
