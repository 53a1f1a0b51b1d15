/** The servers of a lab: one beside it, on the machine's loopback, or several on the LAN with an etcd beneath them. */
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { Logger } from '../host/log.ts';
import { runCommand } from '../host/process.ts';
import { mustParseIP, printIP } from '../lib/ip.ts';
import { openApiRelay, openLoopbackRelay } from './api-relay.ts';
import { LabError } from './error.ts';
import { etcdEndpoints, memberArgv } from './etcd.ts';
import { type EtcdCertificates, etcdCertificates } from './etcd-certificates.ts';
import { etcdDataDir, etcdTlsDir, type Layout, nodeDir, serverDataDir, serverSocket } from './layout.ts';
import type { AgentCredentials, EtcdAccess, Join, LabCommands } from './options.ts';
import { enterArgv, type OpenPlace } from './place.ts';
import type { LabProcesses } from './processes.ts';
import type { LabSpec, Place, Topology } from './topology.ts';

/** What agents are told of the servers. */
export interface ControlPlane {
  /** The API as the user reaches it: `https://127.0.0.1:PORT`. */
  readonly url: string;
  credentialsOf(node: string): AgentCredentials;
}

export interface ControlPlaneParts {
  readonly layout: Layout;
  readonly spec: LabSpec;
  readonly topology: Topology;
  readonly commands: LabCommands;
  readonly processes: LabProcesses;
  readonly log: Logger;
}

const LOOPBACK = mustParseIP('127.0.0.1');
/** Of servers on the LAN. */
const PORT = 6443;

/** Starts the servers, and brings the API to where places and the machine find it at one URL. `places` are all. */
export function startControlPlane(
  parts: ControlPlaneParts,
  places: Promise<readonly OpenPlace[]>,
): Promise<ControlPlane> {
  return parts.topology.servers.length === 0 ? startBeside(parts, places) : startOnLan(parts, places);
}

/** The port that the server found the first time is its port from then on. */
async function startBeside(parts: ControlPlaneParts, opening: Promise<readonly OpenPlace[]>): Promise<ControlPlane> {
  const { layout, spec, topology, commands, processes, log } = parts;
  let listen = '127.0.0.1:0';
  const starting = processes.start({
    name: 'server',
    stage: 'servers',
    argv: () =>
      commands.server({
        dataDir: layout.serverData,
        listen,
        socketPath: layout.apiSocket,
        advertiseAddresses: topology.lan.addresses.map(printIP),
        ipFamilies: spec.ipFamilies,
        agents: agentsOf(parts),
        flags: [],
      }),
    onReady: (rest) => {
      listen = `127.0.0.1:${new URL(urlOf(rest)).port}`;
    },
  });
  const [places, url] = await Promise.all([opening, starting.then(urlOf)]);
  rmSync(layout.kubeconfig, { force: true });
  symlinkSync(relative(layout.dir, join(layout.serverData, 'kubeconfig')), layout.kubeconfig);
  const at = places.flatMap(({ place, pid }) =>
    [LOOPBACK, ...(place.kind === 'lan' ? place.addresses : [])].map((address) => ({ pid, address })),
  );
  const relay = { at, port: Number(new URL(url).port), socketPaths: [layout.apiSocket], log };
  await openApiRelay(relay, processes.signal('agents'));
  return {
    url,
    credentialsOf: (node) => ({ kind: 'kubeconfig', path: kubeconfigOf(layout, node), socketPath: layout.apiSocket }),
  };
}

/**
 * The first server makes the cluster, which the others and the nodes join. Agents reach all of them over the LAN; the user, and
 * commands at any place, by a port that leads to whichever answers and that no cut of the LAN concerns.
 */
async function startOnLan(parts: ControlPlaneParts, opening: Promise<readonly OpenPlace[]>): Promise<ControlPlane> {
  const { layout, topology } = parts;
  const places = await opening;
  const servers = places.filter(({ place }) => place.kind === 'server');
  await mountDisks(parts, servers);
  const etcd = parts.spec.store === 'lmdb' ? undefined : await startEtcd(parts, servers);
  const [first, ...others] = servers;
  if (first === undefined) throw new Error('a control plane on the LAN has a server');
  await startServer(parts, first, { etcd });
  const urls = await openRelays(parts, places);
  const from = join(serverDataDir(layout, first.place.name), 'kubeconfig');
  await parts.commands.kubeconfig({ from, to: layout.kubeconfig, servers: urls });
  if (others.length > 0) {
    const tokenFile = await makeToken(parts, 'server');
    const toJoin = { servers: [serverUrl(first.place)], tokenFile };
    await Promise.all(others.map((server) => startServer(parts, server, { etcd, join: toJoin })));
  }
  const toJoin = { servers: topology.servers.map(serverUrl), tokenFile: await makeToken(parts, 'node') };
  return { url: urls[0] ?? '', credentialsOf: () => ({ kind: 'join', ...toJoin }) };
}

