/** Puts a server together: store, certificates, API server, controllers. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { hostname, networkInterfaces } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import type { TLSVersion } from '../../apiserver/http/serving-certificate.ts';
import type { Pki } from '../../apiserver/pki/pki.ts';
import { openPki } from '../../apiserver/pki/pki.ts';
import { startApiServer } from '../../apiserver/server.ts';
import type { Endpoint } from '../../client/client.ts';
import { printKubeconfig } from '../../client/kubeconfig.ts';
import { nearClient } from '../../client/near-client.ts';
import type { ControllerName } from '../../controllers/names.ts';
import { systemClock } from '../../host/clock.ts';
import { createLogger } from '../../host/log.ts';
import { x509 } from '../../host/x509.ts';
import type { Duration } from '../../lib/duration.ts';
import { addIP, type CIDR, printIP } from '../../lib/ip.ts';
import type { ServerJoin } from '../join/server-join.ts';
import type { HostPort } from '../options.ts';
import { type CloudPlan, openCloud, startCloud } from './cloud.ts';
import { CLUSTER_DOMAIN, NODE_PORTS } from './defaults.ts';
import { keepMemorySmall } from './memory.ts';
import { advertisedAddresses, bridgeAddresses, defaultRouteDevice, isLoopback } from './node-addresses.ts';
import { keepOwnCertificates, OwnClients, ownEndpoint } from './own-clients.ts';
import { dropPrivileges } from './privileges.ts';
import { ElectionMetrics, runAlone, runAmongSeveral, type ServerControllers } from './server-controllers.ts';
import { ServerKubeconfig } from './server-kubeconfig.ts';
import { openStore, type StorePlan } from './store.ts';

export interface ServerOptions {
  readonly dataDir: string;
  readonly store: StorePlan;
  readonly listen: HostPort;
  readonly socketPath: string | undefined;
  /** An interface whose addresses are listened at too, once it has some. */
  readonly listenInterface: string | undefined;
  /** Where nodes and pods reach the API; empty: at what is listened at, or this machine's address on its LAN. */
  readonly advertiseAddresses: readonly string[];
  readonly clusterCIDRs: readonly CIDR[];
  /** Milliseconds that a node may be silent until it counts as lost. */
  readonly nodeMonitorGracePeriod: number;
  readonly serviceCIDRs: readonly CIDR[];
  /** Which controllers run. */
  readonly controllers: ReadonlySet<ControllerName>;
  readonly cloud: CloudPlan;
  /** How long certificates of nodes are good. */
  readonly signingDuration: Duration;
  /** The least that clients must speak. */
  readonly tlsMinVersion: TLSVersion;
  /** The cluster to become a server of; undefined: one's own, or that of which the data directory is. */
  readonly join: ServerJoin | undefined;
  /** Agents to write a kubeconfig for, each its own file, mode 0600. */
  readonly agents: readonly { readonly nodeName: string; readonly path: string }[];
}

/** Whom a server makes certificates for. */
const ADMIN = { name: 'postern-admin', groups: ['system:masters'] };
const CONTROLLERS = { name: 'system:postern-controllers', groups: ['system:masters'] };

export interface ServerReady {
  readonly url: string;
  /** Path of the administrator's kubeconfig. */
  readonly kubeconfig: string;
}

