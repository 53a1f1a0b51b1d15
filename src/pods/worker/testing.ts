/** A node's part that runs pods, with everything around it in memory: for tests of what workers do. */

import { Event } from '../../api/core/v1/event.ts';
import type { Node } from '../../api/core/v1/node.ts';
import type { ContainerStatus, Pod } from '../../api/core/v1/pod.ts';
import { Pod as PodKind } from '../../api/core/v1/pod.ts';
import type { PodSpec } from '../../api/core/v1/pod-spec.ts';
import type { KubeObject } from '../../api/meta/v1.ts';
import { ApiServers } from '../../client/api-servers.ts';
import { type FakeClient, fakeClient } from '../../client/fake.ts';
import { Informers } from '../../client/informers.ts';
import { settle } from '../../client/testing.ts';
import { FakeClock } from '../../host/clock.ts';
import { silentLogger } from '../../host/log.ts';
import type { PodNetwork } from '../../network/pod-network.ts';
import { FakeRuntime } from '../cri/fake.ts';
import { POLITE } from '../cri/programs.ts';
import { containerAnnotations, containerLabels, sandboxLabels } from '../labels.ts';
import type { Leavings } from '../leavings.ts';
import type { ImageManager, LifecycleHooks, PodConfigs, ProbeState, Problem, VolumeManager } from '../parts.ts';
import { type Pods, startPods } from '../pods.ts';
import { containerConfig, sandboxConfig } from '../testing/configs.ts';

export const NODE_NAME = 'node1';
const START = Date.UTC(2026, 0, 1);

export interface TestNode {
  readonly client: FakeClient;
  readonly clock: FakeClock;
  readonly runtime: FakeRuntime;
  /** What probes say, by the container's name; what is not in it is ready. */
  readonly probes: Map<string, ProbeState>;
  /** What is wrong: with a container, by its name; with a pod's volumes, by that of the pod; with their removal, `remove UID`. */
  readonly problems: Map<string, Problem>;
  /** Handlers that were run, `preStop web`; and those that do not end until they are called back. */
  readonly hooks: string[];
  readonly endless: Set<string>;
  /** UIDs of pods that have volumes. */
  readonly volumes: Set<string>;
  /** The agent starts, having been away or killed. */
  start(): Promise<void>;
  /** As kill -9. */
  kill(): Promise<void>;
  /** The part ends. */
  stop(how: 'leave' | 'end'): Promise<void>;
  /** Tells the worker that probes say something else. */
  probed(pod: Pod): Promise<void>;
  /** Tells the worker that what was missing may be there. */
  retry(pod: Pod): Promise<void>;
  pod(name: string): Promise<Pod>;
  /** Applies a pod that is bound to the node, and lets everything happen that takes no time. */
  run(name: string, spec?: Partial<PodSpec>): Promise<Pod>;
  /** Reasons of the events of a pod, with the container's name where it is about one. */
  events(pod: string): Promise<readonly string[]>;
  /** Lets time pass, and everything that follows from it. */
  advance(ms: number): Promise<void>;
}

/** A pod's container that runs until it is told to end. */
export const WEB = { name: 'web', image: 'web:1', command: [...POLITE] };

export async function testNode(objects: readonly KubeObject[] = []): Promise<TestNode> {
  const clock = new FakeClock(START);
  const node = {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: NODE_NAME },
    status: { allocatable: { cpu: '4', memory: '8Gi', pods: '110' } },
  } as Node;
  const client = fakeClient([node, ...objects], { clock });
  const runtime = new FakeRuntime({ clock });
  const made = new Made(runtime);
  let ended = new AbortController();
  let pods: Pods | undefined;
  const world: TestNode = {
    ...{ client, clock, runtime, probes: made.probes, problems: made.problems, hooks: made.ran, endless: made.endless },
    volumes: made.volumeUIDs,
    start: async () => {
      ended = new AbortController();
      pods = await startPods(
        {
          ...{ client, nodeName: NODE_NAME, hostIPs: ['192.0.2.1', '2001:db8::1'], clusterDNS: ['10.244.0.1'], clock },
          informers: new Informers({ client, log: silentLogger, clock }),
          network: {} as PodNetwork,
          // Nothing listens there.
          servers: new ApiServers({ server: 'https://127.0.0.1:1' }),
          runtimeEndpoint: { socketPath: '/nonexistent/postern-test/c.sock' },
          stateDir: '/nonexistent/postern-test',
          clusterDomain: 'cluster.local',
          log: silentLogger,
          open: async () => runtime,
          leavings: made.leavings,
          assemble: async ({ changed, probed }) => {
            made.changed = changed;
            made.probed = probed;
            return { parts: made.parts };
          },
        },
        ended.signal,
      );
      await settle(60);
    },
    kill: async () => {
      ended.abort();
      await settle();
    },
    stop: async (how) => {
      await pods?.stop(how);
      ended.abort();
    },
    probed: async (pod) => {
      made.probed(pod.metadata.uid ?? '');
      await settle(60);
    },
    retry: async (pod) => {
      made.changed(pod.metadata.uid ?? '');
      await settle(60);
    },
    pod: (name) => client.get(PodKind, { namespace: 'default', name }),
    run: async (name, spec = {}) => {
      client.seed(podOf(name, spec));
      await settle(100);
      return client.get(PodKind, { namespace: 'default', name });
    },
    events: async (pod) => {
      const { items } = await client.list(Event);
      return items.flatMap(({ involvedObject, reason = '', count = 1 }) => {
        const about = /\{(.*)\}/.exec(involvedObject.fieldPath ?? '')?.[1];
        const text = about === undefined ? reason : `${reason} ${about}`;
        return involvedObject.name === pod ? [count > 1 ? `${text} x${count}` : text] : [];
      });
    },
    advance: async (ms) => {
      await clock.advance(ms);
      await settle(60);
    },
  };
  return world;
}

