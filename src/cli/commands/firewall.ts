/** `postern firewall`: what is exposed on this node, and what its firewall makes of it. */
import { type Command, Option } from 'commander';
import type { FirewallBackend } from '../../firewall/backend.ts';
import type { FirewallPolicy } from '../../firewall/exposure/policy.ts';
import { DEFAULT_HEARTBEATS } from '../../l2/settings.ts';
import type { CIDR } from '../../lib/ip.ts';
import type { readExposed } from '../firewall/read-exposed.ts';
import type { PodReport } from '../firewall/report.ts';
import {
  type FirewallName,
  firewallHealthFromOption,
  firewallOption,
  firewallPolicyOption,
  firewallZonesOption,
} from '../firewall-options.ts';
import { kubeconfigOption, withClient } from '../kubeconfig.ts';
import { type OutputFormat, outputOption, parsePort } from '../options.ts';
import { print } from '../output.ts';
import { addPodNetworkOptions, type PodNetworkFlags } from '../pod-network-options.ts';
import { PROXY_HEALTH_PORT } from '../wiring/defaults.ts';

interface LookFlags extends PodNetworkFlags {
  readonly kubeconfig?: string;
  readonly node?: string;
  readonly interface?: string;
  readonly firewall: FirewallName;
  readonly firewallPolicy: FirewallPolicy;
  readonly heartbeatPort: number;
  readonly firewallHealthFrom?: readonly CIDR[];
  readonly firewallZones?: readonly string[];
  readonly output: OutputFormat;
}

export function addFirewallCommand(postern: Command): void {
  const firewall = postern
    .command('firewall')
    .description("what is exposed on this node, and what the node's own firewall makes of it (needs root)");
  addLook(firewall, 'plan', 'what an agent with --firewall would open and close; changes nothing', plan);
  addLook(firewall, 'status', 'each exposed port: where it is open, or blocked and by which rule', status);
  firewall
    .command('cleanup')
    .description('close all that Postern opened on this machine; end the agent first')
    .option('--interface <name>', 'the LAN interface; default: that of the default route')
    .addHelpText('after', '\nExample:\n  postern firewall cleanup')
    .action(cleanUp);
}

function addLook(firewall: Command, name: string, description: string, run: (flags: LookFlags) => Promise<void>): void {
  const command = firewall
    .command(name)
    .description(description)
    .addOption(kubeconfigOption())
    .option('--node <name>', 'the Node that this machine is; default: the host name')
    .option('--interface <name>', 'the LAN interface; default: that of the default route')
    .addOption(firewallOption('auto'))
    .addOption(firewallPolicyOption())
    .addOption(firewallHealthFromOption())
    .addOption(firewallZonesOption())
    .addOption(
      new Option('--heartbeat-port <port>', 'UDP port of heartbeats')
        .argParser(parsePort)
        .default(DEFAULT_HEARTBEATS.port),
    )
    .addOption(outputOption());
  addPodNetworkOptions(command)
    .addHelpText('after', `\nExample:\n  postern firewall ${name} --kubeconfig kubeconfig`)
    .action(run);
}

async function plan(flags: LookFlags): Promise<void> {
  const [{ planText }, { planOf }] = await Promise.all([
    import('../firewall/text.ts'),
    import('../../firewall/plan.ts'),
  ]);
  await look(flags, async ({ backend, exposed: { openings, mistakes }, pods, node }) => {
    const plan = planOf(await backend.current(), openings);
    const report = { node, firewall: backend.name, ...plan, ...(pods && { pods }), mistakes };
    await print(report, flags.output, () => planText(report));
  });
}

async function status(flags: LookFlags): Promise<void> {
  const [{ statusText }, { portStatuses }, { planOf }, { triedBy }] = await Promise.all([
    import('../firewall/text.ts'),
    import('../firewall/report.ts'),
    import('../../firewall/plan.ts'),
    import('../../firewall/verify/tried.ts'),
  ]);
  await look(flags, async ({ backend, exposed, pods, node }) => {
    const { openings, mistakes, nodes } = exposed;
    const ports = await portStatuses(exposed, (all) => backend.verdicts(all), triedBy(nodes, node));
    const { toClose: leftovers } = planOf(await backend.current(), openings);
    const report = { node, firewall: backend.name, ports, ...(pods && { pods }), leftovers, mistakes };
    await print(report, flags.output, () => statusText(report));
  });
}

interface Look {
  readonly node: string;
  readonly backend: FirewallBackend;
  readonly exposed: Awaited<ReturnType<typeof readExposed>>;
  readonly pods?: PodReport;
}

/** Opens this machine's firewall, reads what is exposed, and has it looked at. */
async function look(flags: LookFlags, use: (look: Look) => Promise<void>): Promise<void> {
  const [
    { requireFirewall },
    { Firewalls },
    { readExposed },
    { createLogger },
    { thisNodeInterface, thisNodeName },
    { podTraffic },
    { BRIDGE },
  ] = await Promise.all([
    import('../wiring/requirements.ts'),
    import('../wiring/firewalls.ts'),
    import('../firewall/read-exposed.ts'),
    import('../../host/log.ts'),
    import('../wiring/this-node.ts'),
    import('../../firewall/exposure/cluster.ts'),
    import('../../network/bridge.ts'),
  ]);
  requireFirewall();
  const node = flags.node ?? thisNodeName();
  const lanInterface = flags.interface ?? (await thisNodeInterface(undefined)).name;
  const { firewallZones } = flags;
  const place = { lanInterface, ...(firewallZones && { firewallZones }), log: createLogger('firewall') };
  const firewalls = new Firewalls(place);
  try {
    const backend = await firewalls.open(flags.firewall);
    const { firewallPolicy: policy, heartbeatPort, firewallHealthFrom: from } = flags;
    const vxlanPort = flags.podNetwork === 'direct' ? undefined : flags.vxlanPort;
    const proxyHealth = from && { port: PROXY_HEALTH_PORT, from };
    const exposed = await withClient(flags.kubeconfig, (client) =>
      readExposed(client, {
        nodeName: node,
        policy,
        enforces: backend.enforces,
        heartbeatPort,
        vxlanPort,
        ...(proxyHealth && { proxyHealth }),
      }),
    );
    const traffic = podTraffic(exposed.nodes, node, BRIDGE);
    const pods = traffic && { ...traffic, verdict: await backend.podVerdict(traffic) };
    await use({ node, backend, exposed, ...(pods && { pods }) });
  } finally {
    await firewalls.close();
  }
}

async function cleanUp(flags: { readonly interface?: string }): Promise<void> {
  const [{ requireFirewall }, { cleanupFirewalls }, { createLogger }, { thisNodeInterface }] = await Promise.all([
    import('../wiring/requirements.ts'),
    import('../wiring/node-firewall.ts'),
    import('../../host/log.ts'),
    import('../wiring/this-node.ts'),
  ]);
  requireFirewall();
  const lanInterface = flags.interface ?? (await thisNodeInterface(undefined)).name;
  await cleanupFirewalls({ lanInterface, log: createLogger('firewall') });
  process.stdout.write('nothing that Postern opened is left in a firewall of this machine\n');
}
