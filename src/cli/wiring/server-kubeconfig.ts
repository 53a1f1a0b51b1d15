/** The administrator's kubeconfig of a server, which names the other servers of its cluster as they come and go. */
import { type FileHandle, mkdir, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Endpoint } from '../../client/client.ts';
import { printKubeconfig } from '../../client/kubeconfig.ts';
import type { Logger } from '../../host/log.ts';
import { messageOf } from '../../lib/errors.ts';

/** More is not written: a list that somebody fills is not to fill the disk. */
const SERVERS_MAX = 32;

export class ServerKubeconfig {
  readonly #file: FileHandle;
  #endpoint: Endpoint;
  readonly #log: Logger;
  #length = 0;
  #writing: Promise<void> = Promise.resolve();

  constructor(parts: { readonly file: FileHandle; readonly endpoint: Endpoint; readonly log: Logger }) {
    this.#file = parts.file;
    this.#endpoint = parts.endpoint;
    this.#log = parts.log;
  }

  /** Opens the file at `path`, mode 0600, and keeps it open: who gives up root later can still write it. */
  static async open(path: string, endpoint: Endpoint, log: Logger): Promise<ServerKubeconfig> {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    return new ServerKubeconfig({ file: await open(path, 'w', 0o600), endpoint, log });
  }

  /** Writes it, with these servers besides this one. What fails later than the first time is logged. */
  async write(urls: readonly string[]): Promise<void> {
    const { server } = this.#endpoint;
    const otherServers = urls.filter((url) => url !== server).slice(0, SERVERS_MAX);
    const text = printKubeconfig({ endpoint: { ...this.#endpoint, otherServers }, name: 'postern' });
    const isFirst = this.#length === 0;
    const written = this.#writing.then(() => this.#replace(text));
    this.#writing = written.catch((error: unknown) => {
      if (!isFirst) this.#log.warn({ reason: messageOf(error) }, 'could not write the other servers to the kubeconfig');
    });
    await (isFirst ? written : this.#writing);
  }

  /** Writes it with a new certificate. */
  renew(endpoint: Endpoint, urls: readonly string[]): Promise<void> {
    this.#endpoint = endpoint;
    return this.write(urls);
  }

  async close(): Promise<void> {
    await this.#writing;
    await this.#file.close();
  }

  /** In one piece, and longer rather than shorter than what was there: whoever reads it meanwhile finds a whole kubeconfig. */
  async #replace(text: string): Promise<void> {
    const bytes = Buffer.from(text.padEnd(this.#length, '\n'));
    await this.#file.write(bytes, 0, bytes.length, 0);
    await this.#file.truncate(Buffer.byteLength(text));
    this.#length = Buffer.byteLength(text);
  }
}
