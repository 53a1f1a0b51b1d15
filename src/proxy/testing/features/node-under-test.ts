/** The proxy that the features are about, in the network namespace of this process, and the API that it follows. */
import { Service } from '../../../api/core/v1/service.ts';
import { EndpointSlice } from '../../../api/discovery/v1/endpointslice.ts';
import type { Kind } from '../../../api/kind.ts';
import { type KubeObject, keyOf } from '../../../api/meta/v1.ts';
import { fakeClient } from '../../../client/fake.ts';
import { openLibnftables } from '../../../host/libnftables.ts';
import { createLogger, type Logger, silentLogger } from '../../../host/log.ts';
import type { NftRunner } from '../../../host/nft.ts';
import { runCommand } from '../../../host/process.ts';
import { withLocalhost } from '../../localhost.ts';
import type { SyncStats } from '../../metrics/stats.ts';
import type { Mode } from '../../mode.ts';
import { type RunningProxy, startProxy } from '../../proxy.ts';
import { service } from '../builders.ts';
import { MODES, type ModeName } from './modes.ts';
import { SETTINGS, type Setting, type SettingName } from './settings.ts';

/** How long a change may take until it is in the kernel, in milliseconds: long enough for a busy machine. */
const PATIENCE = 20_000;

/** Where the proxy tells of its health, and of its work; kube-proxy has the same ports. */
export const HEALTH_PORT = 10256;
export const METRICS_PORT = 10249;

/** All addresses, of both families. */
const everywhere = (port: number) => [{ address: '::', port }];

/** The zone that the node is in. */
export const ZONE = 'this-zone';

/** A proxy that runs, and what ends it. */
interface Running {
  readonly proxy: RunningProxy;
  readonly controller: AbortController;
}

export class NodeUnderTest {
  readonly client = fakeClient();
  readonly runner: NftRunner;
  #running: Running | undefined;
  /** The mode that it was started in last. */
  name: ModeName = 'nftables';
  /** Whether the node says that load balancers may begin connections by it. */
  eligible = true;
  /** What the proxy logged as a warning or an error. */
  readonly said: string[] = [];
  #setting: SettingName = 'default';
  #mode: Mode | undefined;
  #changes = 0;
  #begun = 0;
  #waiting: (() => void)[] = [];

  constructor(runner: NftRunner) {
    this.runner = runner;
  }

  static async open(): Promise<NodeUnderTest> {
    return new NodeUnderTest(await openLibnftables());
  }

  get stats(): SyncStats {
    if (this.#running === undefined) throw new Error('the proxy does not run');
    return this.#running.proxy.stats;
  }

  /**
   * Starts the proxy, in place of one that runs; as it was, unless told otherwise. What another mode programmed is removed once
   * this one forwards.
   */
  async start(name: ModeName = this.name, setting: SettingName = this.#setting): Promise<void> {
    await this.stop();
    this.name = name;
    this.#setting = setting;
    const { localities, nodeAddresses, localhost }: Setting = SETTINGS[setting];
    const mode = withLocalhost(await MODES[name].open(localities, this.runner), localhost);
    const retired = this.#mode === undefined || this.#mode.name === mode.name ? [] : [this.#mode];
    const controller = new AbortController();
    const proxy = await startProxy(
      {
        ...{ client: this.client, mode, retired, nodeName: 'node1', zone: () => ZONE },
        // Asked when a sync begins.
        nodeAddresses: () => {
          this.#begun++;
          return nodeAddresses();
        },
        serve: { health: everywhere(HEALTH_PORT), metrics: everywhere(METRICS_PORT) },
        nodeEligible: () => this.eligible,
        log: this.#recorder(),
        onSynced: () => {
          for (const resolve of this.#waiting.splice(0)) resolve();
        },
      },
      controller.signal,
    );
    this.#mode = mode;
    this.#running = { proxy, controller };
  }

  /** Stops the proxy; what it programmed stays. */
  async stop(): Promise<void> {
    this.#running?.controller.abort();
    await this.#running?.proxy.stopped;
    this.#running = undefined;
  }

  /** Removes what the last proxy programmed. */
  async remove(): Promise<void> {
    await this.#mode?.remove();
  }

  /** Takes all rules away, whoever put them there. */
  async flush(): Promise<void> {
    await runAll(MODES[this.name].flush);
  }

  /** Puts rules of someone else's into the kernel. */
  async addForeign(): Promise<void> {
    await runAll(MODES[this.name].foreign);
  }

  /** All that is in the kernel, whoever put it there. */
  rules(): Promise<string> {
    return MODES[this.name].rules();
  }

  /** The kernel's numbers of all rules, where it tells them. */
  handles(): Promise<string> {
    return MODES[this.name].handles();
  }

  /** Stores objects, and resolves once the kernel forwards as they say. */
  async put(...objects: readonly KubeObject[]): Promise<void> {
    for (const object of objects) this.client.seed(object);
    await this.programmed();
  }

  /** Deletes an object, and resolves once the kernel knows no more of it. */
  async drop(object: KubeObject): Promise<void> {
    const kind = object.kind === 'Service' ? Service : EndpointSlice;
    this.client.remove<Service | EndpointSlice>(kind as Kind<Service | EndpointSlice>, keyOf(object));
    await this.programmed();
  }

  /**
   * Resolves once all that was stored before is in the kernel: when a sync has taken effect that began after it. One that was
   * under way may not know of it. A change of our own sees to it that there is something to do.
   */
  async programmed(): Promise<void> {
    const begun = this.#begun;
    this.client.seed(this.#marker());
    do await this.nextSync();
    while (this.#begun === begun);
  }

  #marker(): KubeObject {
    this.#changes++;
    return service('marker', { clusterIPs: ['10.96.255.254'], ports: [{ port: 1 + (this.#changes % 65535) }] });
  }

  /** Logs as usual, and keeps what would worry someone. */
  #recorder(): Logger {
    const log = createLogger('proxy');
    return {
      ...silentLogger,
      warn: (fields, message) => this.#worry(log.warn.bind(log), fields, message),
      error: (fields, message) => this.#worry(log.error.bind(log), fields, message),
    };
  }

  #worry(say: Logger['warn'], fields: object, message: string): void {
    this.said.push(message);
    say(fields, message);
  }

  /** Resolves when the next transaction has taken effect. */
  nextSync(): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error('no transaction took effect')), PATIENCE);
      this.#waiting.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }
}

async function runAll(commands: readonly (readonly string[])[]): Promise<void> {
  for (const argv of commands) await runCommand(argv);
}
