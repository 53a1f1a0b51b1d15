/** `postern dns`: the cluster's DNS server alone, against any Kubernetes API, in place of CoreDNS. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { parseIP, printCIDR } from '../../lib/ip.ts';
import { kubeconfigOption } from '../kubeconfig.ts';
import { type HostPort, parsedOption, parseListenAddresses, parsePrefixes } from '../options.ts';
import { endSignal } from '../signals.ts';
import { CLUSTER_DOMAIN, DNS_METRICS_PORT } from '../wiring/defaults.ts';

interface Flags {
  readonly kubeconfig?: string;
  readonly listen: readonly HostPort[];
  readonly clusterDomain: string;
  readonly upstream?: readonly string[];
  readonly clients?: readonly string[];
  readonly metrics: readonly HostPort[];
}

const EXAMPLES = `
Examples:
  postern dns --kubeconfig kubeconfig --listen 127.0.0.1:5353
  postern dns --kubeconfig kubeconfig --listen 10.0.0.5:53,[fd00::5]:53 --clients 10.0.0.0/8,fd00::/8 --upstream 192.0.2.53
  dig @127.0.0.1 -p 5353 kubernetes.default.svc.cluster.local`;

export function addDnsCommand(postern: Command): void {
  postern
    .command('dns')
    .description("serve the names of a cluster's Services, from any Kubernetes API (no root needed above port 1023)")
    .addOption(kubeconfigOption())
    .addOption(
      parsedOption(
        '--listen <addresses>',
        'where to answer, by UDP and TCP; all addresses: 0.0.0.0:53,[::]:53',
        parseOwnAddresses,
        '127.0.0.1:53',
      ),
    )
    .addOption(
      parsedOption('--cluster-domain <domain>', 'what names of the cluster end in', parseDomain, CLUSTER_DOMAIN),
    )
    .addOption(
      new Option(
        '--upstream <servers>',
        'servers for other names, as ADDRESS or ADDRESS:PORT (default: those of /etc/resolv.conf)',
      ).argParser(parseUpstreams),
    )
    .addOption(
      new Option(
        '--clients <cidrs>',
        'who may ask for other names (default: everyone who reaches the addresses)',
      ).argParser((text) => parsePrefixes(text).map(printCIDR)),
    )
    .addOption(
      parsedOption(
        '--metrics <addresses>',
        'where to answer /metrics, /livez and /readyz; none: nowhere',
        parseListenAddresses,
        `127.0.0.1:${DNS_METRICS_PORT}`,
      ),
    )
    .addHelpText('after', EXAMPLES)
    .action(run);
}

function parseOwnAddresses(text: string): readonly HostPort[] {
  const addresses = parseListenAddresses(text);
  const wrong = addresses.find(({ host }) => parseIP(host) === undefined);
  if (wrong !== undefined || addresses.length === 0) {
    throw new InvalidArgumentError(`${JSON.stringify(wrong?.host ?? text)} is not an IP address of this machine.`);
  }
  return addresses;
}

function parseDomain(text: string): string {
  const name = text.toLowerCase().replace(/\.$/, '');
  const isName =
    name.length <= 253 && /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/.test(name);
  if (!isName) throw new InvalidArgumentError('It is the name of a zone, such as cluster.local.');
  return name;
}

const UPSTREAM = /^(?:([0-9.]+)(?::\d{1,5})?|\[([^\]]+)\](?::\d{1,5})?|([0-9a-f:.]+))$/i;

function parseUpstreams(text: string): readonly string[] {
  return text.split(',').map((part) => {
    const server = part.trim();
    const [, v4, bracketed, v6] = UPSTREAM.exec(server) ?? [];
    if (parseIP(v4 ?? bracketed ?? v6 ?? '') === undefined) {
      throw new InvalidArgumentError(`${JSON.stringify(server)} is not ADDRESS, ADDRESS:PORT or [IPV6]:PORT.`);
    }
    return bracketed !== undefined && server.endsWith(']') ? bracketed : server;
  });
}

async function run(flags: Flags): Promise<void> {
  const [{ runLoneDNS }, { loadEndpoint }] = await Promise.all([
    import('../wiring/dns.ts'),
    import('../kubeconfig.ts'),
  ]);
  const at = ({ host, port }: HostPort) => ({ address: host, port });
  const { clusterDomain, upstream, clients } = flags;
  const options = {
    ...{ endpoint: await loadEndpoint(flags.kubeconfig), clusterDomain, upstream, clients },
    ...{ listen: flags.listen.map(at), serve: flags.metrics.map(at) },
  };
  await runLoneDNS(options, endSignal(), (places) => {
    const shown = places.map(({ address, port }) =>
      address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`,
    );
    process.stdout.write(`ready ${shown.join(',')}\n`);
  });
}
