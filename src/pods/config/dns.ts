/** A pod's resolv.conf. https://kubernetes.io/docs/concepts/services-networking/dns-pod-service/#pod-s-dns-policy */
import type { Pod } from '../../api/core/v1/pod.ts';
import type { PodDNSConfig } from '../../api/core/v1/pod-spec.ts';

/** What a resolv.conf says. */
export interface ResolvConf {
  readonly servers: readonly string[];
  readonly searches: readonly string[];
  readonly options: readonly string[];
}

export interface DNSInputs {
  readonly pod: Pod;
  /** The cluster's DNS servers: the node's own addresses on the pod network. */
  readonly clusterDNS: readonly string[];
  readonly clusterDomain: string;
  /** The node's own. */
  readonly node: ResolvConf;
}

/** More than resolvers take; Kubernetes' limits. */
const MAX_SERVERS = 3;
const MAX_SEARCHES = 32;
const MAX_SEARCH_CHARS = 2048;

/** Names with fewer dots are looked for in the search domains first: five lets `_port._protocol.service.namespace.svc` be found. */
const CLUSTER_OPTIONS = ['ndots:5'];

/** Also what was left out because there is too much, for an event DNSConfigForming. */
export function dnsConfig(inputs: DNSInputs): { readonly config: ResolvConf; readonly warnings: readonly string[] } {
  return limited(merged(byPolicy(inputs), inputs.pod.spec?.dnsConfig));
}

function byPolicy({ pod, clusterDNS, clusterDomain, node }: DNSInputs): ResolvConf {
  const { dnsPolicy = 'ClusterFirst', hostNetwork = false } = pod.spec ?? {};
  if (dnsPolicy === 'None') return { servers: [], searches: [], options: [] };
  const wantsNode = dnsPolicy === 'Default' || (dnsPolicy === 'ClusterFirst' && hostNetwork);
  if (wantsNode || clusterDNS.length === 0) return node;
  const { namespace } = pod.metadata;
  const searches = [`${namespace}.svc.${clusterDomain}`, `svc.${clusterDomain}`, clusterDomain, ...node.searches];
  return { servers: clusterDNS, searches: [...new Set(searches)], options: CLUSTER_OPTIONS };
}

/** The pod's own come after; an option of its own counts more than the same of the policy. */
function merged(base: ResolvConf, { nameservers = [], searches = [], options = [] }: PodDNSConfig = {}): ResolvConf {
  const nameOf = (option: string): string => option.split(':')[0] ?? '';
  const own = options.map(({ name = '', value }) => (value ? `${name}:${value}` : name)).filter((text) => text !== '');
  const byName = new Map([...base.options, ...own].map((option) => [nameOf(option), option]));
  return {
    servers: [...new Set([...base.servers, ...nameservers])],
    searches: [...new Set([...base.searches, ...searches])],
    options: [...byName.values()],
  };
}

function limited({ servers, searches, options }: ResolvConf): ReturnType<typeof dnsConfig> {
  const fewServers = servers.slice(0, MAX_SERVERS);
  const fewSearches: string[] = [];
  for (const search of searches) {
    const isFull = fewSearches.length === MAX_SEARCHES || [...fewSearches, search].join(' ').length > MAX_SEARCH_CHARS;
    if (isFull) break;
    fewSearches.push(search);
  }
  const warnings: string[] = [];
  if (fewServers.length < servers.length) {
    const line = fewServers.join(' ');
    warnings.push(
      `Nameserver limits were exceeded, some nameservers have been omitted, the applied nameserver line is: ${line}`,
    );
  }
  if (fewSearches.length < searches.length) {
    const line = fewSearches.join(' ');
    warnings.push(
      `Search Line limits were exceeded, some search paths have been omitted, the applied search line is: ${line}`,
    );
  }
  return { config: { servers: fewServers, searches: fewSearches, options }, warnings };
}
