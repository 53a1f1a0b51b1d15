/**
 * What the worker of a pod asks of the parts around it. Each part is made once per node and is told of pods by UID; what it
 * puts on the machine for a pod it finds again after a restart, and removes when it is told to.
 */
import type { Pod } from '../api/core/v1/pod.ts';
import type { Container, LifecycleHandler } from '../api/core/v1/pod-spec.ts';
import type { ContainerConfig, ContainerRunState, ImageInfo, SandboxConfig } from './cri/cri.ts';

/**
 * Why something cannot be done now, in the kubelet's words: `reason` is what a container that waits shows, or that of the
 * event. It is tried again: when the part says that something changed, or `retryAfter` milliseconds from now (default: the worker's
 * own back-off).
 */
export interface Problem {
  readonly kind: 'problem';
  readonly reason: string;
  readonly message: string;
  readonly retryAfter?: number;
}

/** A part that waits for something outside says so with this: the pod of the UID is worth another try. Cheap, and never throws. */
export type Changed = (podUID: string) => void;

/** Records events about a pod as the kubelet does. With a container's name they are about that container. */
export interface PodEvents {
  event(pod: Pod, type: 'Normal' | 'Warning', reason: string, message: string, container?: string): void;
}

/** Paths on the host by the name of the volume. */
export type VolumePaths = ReadonlyMap<string, string>;

/** The volumes of pods, and the pod's folder on the node: `<stateDir>/pods/<uid>`. */
export interface VolumeManager {
  /**
   * Makes what is missing of the pod's folder and volumes, and keeps them up to date until {@link remove}. To be called before the
   * sandbox is made; again at any time, cheap when all is there. A problem has the reason FailedMount.
   */
  ensure(pod: Pod): Promise<{ readonly kind: 'ready'; readonly paths: VolumePaths } | Problem>;
  /** The API has the pod like this now: its labels and annotations are files of volumes of the downward API. Cheap. */
  observe(pod: Pod): void;
  /** Why the pod is to be evicted, in the kubelet's words: a volume of it holds more than it may. Says `changed` when it comes to that. */
  exceeded(podUID: string): string | undefined;
  /** Unmounts and removes all of a pod's. Its containers have ended. Does nothing when there is nothing. */
  remove(podUID: string): Promise<void>;
  /** UIDs of the pods that have a folder on this node, as after a restart. */
  podUIDs(): Promise<readonly string[]>;
  /** The file on the host that a container's termination message is written to; one per run, so that an old one never shows. */
  terminationMessageFile(podUID: string, container: string, restartCount: number): string;
}

export interface ContainerRequest {
  readonly pod: Pod;
  readonly container: Container;
  /** Runs before this one: the attempt. */
  readonly restartCount: number;
  /** The primary address first; the node's own for a pod on the host's network. */
  readonly podIPs: readonly string[];
  /** What the image is called in the config. */
  readonly imageRef: string;
  /** What the image says of its user, for runAsNonRoot. */
  readonly image: ImageInfo;
  readonly volumes: VolumePaths;
}

/** Turns pods into what the runtime is asked for. Reads ConfigMaps, Secrets and Services where a pod names them. */
export interface PodConfigs {
  /** A problem has the reason FailedCreatePodSandBox. `attempt` counts the sandboxes of the pod. */
  sandbox(pod: Pod, attempt: number): Promise<{ readonly kind: 'ready'; readonly config: SandboxConfig } | Problem>;
  /**
   * Also makes what the container needs on the disk: folders of subPaths, its hosts file, the file of its termination message.
   * A problem has the reason CreateContainerConfigError, or CreateContainerError.
   */
  container(request: ContainerRequest): Promise<{ readonly kind: 'ready'; readonly config: ContainerConfig } | Problem>;
  /** Lets go of what is followed for a pod that is gone. */
  forget(podUID: string): void;
}

/** The images of containers. Records Pulling, Pulled, BackOff and Failed itself. */
export interface ImageManager {
  /**
   * Sees to it that the image is there, as the container's pull policy says. The problem's reason is ErrImagePull,
   * ImagePullBackOff, ErrImageNeverPull, InvalidImageName or ImageInspectError. Ends early with the signal, as a problem.
   */
  ensure(
    pod: Pod,
    container: Container,
    sandbox: SandboxConfig,
    signal: AbortSignal,
  ): Promise<{ readonly kind: 'present'; readonly imageRef: string; readonly image: ImageInfo } | Problem>;
  /** Lets go of what is kept for a pod that is gone: back-offs, followed secrets. */
  forget(podUID: string): void;
}

/** A container that runs, as probes and hooks need to know it. */
export interface RunningContainer {
  readonly pod: Pod;
  /** Its spec: probes, ports, lifecycle. */
  readonly container: Container;
  readonly containerID: string;
  /** The primary address first; the node's own for a pod on the host's network. */
  readonly podIPs: readonly string[];
  /** Milliseconds of the wall clock: initial delays count from here. */
  readonly startedAt: number;
}

/** What the probes of a container have come to. */
export interface ProbeState {
  /** The startup probe has passed, or there is none. */
  readonly started: boolean;
  /** Started, and the readiness probe passes, or there is none. */
  readonly ready: boolean;
  /** The liveness or startup probe has failed as often as it may: the container is to be ended. Stays until `stop`. */
  readonly failed?: {
    readonly probe: 'liveness' | 'startup';
    /** The probe's own terminationGracePeriodSeconds. */
    readonly graceSeconds: number | undefined;
  };
}

/** Probes the containers that it is told of. Records Unhealthy itself. Says `changed` when the state of one is another. */
export interface Prober {
  /**
   * Begins to probe a container; does nothing for one that is probed already. `before`: what the API says of this very run, after a
   * restart of the agent: it holds until a probe says otherwise.
   */
  start(running: RunningContainer, before?: { readonly started: boolean; readonly ready: boolean }): void;
  /** Ends its probes: the container has ended, or is being ended. */
  stop(containerID: string): void;
  /** Undefined for a container that is not probed. */
  state(containerID: string): ProbeState | undefined;
}

/** Runs postStart and preStop handlers. */
export interface LifecycleHooks {
  /** Resolves when the handler has ended; its failure is a value, with the kubelet's message. Ends early with the signal. */
  run(
    handler: LifecycleHandler,
    running: RunningContainer,
    signal: AbortSignal,
  ): Promise<{ readonly kind: 'done' } | { readonly kind: 'failed'; readonly message: string }>;
}

/** Names a pod in a request; `uid` only this very one. */
export interface PodRef {
  readonly namespace: string;
  readonly name: string;
  readonly uid?: string;
}

export interface FoundContainer {
  readonly containerID: string;
  readonly state: ContainerRunState;
  readonly restartCount: number;
  /** Absolute. */
  readonly logPath: string;
}

/** What is known of this node's pods, for those who serve logs and streams. */
export interface PodLookup {
  /** The pod as the API had it last. */
  pod(ref: PodRef): Pod | undefined;
  /** The present run of a container (`previous`: the one before it); undefined when there is none. */
  container(ref: PodRef, name: string, previous?: boolean): Promise<FoundContainer | undefined>;
  /** The pod's sandbox that is ready, for port forwarding. */
  sandbox(ref: PodRef): Promise<{ readonly id: string } | undefined>;
}
