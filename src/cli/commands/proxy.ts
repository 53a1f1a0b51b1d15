/** `postern proxy`: the node proxy alone, against any Kubernetes API, in place of kube-proxy. */
import type { Command } from 'commander';
import { Option } from 'commander';
import type { CIDR } from '../../lib/ip.ts';
import { kubeconfigOption } from '../kubeconfig.ts';
import { addLocalityOptions, type LocalityFlags, localityOf } from '../locality-options.ts';
import { type HostPort, parsedOption, parseListenAddresses, parsePrefixes } from '../options.ts';
import { type ModeName, modeOption } from '../proxy-mode.ts';
import { endSignal } from '../signals.ts';
import { PROXY_HEALTH_PORT, PROXY_METRICS_PORT } from '../wiring/defaults.ts';

interface Flags extends LocalityFlags {
  readonly kubeconfig?: string;
  readonly node?: string;
  readonly mode: ModeName;
  readonly clusterCidr: readonly CIDR[];
  readonly nodeportAddresses: readonly CIDR[];
  readonly healthz: readonly HostPort[];
  readonly metrics: readonly HostPort[];
  readonly onStop: 'leave' | 'end';
}

const HEALTHZ = `[::]:${PROXY_HEALTH_PORT}`;
const METRICS = `127.0.0.1:${PROXY_METRICS_PORT}`;

const EXAMPLES = `
Examples:
  postern proxy --kubeconfig kubeconfig --node node1 --cluster-cidr 10.244.0.0/16,fd00:10:244::/48
  postern proxy --kubeconfig kubeconfig --node node1 --pod-bridge cni0
  postern proxy cleanup`;

export function addProxyCommand(postern: Command): void {
  const proxy = postern
    .command('proxy')
    .description("make this node's kernel forward Services, from any Kubernetes API (needs root)")
    .addOption(kubeconfigOption())
    .option('--node <name>', 'the Node that this machine is; default: the host name')
    .addOption(modeOption('--mode'))
    .addOption(
      new Option('--cluster-cidr <cidrs>', 'prefixes of all pods: connections from elsewhere are masqueraded')
        .argParser(parsePrefixes)
        .default([], 'none'),
    )
    .addOption(
      new Option('--nodeport-addresses <cidrs>', "serve node ports at the machine's addresses within these")
        .argParser(parsePrefixes)
        .default([], "the Node's primary addresses"),
    )
    .addOption(
      parsedOption(
        '--healthz <addresses>',
        'where to answer /healthz and /livez; none: nowhere',
        parseListenAddresses,
        HEALTHZ,
      ),
    )
    .addOption(
      parsedOption(
        '--metrics <addresses>',
        'where to answer /metrics and /status; none: nowhere',
        parseListenAddresses,
        METRICS,
      ),
    )
    .addOption(
      new Option('--on-stop <what>', 'the rules when the proxy stops').choices(['leave', 'end']).default('leave'),
    )
    .addHelpText('after', EXAMPLES)
    .action(run);
  addLocalityOptions(proxy);
  proxy
    .command('cleanup')
    .description('remove every rule that a proxy left on this machine, of either mode')
    .addHelpText('after', '\nExample:\n  postern proxy cleanup')
    .action(cleanUp);
}

async function run(flags: Flags): Promise<void> {
  const [{ requireProxy }, { runLoneProxy }, { loadEndpoint }, { thisNodeName }] = await Promise.all([
    import('../wiring/requirements.ts'),
    import('../wiring/node-proxy.ts'),
    import('../kubeconfig.ts'),
    import('../wiring/this-node.ts'),
  ]);
  requireProxy();
  const options = {
    endpoint: await loadEndpoint(flags.kubeconfig),
    nodeName: flags.node ?? thisNodeName(),
    mode: flags.mode,
    clusterCIDRs: flags.clusterCidr,
    ...localityOf(flags),
    nodePortsWithin: flags.nodeportAddresses,
    serve: { health: flags.healthz.map(listenAddress), metrics: flags.metrics.map(listenAddress) },
    onStop: flags.onStop,
  };
  await runLoneProxy(options, endSignal(), () => process.stdout.write('ready\n'));
}

const listenAddress = ({ host, port }: HostPort) => ({ address: host, port });

async function cleanUp(): Promise<void> {
  const [{ requireProxy }, { cleanupProxy, openNftIfAny }, { createLogger }] = await Promise.all([
    import('../wiring/requirements.ts'),
    import('../wiring/proxy-modes.ts'),
    import('../../host/log.ts'),
  ]);
  requireProxy();
  const runner = await openNftIfAny(createLogger('proxy'));
  await cleanupProxy(runner);
  await runner?.close();
  process.stdout.write('no rules of a Postern proxy are left\n');
}
