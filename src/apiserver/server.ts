/** The API server: what it is given, what it needs besides, and its life. */
import { X509Certificate } from 'node:crypto';
import type { Server } from 'node:https';
import { type Clock, systemClock } from '../host/clock.ts';
import type { Logger } from '../host/log.ts';
import type { CIDR } from '../lib/ip.ts';
import type { Metric } from '../lib/metrics.ts';
import type { Store } from '../store/store.ts';
import { checkDefaultServiceCIDR } from './allocation/default-service-cidr.ts';
import { keepAllocations } from './allocation/repair/repair.ts';
import { Touched } from './allocation/repair/touched.ts';
import { ServiceAdmission } from './allocation/service-admission.ts';
import { ServiceRanges } from './allocation/service-ranges.ts';
import { TakenClaims } from './allocation/taken.ts';
import { Access } from './auth/access.ts';
import { authenticator } from './auth/authenticate.ts';
import { BootstrapTokens } from './auth/bootstrap-tokens.ts';
import { CertificateMetrics } from './auth/certificate-metrics.ts';
import { nodeAuthorizer } from './auth/node-authorizer.ts';
import { NodeGraph } from './auth/nodes/graph.ts';
import { ISSUER } from './auth/tokens/claims.ts';
import { stillThere } from './auth/tokens/still-there.ts';
import { TokenKeys } from './auth/tokens/token-keys.ts';
import { Tokens } from './auth/tokens/tokens.ts';
import { bootstrap as bootstrapCluster, keepSystemNamespaces } from './bootstrap.ts';
import { certificateAdmission } from './certificate-admission.ts';
import { claimAuthority } from './cluster-authority.ts';
import { claimClusterCIDRs } from './cluster-cidrs.ts';
import type { Api } from './context.ts';
import { Documents } from './discovery/documents.ts';
import { Health } from './health.ts';
import { keepHouse } from './housekeeping.ts';
import { Limits } from './http/limits/limits.ts';
import { type ListenAddress, listenOn, listenOnSocket, makeServer } from './http/listen.ts';
import { MoreAddresses } from './http/more-addresses.ts';
import { Serving } from './http/serving.ts';
import { keepServingCertificate, type TLSVersion } from './http/serving-certificate.ts';
import { YAMLReader } from './http/yaml-reader.ts';
import { ensureKubernetesService, keepKubernetesService } from './kubernetes-service.ts';
import { Metrics } from './metrics.ts';
import { namespaceAdmission } from './namespace-admission.ts';
import { nodeRestriction } from './node-restriction/node-restriction.ts';
import { Outages } from './outages.ts';
import { OwnReads } from './own-reads.ts';
import type { Peers, PeersOptions } from './peers/peers.ts';
import type { Pki } from './pki/pki.ts';
import { podAdmission } from './pod-admission/pod-admission.ts';
import { poolAdmission } from './pool-admission.ts';
import { Codec } from './storage/codec.ts';
import { NodeLinks } from './streams/node-links.ts';
import { Terms } from './terms.ts';
import { tokenAdmission } from './token-admission.ts';
import { WatchTimes } from './verbs/watch-times.ts';

export interface ApiServerOptions {
  readonly store: Store;
  readonly pki: Pki;
  readonly listen: ListenAddress;
  /** Listen on this Unix socket too, with TLS as well. */
  readonly socketPath?: string;
  /** Permissions of the socket. Default: 0600. */
  readonly socketMode?: number;
  /** At most one per family; the first is the primary family. */
  readonly serviceCIDRs: readonly CIDR[];
  /**
   * Addresses to listen at besides, on the same port; asked again each second, as an interface may come later. Where there are
   * some, those are what nodes and guests are told.
   */
  readonly listenAlso?: () => Promise<readonly string[]>;
  /** Addresses at which nodes and guests reach the API, for the endpoints of `default/kubernetes`. Default: none. */
  readonly advertise?: () => readonly string[];
  /** Names and addresses that clients connect to now, which the serving certificate is for. Default: as when `pki` was opened. */
  readonly servingHosts?: () => readonly string[];
  /** The least that clients must speak. Default: TLS 1.3. */
  readonly tlsMinVersion?: TLSVersion;
  /** Where there are several servers on one store: what tells this one from the others, and is the same when it starts again. */
  readonly peers?: {
    readonly name: string;
    /** The prefixes that nodes are given theirs from, where this server is one that may give them. */
    readonly clusterCIDRs?: readonly CIDR[];
    /** Called with the URLs of all servers that live whenever they change, and once before the server is started. */
    readonly onChange?: (urls: readonly string[]) => void;
  };
  readonly nodePortRange: { readonly first: number; readonly last: number };
  /** What its process measures besides, told with its own. */
  readonly moreMetrics?: () => Iterable<Metric>;
  readonly log: Logger;
  readonly clock?: Clock;
  /** In [0, 1), as Math.random. */
  readonly random?: () => number;
}

/** Knows the other servers already once it resolves. Loaded only where there may be some. */
async function openPeers(api: Api, options: Omit<PeersOptions, 'api'>): Promise<Peers> {
  const { Peers } = await import('./peers/peers.ts');
  const peers = new Peers({ ...options, api });
  await peers.look();
  return peers;
}

