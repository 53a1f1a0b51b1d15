/**
 * A container runtime in memory, for tests of everything that asks one. It keeps the promises that the worker of a pod leans on, and
 * passes `contract.ts` as containerd does. It runs what `programs.ts` has. Only grace periods take time, of the clock that it is given.
 */
import type { Clock } from '../../host/clock.ts';
import {
  type ContainerConfig,
  type ContainerEvent,
  type ContainerEventType,
  type ContainerRuntime,
  CRIError,
  type ImageInfo,
  type RuntimeContainerStatus,
  type Sandbox,
  type SandboxConfig,
} from './cri.ts';
import { DEAF, MISSING } from './programs.ts';

interface FakeSandbox {
  readonly sandbox: Sandbox;
  readonly ips: readonly string[];
}
interface FakeContainer {
  status: RuntimeContainerStatus;
  readonly sandboxID: string;
  readonly config: ContainerConfig;
  readonly ended: PromiseWithResolvers<void>;
}

export interface FakeRuntimeOptions {
  readonly clock: Clock;
  /** Addresses of the sandboxes on the pod network, in turn. Default: counted up from 10.244.0.2. */
  readonly address?: (sandbox: number) => readonly string[];
}

/** A runtime in memory, whose containers do what tests say. */
export class FakeRuntime implements ContainerRuntime {
  /** Calls that changed something, in order: `runSandbox web`, `stopContainer web 30`. */
  readonly calls: string[] = [];
  readonly #clock: Clock;
  readonly #address: (sandbox: number) => readonly string[];
  readonly #sandboxes = new Map<string, FakeSandbox>();
  readonly #containers = new Map<string, FakeContainer>();
  readonly #listeners = new Set<{ push: (event: ContainerEvent) => void; lose: () => void }>();
  #count = 0;
  #created = 0n;
  #isLost = false;
  /** Answers an error to have a call fail with it. */
  fault: ((call: string, about: string) => Error | undefined) | undefined;

  constructor({ clock, address = (count) => [`10.244.0.${count + 1}`] }: FakeRuntimeOptions) {
    this.#clock = clock;
    this.#address = address;
  }

  /** Ends a running container by itself; by its name, its latest run. */
  exit(name: string, exitCode: number, reason = exitCode === 0 ? 'Completed' : 'Error'): void {
    const container = [...this.#containers.values()].findLast(
      ({ config, status }) => config.metadata.name === name && status.state === 'RUNNING',
    );
    if (container === undefined) throw new Error(`no container ${name} runs`);
    this.#end(container, exitCode, reason);
  }

