/** A lab whose nodes run containers, with the images of the stories, and kubectl to speak to it. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Client } from '../../../src/client/client.ts';
import { type CommandOptions, runCommand } from '../../../src/host/process.ts';
import { labExec, labStatus } from '../../../src/lab/lab.ts';
import { standardImages, writeImage } from '../../../src/pods/testing/images.ts';
import { runAt, type TestLab, testLab } from '../lab.ts';
import { storyImages } from './images.ts';
import { leftovers } from './leftovers.ts';
import { loadArgv, Requests } from './load.ts';

/** Milliseconds that something may take to come about, and between two looks whether it has. */
const LIMIT = 60_000;
const LOOK_EVERY = 50;

export class World {
  readonly nodes: readonly { readonly name: string; readonly addresses: readonly string[] }[];
  /** How often a containerd has been killed. */
  killedRuntimes = 0;
  readonly #lab: TestLab;
  readonly #started = new Set<ChildProcess>();

  private constructor(lab: TestLab) {
    this.#lab = lab;
    this.nodes = labStatus(lab.dir).places.filter(({ kind }) => kind === 'node');
  }

  static async open(options: { readonly nodes: number }): Promise<World> {
    const world = new World(await testLab({ ...options, containers: true }));
    try {
      await world.#importImages();
    } catch (error) {
      await world.close();
      throw error;
    }
    return world;
  }

  get dir(): string {
    return this.#lab.dir;
  }

  get client(): Client {
    return this.#lab.client;
  }

  /** The last lines of every log of the lab. */
  logs(): Promise<string> {
    return this.#lab.logs();
  }

  /** Nothing is left on the nodes of pods that are gone. */
  async check(): Promise<void> {
    await this.eventually('nothing is left of pods', async () => {
      assert.deepEqual(await leftovers(this), []);
      return true;
    });
  }

  async close(): Promise<void> {
    for (const child of this.#started) child.kill('SIGKILL');
    await this.#lab.down();
  }

  /** Runs a program at a place to its end, and returns what it prints. */
  at(place: string, argv: readonly string[], options: CommandOptions = {}): Promise<string> {
    return runAt(this.dir, place, argv, options);
  }

  /** Sends requests from a place until they are stopped; they end with the world at the latest. */
  requests(place: string, load: { readonly urls: readonly string[]; readonly perSecond: number }): Requests {
    return new Requests(this.#start(labExec(this.dir, place, loadArgv(load))), load);
  }

  /** Runs kubectl against the lab's API server, and returns what it prints. */
  async kubectl(args: readonly string[], options: CommandOptions = {}): Promise<string> {
    const env = { ...options.env, KUBECONFIG: this.#lab.kubeconfig };
    return (await runCommand(['kubectl', ...args], { timeout: LIMIT, ...options, env })).stdout;
  }

  /** Starts kubectl, for those of its verbs that last. */
  startKubectl(args: readonly string[]): ChildProcess {
    return this.#start({ argv: ['kubectl', ...args], env: { KUBECONFIG: this.#lab.kubeconfig } });
  }

  /** Runs a program here, that runs kubectl itself. */
  async local(argv: readonly string[]): Promise<string> {
    return (await runCommand(argv, { timeout: LIMIT, env: { KUBECONFIG: this.#lab.kubeconfig } })).stdout;
  }

  /** Runs a script in a pod's first container, and returns what it prints. */
  inPod(name: string, script: string): Promise<string> {
    return this.kubectl(['exec', name, '--', 'sh', '-c', script]);
  }

  /** What a client outside of the cluster is answered. */
  ask(url: string): Promise<string> {
    return this.at('client', ['curl', '-gsS', '--max-time', '5', url]);
  }

  /** Two IPv4 addresses of hosts outside of the cluster. */
  async outsideAddresses(): Promise<readonly [string, string]> {
    const client = labStatus(this.dir).places.find(({ kind }) => kind === 'client');
    const [first = ''] = client?.addresses ?? [];
    // The end of the LAN's prefix: nobody else's.
    const second = first.replace(/\d+$/, '254');
    await this.at('client', ['ip', 'address', 'replace', `${second}/32`, 'dev', 'eth0']);
    return [first, second];
  }

  /** Starts an application outside of the cluster, at one of {@link outsideAddresses}. It ends with the world. */
  async startOutside(name: string, address: string, port: number): Promise<void> {
    const program = fileURLToPath(new URL('outside.program.ts', import.meta.url));
    const child = this.#start(labExec(this.dir, 'client', [process.execPath, program, name, address, String(port)]));
    if (child.stdout === null) throw new Error('the application has no output');
    await once(child.stdout, 'data');
  }

  /** Ends one of the lab's own processes at a node, as a crash would. */
  kill(node: string, process: 'agent' | 'containerd'): void {
    const name = process === 'agent' ? node : `${node}.${process}`;
    const pid = labStatus(this.dir).processes.find((each) => each.name === name)?.pid;
    if (pid === undefined) throw new Error(`${name} does not run`);
    globalThis.process.kill(pid, 'SIGKILL');
    if (process === 'containerd') this.killedRuntimes++;
  }

  async apply(...objects: readonly object[]): Promise<void> {
    await this.kubectl(['apply', '-f', '-'], {
      input: JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }),
    });
  }

  /** Looks until `look` has an answer, and returns it. Otherwise throws what it last threw. */
  async eventually<T>(what: string, look: () => Promise<T | undefined>, limit = LIMIT): Promise<T> {
    const until = performance.now() + limit;
    for (;;) {
      const outcome = await look().catch((error: unknown) => ({ error }));
      const failed = typeof outcome === 'object' && outcome !== null && 'error' in outcome ? outcome.error : undefined;
      if (outcome !== undefined && failed === undefined) return outcome as T;
      if (performance.now() > until) throw new Error(`${what}: not within ${limit} ms`, { cause: failed });
      await sleep(LOOK_EVERY);
    }
  }

  #start({
    argv,
    env,
  }: {
    readonly argv: readonly string[];
    readonly env: Readonly<Record<string, string>>;
  }): ChildProcess {
    const [program = '', ...args] = argv;
    const child = spawn(program, args, { stdio: 'pipe', env: { ...process.env, ...env } });
    this.#started.add(child);
    child.once('exit', () => this.#started.delete(child));
    return child;
  }

  async #importImages(): Promise<void> {
    const dir = await mkdtemp(join(tmpdir(), 'postern-images-'));
    try {
      const files = [...standardImages(), ...storyImages()].map((image, i) => writeImage(dir, `${i}.tar`, image));
      for (const { name } of this.nodes)
        await this.at(name, [join(process.cwd(), 'postern'), 'image', 'import', ...files]);
    } finally {
      await rm(dir, { recursive: true, force: true });
    }
  }
}
