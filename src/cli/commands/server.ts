/** `postern server`: API server, store and controllers. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { ControllerName } from '../../controllers/names.ts';
import type { Duration } from '../../lib/duration.ts';
import { type CIDR, parseIP } from '../../lib/ip.ts';
import { addCloudOptions, type CloudFlags } from '../cloud-options.ts';
import { controllersOption } from '../controllers-option.ts';
import { requireDirectory } from '../directory.ts';
import { nodeMonitorGraceOption } from '../node-lifecycle-options.ts';
import { dataDirOption, type HostPort, listenOption, parseCIDRs, parsedOption, parseLifetime } from '../options.ts';
import { addServerJoinOptions, type ServerJoinFlags, serverJoinOf } from '../server-join-options.ts';
import { endSignal } from '../signals.ts';
import { addStoreOptions, type StoreFlags } from '../store-options.ts';
import { DEFAULT_CLUSTER_CIDRS, DEFAULT_SERVICE_CIDRS } from '../wiring/defaults.ts';

interface Flags extends CloudFlags, ServerJoinFlags, StoreFlags {
  readonly dataDir: string;
  readonly listen: HostPort;
  readonly socket?: string;
  readonly listenInterface?: string;
  readonly advertiseAddress: readonly string[];
  readonly clusterCidr: readonly CIDR[];
  readonly serviceCidr: readonly CIDR[];
  readonly controllers: ReadonlySet<ControllerName>;
  readonly nodeMonitorGracePeriod: Duration;
  readonly clusterSigningDuration: Duration;
  readonly tlsMinVersion: '1.2' | '1.3';
  readonly issue?: readonly string[];
}

export function addServerCommand(postern: Command): void {
  const server = postern
    .command('server')
    .description('run the API server, its store and the controllers (no root needed)')
    .addOption(dataDirOption())
    .addOption(listenOption())
    .option('--socket <path>', 'serve on this unix socket too, for agents in network namespaces')
    .option(
      '--listen-interface <name>',
      'where --listen is loopback, serve at the addresses of this interface too, once it has some: for pods of this machine',
    )
    .addOption(
      parsedOption(
        '--advertise-address <addresses>',
        'where nodes and pods reach the API, at most one address per family, separated by commas; empty: found out',
        parseAddresses,
        '',
      ),
    )
    .addOption(
      parsedOption(
        '--cluster-cidr <cidrs>',
        'prefixes of pods and virtual machines, one per family, primary first',
        parseCIDRs,
        DEFAULT_CLUSTER_CIDRS,
      ),
    )
    .addOption(
      parsedOption(
        '--service-cidr <cidrs>',
        'prefixes of cluster IPs, one per family, primary first',
        parseCIDRs,
        DEFAULT_SERVICE_CIDRS,
      ),
    )
    .addOption(
      parsedOption(
        '--cluster-signing-duration <time>',
        'how long certificates of nodes are good; agents renew theirs before they end',
        parseLifetime,
        '365d',
      ),
    )
    .addOption(
      new Option('--tls-min-version <version>', 'the least that clients must speak')
        .choices(['1.2', '1.3'])
        .default('1.3'),
    )
    .addOption(controllersOption())
    .addOption(nodeMonitorGraceOption())
    .option(
      '--issue <node=path>',
      'write a kubeconfig for the agent of a node; may be repeated',
      (text, previous: readonly string[] = []) => [...previous, text],
    );
  addCloudOptions(addServerJoinOptions(addStoreOptions(server)))
    .addHelpText(
      'after',
      '\nExample:\n  postern server --data-dir ./data --listen 127.0.0.1:0\n  kubectl --kubeconfig ./data/kubeconfig get namespaces',
    )
    .action(async (flags: Flags) => {
      await requireDirectory('--data-dir', flags.dataDir);
      const [{ runServer }, { readStore }, { readCloud }] = await Promise.all([
        import('../wiring/server.ts'),
        import('../wiring/store.ts'),
        import('../wiring/cloud.ts'),
      ]);
      await runServer(
        {
          dataDir: flags.dataDir,
          store: await readStore(flags),
          listen: flags.listen,
          socketPath: flags.socket,
          listenInterface: flags.listenInterface,
          advertiseAddresses: flags.advertiseAddress,
          clusterCIDRs: flags.clusterCidr,
          nodeMonitorGracePeriod: flags.nodeMonitorGracePeriod,
          serviceCIDRs: flags.serviceCidr,
          controllers: flags.controllers,
          cloud: await readCloud(flags, flags.controllers),
          signingDuration: flags.clusterSigningDuration,
          tlsMinVersion: `TLSv${flags.tlsMinVersion}`,
          join: await serverJoinOf(flags),
          agents: (flags.issue ?? []).map(parseIssue),
        },
        endSignal(),
        ({ url, kubeconfig }) => process.stdout.write(`ready ${url} kubeconfig ${kubeconfig}\n`),
      );
    });
}

function parseAddresses(text: string): readonly string[] {
  const words = text.split(',').filter((word) => word !== '');
  const wrong = words.find((word) => parseIP(word) === undefined);
  if (wrong !== undefined) throw new InvalidArgumentError(`${JSON.stringify(wrong)} is not an IP address.`);
  return words;
}

function parseIssue(text: string): { nodeName: string; path: string } {
  const equals = text.indexOf('=');
  if (equals < 1) throw new Error(`--issue ${text}: it is NODE=PATH`);
  return { nodeName: text.slice(0, equals), path: text.slice(equals + 1) };
}