  /** Loses the process that holds a sandbox; its containers end with it. */
  loseSandbox(id: string): void {
    this.#markNotReady(id);
    for (const container of this.#inSandbox(id)) this.#end(container, 137, 'Error');
  }

  /** From now on nothing answers, until {@link restore}. */
  lose(): void {
    this.#isLost = true;
    for (const listener of this.#listeners) listener.lose();
    this.#listeners.clear();
  }

  restore(): void {
    this.#isLost = false;
  }

  /** Names of the containers that run. */
  running(): readonly string[] {
    return [...this.#containers.values()].flatMap(({ config, status }) =>
      status.state === 'RUNNING' ? [config.metadata.name] : [],
    );
  }

  async version() {
    this.#asked('version', '');
    return { name: 'containerd', version: '0.0.0-fake' };
  }

  async status() {
    this.#asked('status', '');
    const ready = { status: true, reason: '', message: '' };
    const conditions = [
      { type: 'RuntimeReady', ...ready },
      { type: 'NetworkReady', ...ready },
    ];
    return { conditions, info: {} };
  }

  async runSandbox(config: SandboxConfig): Promise<string> {
    this.#act('runSandbox', config.metadata.name);
    const { uid, attempt } = config.metadata;
    const known = [...this.#sandboxes.values()].map(({ sandbox }) => sandbox.metadata);
    if (known.some((each) => each.uid === uid && each.attempt === attempt)) {
      throw new CRIError('RunPodSandbox', 'unknown', 'the name is reserved');
    }
    const id = `sandbox-${++this.#count}`;
    const { metadata, labels, annotations, linux } = config;
    const ips = linux.security.namespaces.network === 'NODE' ? [] : this.#address(this.#sandboxes.size + 1);
    this.#sandboxes.set(id, { ips, sandbox: { id, metadata, labels, annotations, ...this.#birth(), state: 'READY' } });
    return id;
  }

  async stopSandbox(id: string): Promise<void> {
    this.#act('stopSandbox', id);
    this.#markNotReady(id);
    for (const container of this.#inSandbox(id)) this.#end(container, 137, 'Error');
  }

  async removeSandbox(id: string): Promise<void> {
    await this.stopSandbox(id);
    for (const container of this.#inSandbox(id)) await this.removeContainer(container.status.id);
    this.#sandboxes.delete(id);
  }

  async sandboxStatus(id: string) {
    this.#asked('sandboxStatus', id);
    const { sandbox, ips } = this.#find(this.#sandboxes, 'PodSandboxStatus', id);
    return { ...sandbox, ips };
  }

  async listSandboxes(filter: Parameters<ContainerRuntime['listSandboxes']>[0] = {}) {
    this.#asked('listSandboxes', '');
    return [...this.#sandboxes.values()]
      .map(({ sandbox }) => sandbox)
      .filter(({ id, state }) => (filter.id ?? id) === id && (filter.state ?? state) === state)
      .filter(({ labels }) => matches(labels, filter.labels));
  }

  async createContainer(sandboxID: string, config: ContainerConfig): Promise<string> {
    this.#act('createContainer', config.metadata.name);
    const { sandbox } = this.#find(this.#sandboxes, 'CreateContainer', sandboxID);
    const { name, attempt } = config.metadata;
    const isTaken = [...this.#containers.values()].some(
      (each) =>
        each.config.metadata.name === name &&
        each.config.metadata.attempt === attempt &&
        this.#sandboxes.get(each.sandboxID)?.sandbox.metadata.uid === sandbox.metadata.uid,
    );
    if (isTaken) throw new CRIError('CreateContainer', 'unknown', 'the name is reserved');
    const id = `${name}-${++this.#count}`;
    const { metadata, image, labels, annotations, logPath } = config;
    const status: RuntimeContainerStatus = {
      ...{ id, metadata, image, imageRef: image, labels, annotations, logPath, ...this.#birth() },
      ...{ state: 'CREATED', startedAt: undefined, finishedAt: undefined, exitCode: 0, reason: '', message: '' },
    };
    this.#containers.set(id, { status, sandboxID, config, ended: Promise.withResolvers() });
    this.#tell('CREATED', id);
    return id;
  }

  async startContainer(id: string): Promise<void> {
    const container = this.#find(this.#containers, 'StartContainer', id);
    this.#act('startContainer', container.config.metadata.name);
    const { command } = container.config;
    if (command[0] === MISSING[0]) {
      const message = `exec: "${command[0]}": executable file not found in $PATH`;
      this.#end(container, 128, 'StartError', message);
      throw new CRIError('StartContainer', 'unknown', message);
    }
    container.status = { ...container.status, state: 'RUNNING', startedAt: this.#clock.now() };
    this.#tell('STARTED', id);
    const code = /^exit (\d+)$/.exec(command[2] ?? '')?.[1];
    if (code !== undefined) this.#end(container, Number(code), code === '0' ? 'Completed' : 'Error');
  }

  async stopContainer(id: string, graceSeconds: number): Promise<void> {
    const container = this.#containers.get(id);
    this.#act('stopContainer', `${container?.config.metadata.name ?? id} ${graceSeconds}`);
    if (container?.status.state !== 'RUNNING') return;
    if (container.config.command[2] !== DEAF[2]) this.#end(container, 0, 'Completed');
    else {
      const ended = new AbortController();
      await Promise.race([
        container.ended.promise,
        this.#clock.sleep(graceSeconds * 1000, ended.signal).catch(() => undefined),
      ]);
      ended.abort();
      this.#end(container, 137, 'Error');
    }
  }

  async removeContainer(id: string): Promise<void> {
    const container = this.#containers.get(id);
    if (container === undefined) return;
    this.#act('removeContainer', `${container.config.metadata.name} ${container.config.metadata.attempt}`);
    this.#end(container, 137, 'Error');
    this.#containers.delete(id);
    this.#tell('DELETED', id);
  }

  async containerStatus(id: string) {
    this.#asked('containerStatus', id);
    return this.#find(this.#containers, 'ContainerStatus', id).status;
  }

  async listContainers(filter: Parameters<ContainerRuntime['listContainers']>[0] = {}) {
    this.#asked('listContainers', '');
    return [...this.#containers.values()]
      .map(({ status, sandboxID }) => ({ ...status, sandboxID }))
      .filter(({ id, sandboxID }) => (filter.id ?? id) === id && (filter.sandboxID ?? sandboxID) === sandboxID)
      .filter(({ labels }) => matches(labels, filter.labels));
  }

  async updateResources(id: string): Promise<void> {
    this.#find(this.#containers, 'UpdateContainerResources', id);
  }

  async reopenLog(id: string): Promise<void> {
    this.#find(this.#containers, 'ReopenContainerLog', id);
  }

  async execSync(id: string) {
    this.#find(this.#containers, 'ExecSync', id);
    return { stdout: new Uint8Array(), stderr: new Uint8Array(), exitCode: 0 };
  }

  exec(): Promise<string> {
    return Promise.reject(new CRIError('Exec', 'unimplemented', 'the fake has no streams'));
  }
  attach(): Promise<string> {
    return Promise.reject(new CRIError('Attach', 'unimplemented', 'the fake has no streams'));
  }
  portForward(): Promise<string> {
    return Promise.reject(new CRIError('PortForward', 'unimplemented', 'the fake has no streams'));
  }

  async containerStats() {
    return [];
  }

  async images(): Promise<readonly ImageInfo[]> {
    return [];
  }
  /** Has every image. */
  async imageStatus(reference: string): Promise<ImageInfo> {
    return { id: `sha256:${reference}`, repoTags: [reference], repoDigests: [], size: 1, uid: 0, username: '' };
  }
  async pullImage(reference: string): Promise<string> {
    return `sha256:${reference}`;
  }
  async removeImage(): Promise<void> {}

  async *events(signal: AbortSignal): AsyncIterable<ContainerEvent> {
    this.#asked('events', '');
    const waiting: ContainerEvent[] = [];
    let wake = () => {};
    let isLost = false;
    const listener = {
      push: (event: ContainerEvent) => {
        waiting.push(event);
        wake();
      },
      lose: () => {
        isLost = true;
        wake();
      },
    };
    this.#listeners.add(listener);
    const onAbort = () => wake();
    signal.addEventListener('abort', onAbort);
    try {
      while (!signal.aborted) {
        const event = waiting.shift();
        if (event !== undefined) yield event;
        else if (isLost) throw new CRIError('GetContainerEvents', 'unavailable', 'the runtime has gone');
        else
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
      }
    } finally {
      this.#listeners.delete(listener);
      signal.removeEventListener('abort', onAbort);
    }
  }

  close(): void {}

  #birth(): { readonly createdAt: bigint } {
    this.#created += 1n;
    return { createdAt: BigInt(this.#clock.now()) * 1_000_000n + this.#created };
  }

  #inSandbox(id: string): readonly FakeContainer[] {
    return [...this.#containers.values()].filter(({ sandboxID }) => sandboxID === id);
  }

  #markNotReady(id: string): void {
    const known = this.#sandboxes.get(id);
    if (known?.sandbox.state !== 'READY') return;
    this.#sandboxes.set(id, { ips: known.ips, sandbox: { ...known.sandbox, state: 'NOTREADY' } });
    this.#tell('STOPPED', id);
  }

  #end(container: FakeContainer, exitCode: number, reason: string, message = ''): void {
    if (container.status.state === 'EXITED') return;
    const finishedAt = this.#clock.now();
    container.status = { ...container.status, state: 'EXITED', finishedAt, exitCode, reason, message };
    container.ended.resolve();
    this.#tell('STOPPED', container.status.id);
  }

  #tell(type: ContainerEventType, containerID: string): void {
    for (const { push } of this.#listeners) push({ type, containerID });
  }

  #act(call: string, about: string): void {
    this.#asked(call, about);
    this.calls.push(`${call} ${about}`);
  }

  #asked(call: string, about: string): void {
    if (this.#isLost) throw new CRIError(call, 'unavailable', 'the runtime has gone');
    const error = this.fault?.(call, about);
    if (error !== undefined) throw error;
  }

  #find<T>(all: ReadonlyMap<string, T>, call: string, id: string): T {
    const found = all.get(id);
    if (found === undefined) throw new CRIError(call, 'not-found', `${id}: not found`);
    return found;
  }
}

function matches(
  labels: Readonly<Record<string, string>>,
  wanted: Readonly<Record<string, string>> | undefined = {},
): boolean {
  return Object.entries(wanted).every(([name, value]) => labels[name] === value);
}
