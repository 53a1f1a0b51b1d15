/** A running lab as the walkthrough's steps use it: kubectl, postern, places on the network, and the API. */
import { join } from 'node:path';
import type { Kind } from '../../api/kind.ts';
import type { KubeObject, ObjectKey } from '../../api/meta/v1.ts';
import { isNotFound } from '../../api/status.ts';
import type { Client } from '../../client/client.ts';
import type { CommandRecord, RunOptions, Walk } from './walk.ts';

export interface ClusterPaths {
  /** The lab's directory. */
  readonly dir: string;
  readonly kubeconfig: string;
  /** The program, and what runs it. */
  readonly postern: readonly string[];
  /** Folder of the example manifests. */
  readonly examples: string;
}

export class Cluster {
  readonly walk: Walk;
  readonly client: Client;
  readonly paths: ClusterPaths;

  constructor(walk: Walk, client: Client, paths: ClusterPaths) {
    this.walk = walk;
    this.client = client;
    this.paths = paths;
  }

  kubectl(args: readonly string[], options: RunOptions = {}): Promise<CommandRecord> {
    const shown = options.shown ?? ['kubectl', ...args].map((arg) => this.#readable(arg)).join(' ');
    return this.walk.run(['kubectl', ...args], { ...options, shown, env: { KUBECONFIG: this.paths.kubeconfig } });
  }

  postern(args: readonly string[], options: RunOptions = {}): Promise<CommandRecord> {
    const shown = options.shown ?? ['./postern', ...args].map((arg) => this.#readable(arg)).join(' ');
    return this.walk.run([...this.paths.postern, ...args], {
      ...options,
      shown,
      env: { KUBECONFIG: this.paths.kubeconfig },
    });
  }

  /** Runs a command at a place of the lab: `node1`, `client`. */
  at(place: string, argv: readonly string[], options: RunOptions = {}): Promise<CommandRecord> {
    return this.postern(['lab', 'exec', '--dir', this.paths.dir, place, '--', ...argv], options);
  }

  /** Runs a command in a guest. */
  inGuest(name: string, argv: readonly string[], options: RunOptions = {}): Promise<CommandRecord> {
    return this.postern(['vm', 'exec', '-n', NAMESPACE, '--data-dir', this.paths.dir, name, '--', ...argv], options);
  }

  /** The object, or undefined when there is none. */
  async find<T extends KubeObject>(kind: Kind<T>, key: ObjectKey): Promise<T | undefined> {
    try {
      return await this.client.get(kind, key);
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  #readable(arg: string): string {
    const short = arg.startsWith(this.paths.examples)
      ? `examples${arg.slice(this.paths.examples.length)}`
      : arg.replace(this.paths.dir, 'DIR');
    return /[\s"'{}|*]/.test(short) ? `'${short}'` : short;
  }
}

export const NAMESPACE = 'example-namespace';
export const SERVICE: ObjectKey = { namespace: NAMESPACE, name: 'example-service' };
/** The guests behind the Service. */
export const GUESTS = ['example-vm', 'example-vm-2'] as const;
/** A guest that is no more than a client. */
export const CLIENT_GUEST = 'client-vm';
/** The node port that the Service asks for. */
export const NODE_PORT = 30_000;
export const SERVICE_DOMAIN = 'example-service.example-namespace.svc.cluster.local';

/** The path of an example manifest. */
export function example(cluster: Cluster, file: string): string {
  return join(cluster.paths.examples, file);
}
