/** Where a lab keeps what, under the directory that the user names. */
import { join, resolve } from 'node:path';

/** Every path of a lab in `dir`. */
export interface Layout {
  readonly dir: string;
  /** What was asked for: a {@link LabSpec}. Its presence marks the directory as a lab's. */
  readonly spec: string;
  /** For the user's kubectl; a symbolic link into the server's data. */
  readonly kubeconfig: string;
  readonly serverData: string;
  readonly logs: string;
  readonly nodes: string;
  /** What exists only while the lab runs. */
  readonly run: string;
  /** Who runs the lab: a {@link ProcessIdentity}. */
  readonly owner: string;
  /** What the lab last said about itself: a {@link LabState}. */
  readonly state: string;
  /** The API, for whom the machine's loopback is out of reach. */
  readonly apiSocket: string;
}

export function layoutOf(dir: string): Layout {
  const root = resolve(dir);
  const run = join(root, 'run');
  return {
    dir: root,
    spec: join(root, 'lab.json'),
    kubeconfig: join(root, 'kubeconfig'),
    serverData: join(root, 'server'),
    logs: join(root, 'logs'),
    nodes: join(root, 'nodes'),
    run,
    owner: join(run, 'owner.json'),
    state: join(run, 'state.json'),
    apiSocket: join(run, 'api.sock'),
  };
}

/** What a node's agent keeps. */
export function nodeDir(layout: Layout, node: string): string {
  return join(layout.nodes, node);
}

/** A node's settings of its firewall, if it runs one. */
export function firewallDir(layout: Layout, node: string): string {
  return join(nodeDir(layout, node), 'firewalld');
}

/** The log of one of the lab's processes: `lab`, `server`, a node's name, `node1.firewalld`. */
export function logFile(layout: Layout, name: string): string {
  return join(layout.logs, `${name}.log`);
}
