/** What makes a lab, and how it starts the program's own parts, which it knows nothing about. */
import type { IPFamily } from '../lib/ip.ts';
import type { SandboxImage } from './container-runtime.ts';
import type { NodeFirewall } from './node-firewall.ts';

/** Command lines of the program's other parts. */
export interface LabCommands {
  /** The lab itself: a process that calls `labRun` for this directory. */
  run(dir: string): readonly string[];
  /** API server and controllers. Prints `ready URL …` when the API answers, and issues the agents' kubeconfigs before. */
  server(options: ServerCommand): readonly string[];
  /** One node's agent. Prints `ready` when the Node is Ready and every part has acted on what the API says. */
  agent(options: AgentCommand): readonly string[];
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
}

export interface AgentCommand {
  readonly nodeName: string;
  readonly kubeconfig: string;
  readonly socketPath: string;
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
  /** Milliseconds until the lab has to be ready. Default: 60 s. */
  readonly timeout?: number;
}
