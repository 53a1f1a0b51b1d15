/** Turns pods into what the runtime is asked for, with what they name in the API and on the node. */
import { chmod, mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join, posix } from 'node:path';
import type { Pod } from '../../api/core/v1/pod.ts';
import { podQoS, type QOSClass } from '../../api/core/v1/pod-spec/resource-totals.ts';
import type { Service } from '../../api/core/v1/service.ts';
import type { Logger } from '../../host/log.ts';
import type { Mounts } from '../../host/mounts.ts';
import { messageOf } from '../../lib/errors.ts';
import { podCgroup } from '../cgroups.ts';
import type { ContainerConfig, Mount, SandboxConfig } from '../cri/cri.ts';
import type { Changed, ContainerRequest, PodConfigs, PodEvents, Problem } from '../parts.ts';
import type { PodPaths } from '../volumes/paths.ts';
import { mountSubPath } from '../volumes/sub-path.ts';
import { containerConfig } from './container.ts';
import { dnsConfig } from './dns.ts';
import { environment, linkedServices } from './environment.ts';
import type { FollowedObjects } from './followed-objects.ts';
import { hostsFile } from './hosts-file.ts';
import { limitPodGroup } from './limit-group.ts';
import { fileMount, type PlannedMount, plannedMounts } from './mounts.ts';
import { readNodeDNS, readNodeHosts } from './node-files.ts';
import { podGroupSettings } from './pod-limits.ts';
import { configProblem, isProblem, problem } from './problems.ts';
import type { Quantities } from './quantities.ts';
import { unsupportedInContainer, unsupportedInPod } from './refusals.ts';
import type { Machine } from './resources.ts';
import { sandboxConfig } from './sandbox.ts';

export interface PodConfigsOptions {
  readonly nodeName: string;
  readonly clusterDomain: string;
  /** The cluster's DNS servers: the node's own addresses on the pod network. */
  readonly clusterDNS: () => readonly string[];
  /** The node's own addresses, the primary one first. */
  readonly hostIPs: readonly string[];
  readonly machine: Machine;
  /** Where control groups are mounted. */
  readonly cgroupDir: string;
  /** What the node has for pods. */
  readonly allocatable: () => Quantities;
  readonly paths: PodPaths;
  readonly mounts: Mounts;
  readonly objects: FollowedObjects;
  /** Services of a namespace. */
  readonly services: (namespace: string) => readonly Service[];
  readonly events: PodEvents;
  readonly log: Logger;
  /** Called when a pod that could not be configured is worth another try. */
  readonly changed: Changed;
}

/** Where a container finds the file for its last words, unless it says otherwise. */
const TERMINATION_LOG = '/dev/termination-log';

/** Configurations of pods and containers, and the files that those need. */
export class Configs implements PodConfigs {
  readonly #options: PodConfigsOptions;
  /** UIDs of pods that something was missing for. */
  readonly #waiting = new Set<string>();

  constructor(options: PodConfigsOptions) {
    this.#options = options;
    options.objects.onChange((uid) => {
      if (this.#waiting.has(uid)) options.changed(uid);
    });
  }

  async sandbox(
    pod: Pod,
    attempt: number,
  ): Promise<{ readonly kind: 'ready'; readonly config: SandboxConfig } | Problem> {
    const { nodeName, clusterDomain, paths, events } = this.#options;
    const unsupported = unsupportedInPod(pod);
    if (unsupported !== undefined) return problem('FailedCreatePodSandBox', unsupported);
    const clusterDNS = this.#options.clusterDNS();
    const node = await readNodeDNS(clusterDNS);
    const { config: dns, warnings } = dnsConfig({ pod, clusterDNS, clusterDomain, node });
    for (const warning of warnings) events.event(pod, 'Warning', 'DNSConfigForming', warning);
    const config = sandboxConfig({ pod, attempt, nodeName, clusterDomain, dns, paths });
    if (isProblem(config)) return config;
    await mkdir(config.logDirectory, { recursive: true, mode: 0o755 });
    return { kind: 'ready', config };
  }

  async container(
    request: ContainerRequest,
  ): Promise<{ readonly kind: 'ready'; readonly config: ContainerConfig } | Problem> {
    const { uid = '' } = request.pod.metadata;
    const config = await this.#container(request);
    if (!isProblem(config)) this.#waiting.delete(uid);
    else this.#waiting.add(uid);
    return isProblem(config) ? config : { kind: 'ready', config };
  }

  forget(podUID: string): void {
    this.#waiting.delete(podUID);
    this.#options.objects.forget(podUID);
  }

  async #container(request: ContainerRequest): Promise<ContainerConfig | Problem> {
    const { pod, container, podIPs, volumes } = request;
    const { nodeName, hostIPs, machine, paths } = this.#options;
    const unsupported = unsupportedInContainer(container);
    if (unsupported !== undefined) return configProblem(unsupported);
    const objects = await this.#options.objects.follow(pod);
    if (isProblem(objects)) return { ...objects, reason: 'CreateContainerConfigError' };
    const variables = environment({
      pod,
      container,
      addresses: { podIPs, hostIPs },
      allocatable: this.#options.allocatable(),
      objects,
      services: this.#services(pod),
    });
    if (isProblem(variables)) return variables;
    const planned = plannedMounts(pod, container, variables, volumes);
    if (isProblem(planned)) return planned;
    // Before anything is put on the disk: most of what is wrong shows here.
    const qos = podQoS(pod.spec ?? {});
    const { seccompProfiles } = paths;
    const bare = containerConfig({ request, nodeName, variables, mounts: [], qos, machine, seccompProfiles });
    if (isProblem(bare)) return bare;
    const mounts = await this.#mounts(request, planned);
    if (isProblem(mounts)) return mounts;
    await this.#limit(pod, qos);
    await mkdir(join(paths.logs(pod), container.name), { recursive: true, mode: 0o755 });
    return { ...bare, mounts };
  }