export interface ApiServer {
  readonly address: string;
  readonly port: number;
  /** What parts of this process may read past HTTP. */
  readonly reads: OwnReads;
  /** Ends watches, waits for requests that are being served, and stops listening. The signal does the same. */
  close(): Promise<void>;
}

/** Starts the server; it listens once the promise resolves. Throws ListenError when it cannot. */
export async function startApiServer(options: ApiServerOptions, signal: AbortSignal): Promise<ApiServer> {
  const { store, pki, log, clock = systemClock, random = Math.random, tlsMinVersion = 'TLSv1.3' } = options;
  const codec = new Codec();
  const taken = new TakenClaims({ store, clock, log });
  const ranges = new ServiceRanges(store, codec);
  const services = new ServiceAdmission({ ...options, taken, ranges, clock, random });
  const touched = new Touched();
  const pods = podAdmission({ store, codec, random });
  const terms = new Terms(store);
  const admissions = [
    nodeRestriction(),
    namespaceAdmission(store, codec),
    services,
    pods,
    poolAdmission(store),
    touched,
    tokenAdmission(),
    terms,
  ];
  const graph = new NodeGraph();
  const access = new Access({ store, clock, log }, [nodeAuthorizer(graph)]);
  const keys = new TokenKeys(pki.tokenKey, ISSUER);
  const tokens = new Tokens({ keys, clock, stillThere: stillThere(store, codec, () => clock.now()) });
  const api: Api = {
    store,
    codec,
    clock,
    random,
    log,
    admissions: [...admissions, access, certificateAdmission(access, clock)],
    access,
    tokens,
    watchTimes: new WatchTimes(clock, store),
  };
  const bootstrap = new BootstrapTokens({ store, codec, now: () => clock.now() });
  const links = new NodeLinks(clock);
  const limits = new Limits(clock);
  const certificates = new CertificateMetrics(() => new X509Certificate(pki.serving.certificate).validToDate.getTime());
  const metrics = new Metrics(links, () => [
    ...limits.metrics(),
    ...certificates.metrics(),
    ...(options.moreMetrics?.() ?? []),
  ]);
  const serving = new Serving({
    api,
    metrics,
    authenticate: authenticator({ tokens, bootstrap, now: () => clock.now(), log, metrics: certificates }),
    documents: new Documents(metrics, keys, new Health({ store, log, clock })),
    yaml: new YAMLReader(),
    links,
    limits,
    clusterKeys: pki.clusterKeys,
    terms,
    outages: new Outages(clock, log),
  });
  const listener = () => makeServer(pki, serving, log, tlsMinVersion);
  const server = listener();
  const { address, port } = await listenOn(server, options.listen);
  const servers = [server];
  /** Tells the other servers that this one goes. */
  let leave = async (): Promise<void> => {};
  try {
    await taken.start(serving.ending);
    if (options.peers !== undefined) {
      await claimAuthority(store, pki.caCertificate);
      await checkDefaultServiceCIDR(api, options.serviceCIDRs);
      if (options.peers.clusterCIDRs !== undefined) await claimClusterCIDRs(store, options.peers.clusterCIDRs);
    }
    const also = new MoreAddresses({ make: listener, port, log, clock });
    const advertise = () => (also.addresses.length > 0 ? also.addresses : (options.advertise?.() ?? []));
    const places = () => advertise().map((address) => ({ address, port }));
    const peers = options.peers && (await openPeers(api, { ...options.peers, own: places }));
    const own = { serviceCIDRs: options.serviceCIDRs, port, servers: () => peers?.servers ?? [places()] };
    await bootstrapCluster(api, own);
    await access.start(serving.ending);
    await graph.start({ store, codec, clock, log }, serving.ending);
    if (options.socketPath !== undefined) {
      const other = listener();
      servers.push(other);
      await listenOnSocket(other, options.socketPath, options.socketMode ?? 0o600);
    }
    serving.begin();
    if (options.listenAlso !== undefined) {
      const onNew = (server: Server) => {
        servers.push(server);
        return ensureKubernetesService(api, own);
      };
      void also.keep(options.listenAlso, onNew, serving.ending);
    }
    const { servingHosts: hosts } = options;
    if (hosts !== undefined) {
      const certificate = { pki, minVersion: tlsMinVersion, hosts, servers: () => servers, clock, log };
      void keepServingCertificate(certificate, serving.ending);
    }
    void keepHouse(api, serving.ending, () => peers?.isFirst ?? true);
    void keepAllocations(api, { ...options, touched: () => touched.next() }, serving.ending);
    void keepSystemNamespaces(api, serving.ending);
    void keepKubernetesService(api, own, serving.ending);
    void peers?.keep(() => ensureKubernetesService(api, own), serving.ending);
    leave = async () => {
      serving.drain();
      await peers?.leave();
    };
  } catch (error) {
    await serving.close(servers);
    throw error;
  }
  const close = () => leave().then(() => serving.close(servers));
  signal.addEventListener('abort', close, { once: true });
  if (signal.aborted) await close();
  return { address, port, reads: new OwnReads(api, serving.ending), close };
}
