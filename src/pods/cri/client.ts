/** The container runtime behind a socket: {@link ContainerRuntime} over gRPC. */
import type { Logger } from '../../host/log.ts';
import { type Connection, connect, type Service } from './connection.ts';
import { type ContainerRuntime, type ExecOptions, isCRINotFound } from './cri.ts';
import * as decode from './decode.ts';
import * as encode from './encode.ts';
import { containerEvents } from './events.ts';

export interface RuntimeOptions {
  /** Path of the runtime's socket. */
  readonly socketPath: string;
  readonly log: Logger;
}

/** How much longer than what was asked for a call may take, in milliseconds: the kubelet gives as much. */
const SLACK = 120_000;

/**
 * Opens the runtime behind a socket. Nothing is sent before the first call, so that a runtime may come later, go and come again;
 * calls meanwhile reject with `unavailable`.
 */
export async function openRuntime({ socketPath, log }: RuntimeOptions): Promise<ContainerRuntime> {
  const connection = await connect(socketPath);
  const [runtime, image] = await Promise.all([
    connection.service('runtime.proto', 'runtime.v1.RuntimeService'),
    connection.service('runtime.proto', 'runtime.v1.ImageService'),
  ]);
  return runtimeOver({ connection, runtime, image, log });
}

interface Parts {
  readonly connection: Connection;
  readonly runtime: Service;
  readonly image: Service;
  readonly log: Logger;
}

function runtimeOver({ connection, runtime, image, log }: Parts): ContainerRuntime {
  const streamURL = async (method: string, request: object): Promise<string> =>
    (await runtime.call<{ url: string }>(method, request)).url;
  const self: ContainerRuntime = {
    version: async () => {
      const answer = await runtime.call<{ runtimeName: string; runtimeVersion: string }>('Version', { version: 'v1' });
      return { name: answer.runtimeName, version: answer.runtimeVersion };
    },
    status: async (verbose = false) => decode.decodeStatus(await runtime.call('Status', { verbose })),

    runSandbox: async (config) => {
      // A sandbox waits for its image and its network: as long as the kubelet gives both together.
      const request = { config: encode.encodeSandboxConfig(config) };
      return (await runtime.call<{ podSandboxId: string }>('RunPodSandbox', request, { timeout: 2 * SLACK }))
        .podSandboxId;
    },
    stopSandbox: (id) => ignoringAbsence(runtime.call('StopPodSandbox', { podSandboxId: id })),
    removeSandbox: (id) => ignoringAbsence(runtime.call('RemovePodSandbox', { podSandboxId: id })),
    sandboxStatus: async (id) => {
      const { status } = await runtime.call<{ status: decode.WireSandboxStatus }>('PodSandboxStatus', {
        podSandboxId: id,
      });
      return decode.decodeSandboxStatus(status);
    },
    listSandboxes: async (filter = {}) => {
      const request = { filter: encode.encodeSandboxFilter(filter) };
      return (await runtime.call<{ items: decode.WireSandbox[] }>('ListPodSandbox', request)).items.map(
        decode.decodeSandbox,
      );
    },

    createContainer: async (sandboxID, config, sandbox) => {
      const answer = await runtime.call<{ containerId: string }>('CreateContainer', {
        podSandboxId: sandboxID,
        config: encode.encodeContainerConfig(config),
        sandboxConfig: encode.encodeSandboxConfig(sandbox),
      });
      return answer.containerId;
    },
    startContainer: async (id) => {
      await runtime.call('StartContainer', { containerId: id });
    },
    stopContainer: (id, graceSeconds) =>
      ignoringAbsence(
        runtime.call(
          'StopContainer',
          { containerId: id, timeout: graceSeconds },
          { timeout: graceSeconds * 1000 + SLACK },
        ),
      ),
    removeContainer: (id) => ignoringAbsence(runtime.call('RemoveContainer', { containerId: id })),
    containerStatus: async (id) => {
      const { status } = await runtime.call<{ status: decode.WireContainerStatus }>('ContainerStatus', {
        containerId: id,
      });
      return decode.decodeContainerStatus(status);
    },
    listContainers: async (filter = {}) => {
      const request = { filter: encode.encodeContainerFilter(filter) };
      const { containers } = await runtime.call<{ containers: decode.WireContainer[] }>('ListContainers', request);
      return containers.map(decode.decodeContainer);
    },
    updateResources: async (id, resources) => {
      await runtime.call('UpdateContainerResources', { containerId: id, linux: encode.encodeResources(resources) });
    },
    reopenLog: async (id) => {
      await runtime.call('ReopenContainerLog', { containerId: id });
    },

    execSync: (id, command, timeoutSeconds) =>
      runtime.call(
        'ExecSync',
        { containerId: id, cmd: command, timeout: timeoutSeconds },
        { timeout: timeoutSeconds === 0 ? Number.POSITIVE_INFINITY : timeoutSeconds * 1000 + SLACK },
      ),
    exec: (options) => streamURL('Exec', { ...streamsOf(options), cmd: options.command }),
    attach: (options) => streamURL('Attach', streamsOf(options)),
    portForward: (sandboxID, ports) => streamURL('PortForward', { podSandboxId: sandboxID, port: ports }),

    containerStats: async (labels = {}) => {
      const request = { filter: { labelSelector: labels } };
      const { stats } = await runtime.call<{ stats: decode.WireContainerStats[] }>('ListContainerStats', request);
      return stats.map(decode.decodeStats);
    },

    images: async () => {
      const { images } = await image.call<{ images: decode.WireImage[] }>('ListImages', {});
      return images.map(decode.decodeImage);
    },
    imageStatus: async (reference) => {
      const request = { image: { image: reference } };
      const { image: found } = await image.call<{ image: decode.WireImage | null }>('ImageStatus', request);
      return found === null ? undefined : decode.decodeImage(found);
    },
    pullImage: async (reference, auth, sandbox) => {
      const request = { image: { image: reference }, auth, sandboxConfig: encode.encodeSandboxConfig(sandbox) };
      // However long it takes: the runtime itself gives up when nothing arrives any more.
      const options = { timeout: Number.POSITIVE_INFINITY };
      return (await image.call<{ imageRef: string }>('PullImage', request, options)).imageRef;
    },
    removeImage: (reference) => ignoringAbsence(image.call('RemoveImage', { image: { image: reference } })),

    events: (signal) => containerEvents({ connection, runtime, states: self, log }, signal),
    close: () => connection.close(),
  };
  return self;
}

const streamsOf = ({ containerID, tty, stdin, stdout, stderr }: Omit<ExecOptions, 'command'>): object => ({
  containerId: containerID,
  tty,
  stdin,
  stdout,
  stderr,
});

/** Ending what is not there succeeds, says the interface; containerd's older versions do not always agree. */
async function ignoringAbsence(call: Promise<unknown>): Promise<void> {
  try {
    await call;
  } catch (error) {
    if (!isCRINotFound(error)) throw error;
  }
}
