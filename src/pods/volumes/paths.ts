/** Where on the node a pod's files are. */
import { join } from 'node:path';
import type { Pod } from '../../api/core/v1/pod.ts';

/** UIDs, and names of volumes and containers: what may be part of a path without leading elsewhere. */
const SAFE_NAME = /^[A-Za-z0-9](?:[A-Za-z0-9_-]|\.(?!\.)){0,252}$/;

function safe(name: string): string {
  if (!SAFE_NAME.test(name)) throw new Error(`${JSON.stringify(name)} cannot be the name of a folder`);
  return name;
}

/** Paths under the agent's folder of state. They throw for names that no API server accepts. */
export class PodPaths {
  readonly #stateDir: string;

  constructor(stateDir: string) {
    this.#stateDir = stateDir;
  }

  /** Holds a folder per pod, by UID. */
  get pods(): string {
    return join(this.#stateDir, 'pods');
  }

  /** Holds the seccomp profiles that pods may name. */
  get seccompProfiles(): string {
    return join(this.#stateDir, 'seccomp');
  }

  pod(uid: string): string {
    return join(this.pods, safe(uid));
  }

  volume(uid: string, volume: string): string {
    return join(this.pod(uid), 'volumes', safe(volume));
  }

  /** Where the part of a volume is mounted that a container asks for by subPath. `index`: of the mount in the container. */
  subPath(uid: string, container: string, index: number): string {
    return join(this.pod(uid), 'subpaths', safe(container), String(index));
  }

  hostsFile(uid: string): string {
    return join(this.pod(uid), 'etc-hosts');
  }

  /** Holds a container's termination messages. */
  container(uid: string, container: string): string {
    return join(this.pod(uid), 'containers', safe(container));
  }

  terminationMessage(uid: string, container: string, restartCount: number): string {
    return join(this.container(uid, container), `termination-log.${restartCount}`);
  }

  /** Holds a folder of logs per container. */
  logs({ metadata }: Pod): string {
    const { namespace = '', name = '', uid = '' } = metadata;
    return join(this.#stateDir, 'logs', `${safe(namespace)}_${safe(name)}_${safe(uid)}`);
  }
}

/** Relative to the pod's folder of logs. */
export function containerLogPath(container: string, restartCount: number): string {
  return join(safe(container), `${restartCount}.log`);
}
