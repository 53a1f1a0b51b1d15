/** Where a lab keeps what, under the directory that the user names. */
import { join, resolve } from 'node:path';

/** Every path of a lab in `dir`. */
export interface Layout {
  readonly dir: string;
  /** What was asked for: a {@link LabSpec}. Its presence marks the directory as a lab's. */
  readonly spec: string;
  /** For the user's kubectl; a symbolic link into the server's data. */
  readonly kubeconfig: string;
  /** Of the server beside the lab, where none has a place on the LAN. */
  readonly serverData: string;
  /** What servers on the LAN keep, each in a folder of its name, and what they share. */
  readonly servers: string;
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
  /** Holds a file for each process that is not to run: its name, and in it the signal that ends it. */
  readonly stopped: string;
  /** Which links are cut: a list of {@link LinkFault}. */
  readonly links: string;
}

export function layoutOf(dir: string): Layout {
  const root = resolve(dir);
  const run = join(root, 'run');
  return {
    dir: root,
    spec: join(root, 'lab.json'),
    kubeconfig: join(root, 'kubeconfig'),
    serverData: join(root, 'server'),
    servers: join(root, 'servers'),
    logs: join(root, 'logs'),
    nodes: join(root, 'nodes'),
    run,
    owner: join(run, 'owner.json'),
    state: join(run, 'state.json'),
    apiSocket: join(run, 'api.sock'),
    stopped: join(run, 'stopped'),
    links: join(run, 'links.json'),
  };
}

/** What a node's agent keeps. */
export function nodeDir(layout: Layout, node: string): string {
  return join(layout.nodes, node);
}

/** What a server on the LAN keeps. */
export function serverDataDir(layout: Layout, server: string): string {
  return join(layout.servers, server, 'data');
}

/** What the etcd member beside a server keeps. */
export function etcdDataDir(layout: Layout, server: string): string {
  return join(layout.servers, server, 'etcd');
}

/** Certificates between etcd's members and servers. */
export function etcdTlsDir(layout: Layout): string {
  return join(layout.servers, 'etcd-tls');
}

/** Where a server on the LAN serves those to whom the LAN is out of reach. */
export function serverSocket(layout: Layout, server: string): string {
  return join(layout.run, `${server}.sock`);
}

/** A node's settings of its firewall, if it runs one. */
export function firewallDir(layout: Layout, node: string): string {
  return join(nodeDir(layout, node), 'firewalld');
}

/** The log of one of the lab's processes: `lab`, `server`, a node's or server's name, `node1.firewalld`, `server1.etcd`. */
export function logFile(layout: Layout, name: string): string {
  return join(layout.logs, `${name}.log`);
}
