/**
 * Takes back the ports of sandboxes that are gone without a word: a machine that was switched off, a runtime whose state was
 * removed. A sandbox that is being made is not in the runtime's list yet, so what is missing there is given time.
 */
import type { Clock } from '../../host/clock.ts';
import type { Logger } from '../../host/log.ts';
import type { RunCommand } from '../../host/process.ts';
import { minutes } from '../../lib/duration.ts';
import type { PodNetwork, Port } from '../../network/pod-network.ts';
import { portExists } from '../../network/ports.ts';
import type { ContainerRuntime } from '../cri/cri.ts';

/** Kubelets wait four minutes for a sandbox. */
const INTERVAL = minutes(5);

/** Where runtimes mount the network namespaces that they make for sandboxes. */
const NAMESPACE_OF_A_SANDBOX = /^(\/var)?\/run\/netns\/cni-[0-9a-f-]+$/;

export interface CollectorOptions {
  readonly network: PodNetwork;
  readonly runtime: Pick<ContainerRuntime, 'listSandboxes'>;
  readonly log: Logger;
  readonly clock: Clock;
  readonly run: RunCommand;
}

/** Takes back ports of sandboxes that the runtime no longer has. */
export class Collector {
  readonly #options: CollectorOptions;
  /** Sandboxes that were not in the runtime's list when it was looked at last. */
  #missing: ReadonlySet<string> = new Set();

  constructor(options: CollectorOptions) {
    this.#options = options;
  }

  /** Before the runtime is served: nothing is being made, and what has no device has lost its namespace. */
  async lookAtStart(): Promise<void> {
    for (const port of await this.#missingPorts()) if (!(await portExists(port))) await this.#collect(port);
  }

  /** Every few minutes, until the signal is aborted. A runtime that cannot be asked is asked again. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#options;
    while (!signal.aborted) {
      await clock.sleep(INTERVAL, signal).catch(() => undefined);
      if (signal.aborted) return;
      await this.look().catch((err: unknown) => log.debug({ err }, 'cannot ask the runtime for its sandboxes'));
    }
  }

  /** Takes back what was missing the last time too. */
  async look(): Promise<void> {
    const missing = await this.#missingPorts();
    for (const port of missing) if (this.#missing.has(port.sandbox)) await this.#collect(port);
    this.#missing = new Set(missing.map(({ sandbox }) => sandbox));
  }

  async #missingPorts(): Promise<readonly SandboxPort[]> {
    const { network, runtime } = this.#options;
    const ports = network.ports().filter((port): port is SandboxPort => port.sandbox !== undefined);
    if (ports.length === 0) return [];
    const known = new Set((await runtime.listSandboxes()).map(({ id }) => id));
    return ports.filter(({ sandbox }) => !known.has(sandbox));
  }

  async #collect({ podUID, sandbox, namespace }: SandboxPort): Promise<void> {
    const { network, log, run } = this.#options;
    await network.release(podUID, sandbox);
    log.info({ podUID, sandbox }, 'took back the port of a sandbox that is gone');
    if (namespace === undefined || !NAMESPACE_OF_A_SANDBOX.test(namespace)) return;
    await run(['umount', '--quiet', '--lazy', namespace]).catch((err: unknown) =>
      log.debug({ err }, 'it was not mounted'),
    );
    await run(['rm', '-f', namespace]);
  }
}

type SandboxPort = Port & { readonly sandbox: string };
