/** Says to the API what becomes of a pod: one write at a time, and of several wishes the last. */
import { Pod, type PodStatus } from '../../api/core/v1/pod.ts';
import { type Client, TransportError } from '../../client/client.ts';
import { isExpected } from '../../client/expected.ts';
import type { Logger } from '../../host/log.ts';
import { writeStatus } from '../status/write.ts';

export interface ReporterOptions {
  readonly client: Client;
  readonly log: Logger;
  /** A write has failed: it is time to wish for one again, after a while. */
  readonly failed: () => void;
}

/** What the status is to be, given the pod as the API has it. */
export type Desired = (present: Pod) => PodStatus;

/** Writes the status of one pod, the newest only. */
export class Reporter {
  readonly #options: ReporterOptions;
  #newest: Pod | undefined;
  #wanted: Desired | undefined;
  #writing: Promise<void> | undefined;

  constructor(options: ReporterOptions) {
    this.#options = options;
  }

  /** The newer of this and what was written last: who is told of changes hears of them a moment later. */
  newest(pod: Pod): Pod {
    if (this.#newest === undefined || revision(pod) >= revision(this.#newest)) this.#newest = pod;
    return this.#newest;
  }

  /** Writes without waiting for it. */
  report(pod: Pod, desired: Desired): void {
    this.newest(pod);
    this.#wanted = desired;
    this.#writing ??= this.#writeAll().catch((err: unknown) => {
      const fields = { err, pod: `${pod.metadata.namespace}/${pod.metadata.name}` };
      // That the server is away is told by whoever follows it.
      if (isExpected(err) || err instanceof TransportError)
        this.#options.log.debug(fields, 'the status of a pod will be written again');
      else this.#options.log.warn(fields, 'cannot write the status of a pod; will retry');
      this.#options.failed();
    });
  }

  /** Writes, after what is being written; rejects when that fails. */
  async reportNow(pod: Pod, desired: Desired): Promise<void> {
    this.#wanted = undefined;
    await this.#writing;
    await this.#write(this.newest(pod), desired);
  }

  async #writeAll(): Promise<void> {
    try {
      while (this.#wanted !== undefined && this.#newest !== undefined) {
        const desired = this.#wanted;
        this.#wanted = undefined;
        await this.#write(this.#newest, desired);
      }
    } finally {
      this.#writing = undefined;
    }
  }

  async #write(pod: Pod, desired: Desired): Promise<void> {
    const written = await writeStatus(this.#options.client, Pod, pod, desired);
    if (written !== undefined) this.newest(written);
  }
}

function revision({ metadata }: Pod): bigint {
  return BigInt(metadata.resourceVersion ?? 0);
}