/** Runs until the signal is aborted. `ready` is called once, when the API answers. */
export async function runServer(
  options: ServerOptions,
  signal: AbortSignal,
  ready: (server: ServerReady) => void,
): Promise<void> {
  // What listens at an address of the machine, or at all, is reached from the bridge as it is.
  const listenInterface = isLoopback(options.listen.host) ? options.listenInterface : undefined;
  const log = createLogger('server');
  const dataDir = resolve(options.dataDir);
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const defaultRoute = defaultRouteDevice(await readFile('/proc/net/route', 'utf8'));
  const advertise = () =>
    options.advertiseAddresses.length > 0
      ? options.advertiseAddresses
      : advertisedAddresses(options.listen.host, networkInterfaces(), defaultRoute);
  const hosts = () => [options.listen.host, ...advertise(), ...serviceHosts(options)];
  const pkiDir = join(dataDir, 'pki');
  if (options.join !== undefined) {
    const { joinAsServer } = await import('../join/server-join.ts');
    await joinAsServer({ ...options.join, pkiDir, log: log.child({ component: 'join' }) });
  }
  const [store, pki, cloud] = await Promise.all([
    openStore(options.store, dataDir, log.child({ component: 'store' }), signal),
    openPki(pkiDir, { hosts: hosts() }),
    openCloud(options.cloud, log, signal),
  ]);
  const election = new ElectionMetrics();
  let servers: readonly string[] = [];
  let kubeconfig: ServerKubeconfig | undefined;
  const onChange = (urls: readonly string[]) => {
    servers = urls;
    void kubeconfig?.write(urls);
  };
  const server = await startApiServer(
    {
      store,
      pki,
      listen: options.listen,
      ...(options.socketPath === undefined ? {} : { socketPath: options.socketPath }),
      serviceCIDRs: options.serviceCIDRs,
      advertise,
      ...(listenInterface === undefined ? {} : { listenAlso: () => findBridge(listenInterface) }),
      // A store of one server's own: there are no others to know.
      ...(options.store.kind === 'lmdb'
        ? {}
        : { peers: { name: `${hostname()} ${dataDir}`, clusterCIDRs: options.clusterCIDRs, onChange } }),
      nodePortRange: NODE_PORTS,
      servingHosts: hosts,
      tlsMinVersion: options.tlsMinVersion,
      moreMetrics: () => election.metrics(),
      log: log.child({ component: 'apiserver' }),
    },
    // It serves until the controllers have ended, as what they say last goes through it.
    new AbortController().signal,
  );
  const url = `https://${urlHost(options.listen.host)}:${server.port}`;
  const path = join(dataDir, 'kubeconfig');
  const admin = await ownEndpoint(url, pki, ADMIN);
  const written = await ServerKubeconfig.open(path, admin, log);
  kubeconfig = written;
  await written.write(servers);
  for (const agent of options.agents) await writeKubeconfig(agent, url, servers, pki);
  const own = new OwnClients(await ownEndpoint(url, pki, CONTROLLERS));
  // Requests for certificates come later, when this user may not be able to read where the program lies.
  await x509();
  // Everything that is opened by path is open now.
  await dropPrivileges(log);

  const controllers: ServerControllers = {
    connect: (options) => nearClient(own.connect(options), server.reads),
    log: log.child({ component: 'controllers' }),
    options: async (client) => ({
      ...{ clusterCIDRs: options.clusterCIDRs, only: options.controllers },
      nodeMonitorGracePeriod: options.nodeMonitorGracePeriod,
      ...{ rootCA: pki.caCertificate, setLogLevel: log.setLevel },
      signer: { sign: (wanted) => pki.signRequest(wanted), lifetime: options.signingDuration },
      ...(await startCloud(cloud, client)),
    }),
    onElection: (begun) => election.set(begun),
    ready: () => {
      void keepMemorySmall({ store, log }, signal);
      const users = [
        { ...CONTROLLERS, renewed: own.renew },
        { ...ADMIN, renewed: (next: Endpoint) => written.renew(next, servers) },
      ];
      void keepOwnCertificates({ pki, server: url, users, clock: systemClock, log }, signal);
      ready({ url, kubeconfig: path });
    },
  };
  try {
    // A store of one server's own: there is no other who could lead.
    if (options.store.kind === 'lmdb') await runAlone(controllers, signal);
    else await runAmongSeveral(controllers, signal);
  } finally {
    await server.close();
    await kubeconfig.close();
    await store.close();
  }
}

async function findBridge(name: string): Promise<readonly string[]> {
  const [routes, addresses] = await Promise.all([
    readFile('/proc/net/route', 'utf8'),
    // Without IPv6 there is no such file.
    readFile('/proc/net/if_inet6', 'utf8').catch(() => ''),
  ]);
  return bridgeAddresses(name, routes, addresses);
}

/** What pods call the API: the address of its Service in each family, and its whole name. */
function serviceHosts({ serviceCIDRs }: ServerOptions): readonly string[] {
  const addresses = serviceCIDRs.map(({ base }) => printIP(addIP(base, 1)));
  return [...addresses, `kubernetes.default.svc.${CLUSTER_DOMAIN}`];
}

/** For an agent. */
async function writeKubeconfig(
  { nodeName, path }: ServerOptions['agents'][number],
  server: string,
  servers: readonly string[],
  pki: Pki,
): Promise<void> {
  const own = await ownEndpoint(server, pki, { name: `system:node:${nodeName}`, groups: ['system:nodes'] });
  const otherServers = servers.filter((url) => url !== server);
  const text = printKubeconfig({ endpoint: { ...own, otherServers }, name: 'postern', format: 'json' });
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await writeFile(path, text, { mode: 0o600 });
}

/** The host of a URL that reaches a server listening on `host`. */
function urlHost(host: string): string {
  if (host === '0.0.0.0' || host === '::') return '127.0.0.1';
  return host.includes(':') ? `[${host}]` : host;
}
