/** `postern l2`: load balancer addresses on a node's LAN, alone, against any Kubernetes API, in place of MetalLB's speaker. */
import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { interfacesOption } from '../announcer-options.ts';
import { addHeartbeatOptions, type HeartbeatFlags, heartbeatsOf } from '../heartbeat-options.ts';
import { kubeconfigOption } from '../kubeconfig.ts';
import { type HostPort, parsedOption, parseListenAddresses } from '../options.ts';
import { endSignal } from '../signals.ts';
import { L2_METRICS_PORT, L2_SOCKET } from '../wiring/defaults.ts';
import { addL2StatusCommand } from './l2-status.ts';

interface Flags extends HeartbeatFlags {
  readonly kubeconfig?: string;
  readonly node?: string;
  readonly interfaces?: readonly string[];
  readonly metrics: readonly HostPort[];
  readonly socket: string;
  readonly onStop: 'leave' | 'end';
}

const METRICS = `127.0.0.1:${L2_METRICS_PORT}`;

const EXAMPLES = `
Examples:
  postern l2 --kubeconfig kubeconfig --node node1
  postern l2 --kubeconfig kubeconfig --node node1 --interfaces bond0.7 --heartbeat-key key
  postern l2 status`;

export function addL2Command(postern: Command): void {
  const l2 = postern
    .command('l2')
    .description("announce load balancer addresses on this node's LAN, from any Kubernetes API (needs root)")
    .enablePositionalOptions()
    .addOption(kubeconfigOption())
    .option('--node <name>', 'the Node that this machine is; default: the host name')
    .addOption(interfacesOption('--interfaces'));
  addHeartbeatOptions(l2)
    .addOption(
      parsedOption(
        '--metrics <addresses>',
        'where to answer /metrics, /status and /livez; none: nowhere',
        parseListenAddresses,
        METRICS,
      ),
    )
    .option('--socket <path>', 'where to answer `postern l2 status`', L2_SOCKET)
    .addOption(
      new Option(
        '--on-stop <what>',
        'what the kernel passes on of connections that an address left behind when it moved',
      )
        .choices(['leave', 'end'])
        .default('leave', 'leave, until it ends by itself'),
    )
    .addHelpText('after', EXAMPLES)
    .action(run);
  addL2StatusCommand(l2);
  l2.command('cleanup')
    .description('remove every rule that an announcer left on this machine')
    .addHelpText('after', '\nExample:\n  postern l2 cleanup')
    .action(cleanUp);
}

async function run(flags: Flags): Promise<void> {
  const [{ requireL2 }, { runLoneL2 }, { loadEndpoint }, { thisNodeName }] = await Promise.all([
    import('../wiring/requirements.ts'),
    import('../wiring/l2.ts'),
    import('../kubeconfig.ts'),
    import('../wiring/this-node.ts'),
  ]);
  requireL2();
  const options = {
    ...(await heartbeatsOf(flags)),
    endpoint: await loadEndpoint(flags.kubeconfig),
    nodeName: flags.node ?? thisNodeName(),
    ...(flags.interfaces === undefined ? {} : { interfaces: flags.interfaces }),
    serve: [
      ...flags.metrics.map(({ host, port }) => ({ address: host, port })),
      { address: resolve(flags.socket), port: 0 },
    ],
    onStop: flags.onStop,
  };
  await runLoneL2(options, endSignal(), () => process.stdout.write('ready\n'));
}

async function cleanUp(): Promise<void> {
  const [{ requireL2 }, { cleanupAnnouncer }, { openNftIfAny }, { createLogger }] = await Promise.all([
    import('../wiring/requirements.ts'),
    import('../wiring/announcer.ts'),
    import('../wiring/proxy-modes.ts'),
    import('../../host/log.ts'),
  ]);
  requireL2();
  const runner = await openNftIfAny(createLogger('l2'), 'there are no rules to remove');
  await cleanupAnnouncer(runner);
  await runner?.close();
  process.stdout.write('no rules of a Postern announcer are left\n');
}