/**
 * Brings the API to the loopback of every place and of the machine; resolves to its URLs there. For each server there is one that leads to it,
 * or to another while it does not answer: who knows one URL only, such as kubectl, is served too.
 */
async function openRelays(parts: ControlPlaneParts, places: readonly OpenPlace[]): Promise<readonly string[]> {
  const { layout, topology, processes, log } = parts;
  const sockets = topology.servers.map(({ name }) => serverSocket(layout, name));
  const until = processes.signal('agents');
  const at = places.map(({ pid }) => ({ pid, address: LOOPBACK }));
  return Promise.all(
    sockets.map(async (_, i) => {
      const socketPaths = [...sockets.slice(i), ...sockets.slice(0, i)];
      const port = await openLoopbackRelay({ socketPaths, log }, until);
      await openApiRelay({ at, port, socketPaths, log }, until);
      return `https://127.0.0.1:${port}`;
    }),
  );
}

/** Makes a token, and resolves to the file in which it is. */
async function makeToken({ layout, commands }: ControlPlaneParts, role: 'node' | 'server'): Promise<string> {
  const path = join(layout.run, `${role}.token`);
  writeFileSync(path, await commands.token({ kubeconfig: layout.kubeconfig, role }), { mode: 0o600 });
  return path;
}

interface ServerRole {
  readonly etcd: ReturnType<typeof etcdAccess> | undefined;
  /** The cluster that it becomes a server of. */
  readonly join?: Join;
}

async function startServer(parts: ControlPlaneParts, { place, pid }: OpenPlace, role: ServerRole): Promise<void> {
  const { layout, spec, commands, processes } = parts;
  const argv = commands.server({
    dataDir: serverDataDir(layout, place.name),
    listen: `${spec.ipFamilies.includes('IPv6') ? '[::]' : '0.0.0.0'}:${PORT}`,
    socketPath: serverSocket(layout, place.name),
    advertiseAddresses: place.addresses.map(printIP),
    ipFamilies: spec.ipFamilies,
    agents: [],
    ...(role.etcd === undefined ? {} : { etcd: role.etcd(place) }),
    ...(role.join === undefined ? {} : { join: role.join }),
    flags: spec.serverFlags ?? [],
  });
  await processes.start({ name: place.name, stage: 'servers', argv: () => enterArgv(pid, argv) });
}

/** Starts a member beside each server. Resolves to how a server reaches them, once they have a leader. */
async function startEtcd(
  parts: ControlPlaneParts,
  members: readonly OpenPlace[],
): Promise<(server: Place) => EtcdAccess> {
  const { layout, topology, processes } = parts;
  const { servers } = topology;
  const hosts = servers.flatMap(({ addresses }) => addresses.map(printIP));
  const files = await etcdCertificates(etcdTlsDir(layout), hosts);
  await Promise.all(
    members.map(({ place: server, pid }) => {
      const dataDir = etcdDataDir(layout, server.name);
      mkdirSync(dataDir, { recursive: true, mode: 0o700 });
      const argv = enterArgv(pid, memberArgv({ server, servers, dataDir, files }));
      return processes.start({ name: `${server.name}.etcd`, stage: 'base', argv: () => argv });
    }),
  );
  return etcdAccess(servers, files);
}

function etcdAccess(servers: readonly Place[], { ca, client }: EtcdCertificates): (server: Place) => EtcdAccess {
  return (server) => ({ endpoints: etcdEndpoints(servers, server), ca, ...client });
}

/** A disk of its own for what each server keeps, or its member: one that can be full. */
async function mountDisks({ layout, spec, commands }: ControlPlaneParts, servers: readonly OpenPlace[]): Promise<void> {
  if (spec.serverDisk === undefined) return;
  for (const { place, pid } of servers) {
    const objects = commands.objectsDir(serverDataDir(layout, place.name));
    const dir = spec.store === 'lmdb' ? objects : etcdDataDir(layout, place.name);
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    await runCommand(enterArgv(pid, ['mount', '-t', 'tmpfs', '-o', `size=${spec.serverDisk}m,mode=700`, 'tmpfs', dir]));
  }
}

function agentsOf({ layout, topology }: ControlPlaneParts) {
  return topology.nodes.map(({ name }) => ({ nodeName: name, kubeconfig: kubeconfigOf(layout, name) }));
}

const kubeconfigOf = (layout: Layout, node: string): string => join(nodeDir(layout, node), 'kubeconfig');

/** Where a server on the LAN is reached: its first address. */
function serverUrl({ addresses: [address] }: Place): string {
  if (address === undefined) throw new Error('a server has an address');
  return `https://${address.family === 'IPv6' ? `[${printIP(address)}]` : printIP(address)}:${PORT}`;
}

function urlOf(readyLine: string): string {
  const url = readyLine.split(' ')[0] ?? '';
  if (!URL.canParse(url))
    throw new LabError(`the server said it is ready, but not where: ${JSON.stringify(readyLine)}`);
  return url;
}
