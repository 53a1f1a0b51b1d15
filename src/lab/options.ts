/** What makes a lab, and how it starts the program's own parts, which it knows nothing about. */
import type { IPFamily } from '../lib/ip.ts';
import type { SandboxImage } from './container-runtime.ts';
import type { NodeFirewall } from './node-firewall.ts';
import type { LabStore } from './topology.ts';

/** Command lines of the program's other parts. */
export interface LabCommands {
  /** The lab itself: a process that calls `labRun` for this directory. */
  run(dir: string): readonly string[];
  /** API server and controllers. Prints `ready URL …` when the API answers, and issues the agents' kubeconfigs before. */
  server(options: ServerCommand): readonly string[];
  /** One node's agent. Prints `ready` when the Node is Ready and every part has acted on what the API says. */
  agent(options: AgentCommand): readonly string[];
  /** Makes a token with which machines join the cluster of the kubeconfig, as nodes or as servers. */
  token(options: { readonly kubeconfig: string; readonly role: 'node' | 'server' }): Promise<string>;
  /** Writes the kubeconfig `from` to `to`, for who reaches the API at `servers` instead; mode 0600. */
  kubeconfig(options: {
    readonly from: string;
    readonly to: string;
    readonly servers: readonly string[];
  }): Promise<void>;
  /** The folder in a server's data directory where objects are, when they are in no etcd. */
  objectsDir(dataDir: string): string;
  /** What sandboxes of containers run. */
  sandboxImage(): Promise<SandboxImage>;
}

export interface ServerCommand {
  readonly dataDir: string;
  /** `127.0.0.1:PORT`; port 0 picks a free one. */
  readonly listen: string;
  /** The server serves here too: the machine's loopback is out of reach from a node. */
  readonly socketPath: string;
  /** Where pods reach it, on the lab's LAN. */
  readonly advertiseAddresses: readonly string[];
  readonly ipFamilies: readonly IPFamily[];
  readonly agents: readonly { readonly nodeName: string; readonly kubeconfig: string }[];
  /** Where objects are kept. Default: in the data directory. */
  readonly etcd?: EtcdAccess;
  /** The cluster that it becomes a server of. Default: one of its own. */
  readonly join?: Join;
  /** {@link LabOptions.serverFlags}. */
  readonly flags: readonly string[];
}

/** What a machine is told that is to join a cluster. */
export interface Join {
  /** URLs of servers. */
  readonly servers: readonly string[];
  readonly tokenFile: string;
}

/** How an agent reaches the API and proves which node it is. */
export type AgentCredentials =
  | {
      readonly kind: 'kubeconfig';
      readonly path: string /** Where the server is reached. */;
      readonly socketPath: string;
    }
  | ({ readonly kind: 'join' } & Join);

/** How a server reaches an etcd; files are PEM. */
export interface EtcdAccess {
  /** Client URLs of all members. */
  readonly endpoints: readonly string[];
  readonly ca: string;
  readonly certificate: string;
  readonly key: string;
}

export interface AgentCommand {
  readonly nodeName: string;
  readonly credentials: AgentCredentials;
  readonly stateDir: string;
  readonly lanInterface: string;
  /** The node's addresses on the LAN, primary first. */
  readonly addresses: readonly string[];
  readonly ipFamilies: readonly IPFamily[];
  /** {@link LabOptions.agentFlags}. */
  readonly flags: readonly string[];
}

export interface LabOptions {
  readonly dir: string;
  /** How many nodes. */
  readonly nodes: number;
  /** Primary first. */
  readonly ipFamilies: readonly IPFamily[];
  readonly commands: LabCommands;
  /** What the nodes run to keep others out. Default: nothing. */
  readonly nodeFirewall?: NodeFirewall;
  /** Whether every node has a container runtime of its own. Default: none has. */
  readonly nodeContainers?: boolean;
  /** For every node's agent besides, as they are typed. Default: none. */
  readonly agentFlags?: readonly string[];
  /** How many servers have a place on the LAN. Default: none; one server runs beside the lab. */
  readonly servers?: number;
  /** Where those keep the objects. Default: in an etcd with a member beside each. */
  readonly store?: LabStore;
  /** Mebibytes of the disk, in memory, on which each of those keeps the objects. Default: the lab's directory. */
  readonly serverDisk?: number;
  /** For every one of those servers besides, as they are typed. Default: none. */
  readonly serverFlags?: readonly string[];
  /** LANs, with a router between them. Default: one. */
  readonly lans?: number;
  /** Milliseconds until the lab has to be ready. Default: 60 s, and 20 s for each of those servers. */
  readonly timeout?: number;
}