  /** The pod as a whole; what its containers may use within that is for the runtime to see to. */
  async #limit({ metadata, spec = {} }: Pod, qos: QOSClass): Promise<void> {
    const { nodeName, machine, cgroupDir, log } = this.#options;
    const { unifiedCgroups: unified } = machine;
    const path = podCgroup(nodeName, metadata.uid ?? '');
    try {
      await limitPodGroup({ root: cgroupDir, unified, path }, podGroupSettings(spec, qos, unified));
    } catch (err) {
      // Its containers have limits of their own; that it has none as a whole is no reason not to run it.
      const pod = `${metadata.namespace}/${metadata.name}`;
      log.warn({ pod, err }, 'a pod runs without limits of its own');
    }
  }

  #services(pod: Pod): readonly Service[] {
    const { services } = this.#options;
    const { namespace = '' } = pod.metadata;
    const kubernetes = services('default').find(({ metadata }) => metadata.name === 'kubernetes');
    return linkedServices(pod, services(namespace), kubernetes);
  }

  /** The container's mounts of volumes, and the files that every container gets where it has nothing else. */
  async #mounts(request: ContainerRequest, planned: readonly PlannedMount[]): Promise<readonly Mount[] | Problem> {
    const mounts: Mount[] = [];
    for (const [i, mount] of planned.entries()) {
      const hostPath = await this.#hostPath(request, mount, i);
      if (isProblem(hostPath)) return hostPath;
      const { containerPath, readonly, propagation, selinuxRelabel } = mount;
      mounts.push({ containerPath, hostPath, readonly, propagation, ...(selinuxRelabel ? { selinuxRelabel } : {}) });
    }
    const { terminationMessagePath = TERMINATION_LOG } = request.container;
    const lastWords = posix.resolve('/', terminationMessagePath);
    const isFree = (path: string): boolean => mounts.every(({ containerPath }) => containerPath !== path);
    if (isFree('/etc/hosts')) mounts.push(fileMount('/etc/hosts', await this.#writeHosts(request)));
    if (terminationMessagePath !== '' && isFree(lastWords)) {
      mounts.push(fileMount(lastWords, await this.#makeTerminationLog(request)));
    }
    return mounts;
  }

  async #hostPath({ pod, container }: ContainerRequest, mount: PlannedMount, index: number): Promise<string | Problem> {
    const { volume, volumePath, subPath, mayCreate } = mount;
    if (subPath === undefined) return volumePath;
    const { paths, mounts } = this.#options;
    const target = paths.subPath(pod.metadata.uid ?? '', container.name, index);
    try {
      await mountSubPath(mounts, { volumePath, subPath, target, mayCreate });
      return target;
    } catch (error) {
      const why = messageOf(error);
      const what = `failed to prepare subPath for volumeMount "${volume}" of container "${container.name}"`;
      return configProblem(`${what}: ${subPath}: ${why}`);
    }
  }

  /** One file for all of the pod's containers; written in place, as those that run have it mounted. */
  async #writeHosts({ pod, podIPs }: ContainerRequest): Promise<string> {
    const { paths, clusterDomain } = this.#options;
    const path = paths.hostsFile(pod.metadata.uid ?? '');
    const nodeHosts = pod.spec?.hostNetwork ? await readNodeHosts() : '';
    await writeFile(path, hostsFile({ pod, podIPs, clusterDomain, nodeHosts }));
    await chmod(path, 0o644);
    return path;
  }

  /** Any user of the container may write it. Those of the runs before the last are removed. */
  async #makeTerminationLog({ pod, container, restartCount }: ContainerRequest): Promise<string> {
    const { paths } = this.#options;
    const { uid = '' } = pod.metadata;
    const folder = paths.container(uid, container.name);
    const path = paths.terminationMessage(uid, container.name, restartCount);
    const kept = [path, paths.terminationMessage(uid, container.name, restartCount - 1)];
    await mkdir(folder, { recursive: true, mode: 0o700 });
    for (const name of await readdir(folder)) {
      if (!kept.includes(join(folder, name))) await rm(join(folder, name), { recursive: true, force: true });
    }
    await writeFile(path, '');
    await chmod(path, 0o666);
    return path;
  }
}