/** A pod on the node, as the API has it before anybody has looked at it. */
export function podOf(name: string, spec: Partial<PodSpec> = {}): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'default', uid: `${name}-uid` },
    spec: {
      nodeName: NODE_NAME,
      restartPolicy: 'Always',
      containers: [WEB],
      terminationGracePeriodSeconds: 30,
      ...spec,
    },
    status: { phase: 'Pending' },
  } as Pod;
}

/** The parts around the workers, in memory. */
class Made {
  readonly probes = new Map<string, ProbeState>();
  readonly problems = new Map<string, Problem>();
  readonly ran: string[] = [];
  readonly endless = new Set<string>();
  readonly volumeUIDs = new Set<string>();
  changed: (uid: string) => void = () => {};
  probed: (uid: string) => void = () => {};
  readonly #runtime: FakeRuntime;
  readonly #probed = new Map<string, { readonly name: string; readonly before: ProbeState | undefined }>();

  constructor(runtime: FakeRuntime) {
    this.#runtime = runtime;
  }

  readonly leavings: Leavings = {
    lastWords: async () => undefined,
    removeGroup: async () => {},
    logFolders: async () => [],
    removeLogs: async () => {},
    removeRunLogs: async () => {},
  };

  get parts() {
    return {
      runtime: this.#runtime,
      configs: this.#configs(),
      images: this.#images(),
      volumes: this.#volumes(),
      hooks: this.#hooks(),
      prober: {
        start: (running: { container: { name: string }; containerID: string }, before?: ProbeState) => {
          if (this.#probed.has(running.containerID)) return;
          this.#probed.set(running.containerID, { name: running.container.name, before });
        },
        stop: (id: string) => {
          const { name = '' } = this.#probed.get(id) ?? {};
          // What has failed was this run; the next begins anew.
          if (this.probes.get(name)?.failed !== undefined) this.probes.delete(name);
          this.#probed.delete(id);
        },
        state: (id: string) => {
          const probed = this.#probed.get(id);
          if (probed === undefined) return undefined;
          return this.probes.get(probed.name) ?? probed.before ?? { started: true, ready: true };
        },
      },
    };
  }

  #configs(): PodConfigs {
    return {
      sandbox: async (pod, attempt) => {
        const { name = '', uid = '' } = pod.metadata;
        const network = pod.spec?.hostNetwork === true ? 'NODE' : 'POD';
        const config = sandboxConfig({ name, logDirectory: '', network, labels: sandboxLabels(pod, NODE_NAME) });
        return { kind: 'ready', config: { ...config, metadata: { ...config.metadata, uid, attempt } } };
      },
      container: async ({ pod, container, restartCount }) => {
        const labels = containerLabels(pod, container, NODE_NAME);
        const { name, command = [] } = container;
        const config = containerConfig({ name, command, attempt: restartCount, labels });
        return {
          kind: 'ready',
          config: { ...config, annotations: containerAnnotations(pod, container, restartCount) },
        };
      },
      forget: () => {},
    };
  }

  #images(): ImageManager {
    return {
      ensure: async (_pod, { name, image = '' }) => {
        const problem = this.problems.get(name);
        return problem ?? { kind: 'present', imageRef: image, image: await this.#runtime.imageStatus(image) };
      },
      forget: () => {},
    };
  }

  #volumes(): VolumeManager {
    return {
      ensure: async ({ metadata }) => {
        const problem = this.problems.get(metadata.name ?? '');
        if (problem !== undefined) return problem;
        this.volumeUIDs.add(metadata.uid ?? '');
        return { kind: 'ready', paths: new Map() };
      },
      observe: () => {},
      exceeded: () => undefined,
      remove: async (uid) => {
        const problem = this.problems.get(`remove ${uid}`);
        if (problem !== undefined) throw new Error(problem.message);
        this.volumeUIDs.delete(uid);
      },
      podUIDs: async () => [...this.volumeUIDs],
      terminationMessageFile: () => '/nonexistent/postern-test/message',
    };
  }

  #hooks(): LifecycleHooks {
    return {
      run: async (handler, { container }, signal) => {
        const kind = handler === container.lifecycle?.preStop ? 'preStop' : 'postStart';
        this.ran.push(`${kind} ${container.name}`);
        if (this.endless.has(container.name)) {
          await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
        }
        const problem = this.problems.get(`${kind} ${container.name}`);
        return problem === undefined ? { kind: 'done' } : { kind: 'failed', message: problem.message };
      },
    };
  }
}

/** Key of a pod in the namespace that tests use. */
export const keyOfPod = (name: string) => ({ namespace: 'default', name });

/** Status of a pod's condition. */
export function condition(pod: Pod, type: string): string | undefined {
  return pod.status?.conditions?.find((each) => each.type === type)?.status;
}

/** What is told of a container, be it for the pod's beginning. */
export function statusOf(pod: Pod, name = 'web'): ContainerStatus | undefined {
  const { containerStatuses = [], initContainerStatuses = [] } = pod.status ?? {};
  return [...containerStatuses, ...initContainerStatuses].find((each) => each.name === name);
}

/** In one word: what it is doing, or why it is not. */
export function stateOf(pod: Pod, name = 'web'): string | undefined {
  const { waiting, running, terminated } = statusOf(pod, name)?.state ?? {};
  return running ? 'Running' : (waiting?.reason ?? terminated?.reason);
}
