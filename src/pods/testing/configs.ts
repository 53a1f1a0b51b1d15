/** The least that the runtime is asked for, for tests: only what a test is about is said. */
import type { ContainerConfig, SandboxConfig } from '../cri/cri.ts';
import { BUSYBOX_IMAGE } from './images.ts';

export interface SandboxOptions {
  readonly name: string;
  /** Folder of logs. */
  readonly logDirectory: string;
  /** Default: the host's network, for which no plugin is needed. */
  readonly network?: 'POD' | 'NODE';
  readonly labels?: Readonly<Record<string, string>>;
}

export function sandboxConfig({ name, logDirectory, network = 'NODE', labels = {} }: SandboxOptions): SandboxConfig {
  return {
    metadata: { name, uid: `${name}-uid`, namespace: 'default', attempt: 0 },
    hostname: network === 'NODE' ? '' : name,
    logDirectory,
    portMappings: [],
    labels,
    annotations: {},
    linux: {
      cgroupParent: `/postern/pod-${name}`,
      security: { namespaces: { network, pid: 'CONTAINER', ipc: 'POD' } },
      sysctls: {},
    },
  };
}

export interface ContainerOptions {
  readonly name: string;
  readonly image?: string;
  readonly command?: readonly string[];
  readonly attempt?: number;
  readonly network?: 'POD' | 'NODE';
  readonly memoryLimitInBytes?: number;
  readonly labels?: Readonly<Record<string, string>>;
}

export function containerConfig(options: ContainerOptions): ContainerConfig {
  const { name, image = BUSYBOX_IMAGE, command = [], attempt = 0, network = 'NODE', memoryLimitInBytes } = options;
  return {
    metadata: { name, attempt },
    image,
    command,
    args: [],
    workingDir: '',
    envs: [],
    mounts: [],
    labels: options.labels ?? {},
    annotations: {},
    logPath: `${name}/${attempt}.log`,
    stdin: false,
    stdinOnce: false,
    tty: false,
    linux: {
      resources: memoryLimitInBytes === undefined ? {} : { memoryLimitInBytes },
      security: { namespaces: { network, pid: 'CONTAINER', ipc: 'POD' } },
    },
  };
}
