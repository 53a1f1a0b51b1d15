/** `postern lab`: a cluster of several nodes, a LAN and a client outside, on this one machine. */
import { type Command, Option } from 'commander';
import type { LabStatus, NodeFirewall } from '../../lab/lab.ts';
import type { IPFamily } from '../../lib/ip.ts';
import { type AnnouncerFlags, addAnnouncerOptions, announcerArgv, announcerOf } from '../announcer-options.ts';
import { addEgressOptions, type EgressFlags, egressArgv } from '../egress-options.ts';
import { addFirewallOptions, type FirewallFlags, firewallArgv } from '../firewall-options.ts';
import { type OutputFormat, outputOption, parseCount, parsedOption, parseFamilies } from '../options.ts';
import { print, textTable } from '../output.ts';
import { Progress } from '../progress.ts';
import { endSignal } from '../signals.ts';

interface DirFlags {
  readonly dir: string;
}

interface UpFlags extends DirFlags, AnnouncerFlags, EgressFlags, FirewallFlags {
  readonly nodes: number;
  readonly ipFamilies: readonly IPFamily[];
  readonly nodeFirewall?: NodeFirewall;
  readonly nodeContainers?: boolean;
}

export function addLabCommand(postern: Command): void {
  const lab = postern
    .command('lab')
    .description('several nodes, a LAN and a client outside the cluster, as network namespaces on this machine')
    .enablePositionalOptions();
  addUp(lab);
  addExec(lab);
  addStatus(lab);
  addDown(lab);
  addRun(lab);
}

function addUp(lab: Command): void {
  const up = lab
    .command('up')
    .description('start a lab; returns when it is ready')
    .requiredOption('--dir <dir>', 'where it is kept; DIR/kubeconfig is for kubectl')
    .option('--nodes <count>', 'how many nodes: node1, node2, …', parseCount, 3)
    .addOption(parsedOption('--ip-families <families>', 'the primary one first', parseFamilies, 'ipv4,ipv6'))
    .addOption(nodeFirewallOption())
    .option('--node-containers', 'a containerd for every node, so that it runs pods of containers (needs root)');
  addFirewallOptions(addAnnouncerOptions(addEgressOptions(up)))
    .addHelpText(
      'after',
      '\nExample:\n  postern lab up --dir ./lab --nodes 3\n  kubectl --kubeconfig ./lab/kubeconfig get nodes\n  postern lab up --dir ./lab --node-containers\n  postern lab exec --dir ./lab node1 -- ctr --namespace k8s.io containers list\n  postern lab up --dir ./lab --node-firewall firewalld\n  postern lab exec --dir ./lab node1 -- firewall-cmd --list-all',
    )
    .action(async (flags: UpFlags) => {
      const [{ labUp, labStatus }, { labOptions }, { requireLab }] = await Promise.all([
        import('../../lab/lab.ts'),
        import('../wiring/lab.ts'),
        import('../wiring/requirements.ts'),
      ]);
      await requireLab(flags.dir);
      await announcerOf(flags); // Checked here: its agents would complain where nobody reads it.
      const signal = endSignal();
      await new Progress(process.stderr).during('lab', (tell) =>
        labUp(
          labOptions({ ...flags, agentFlags: [...announcerArgv(flags), ...egressArgv(flags), ...firewallArgv(flags)] }),
          tell,
          signal,
        ),
      );
      process.stdout.write(`ready ${labStatus(flags.dir).server} kubeconfig ${labStatus(flags.dir).kubeconfig}\n`);
    });
}

/** Who has nodes with a firewall wants it opened, unless they say something else. */
const nodeFirewallOption = (): Option =>
  new Option('--node-firewall <which>', 'a firewall that every node runs, which lets nothing in but what is opened')
    .choices(['firewalld'] satisfies NodeFirewall[])
    .implies({ firewall: 'auto' });

function addExec(lab: Command): void {
  lab
    .command('exec')
    .description('run a command at a place of the lab: node1, node2, …, client or lan')
    .requiredOption('--dir <dir>', 'the lab')
    .argument('<who>', 'where')
    .argument('<command...>', 'what to run, after --')
    .passThroughOptions()
    .addHelpText('after', '\nExample:\n  postern lab exec --dir ./lab client -- curl -s http://192.168.100.240/')
    .action(async (who: string, command: readonly string[], flags: DirFlags) => {
      const { labExec } = await import('../../lab/lab.ts');
      const { argv, env } = labExec(flags.dir, who, command);
      become(argv, env);
    });
}

/** Becomes the program, so that its terminal, signals and exit status are its own. Does not return. */
function become(argv: readonly string[], env: Readonly<Record<string, string>>): void {
  if (process.execve === undefined) throw new Error('this Node.js has no process.execve: 24 or newer has');
  process.execve('/usr/bin/env', ['env', ...argv], { ...process.env, ...env });
}

function addStatus(lab: Command): void {
  lab
    .command('status')
    .description('how a lab is')
    .requiredOption('--dir <dir>', 'the lab')
    .addOption(outputOption())
    .addHelpText('after', '\nExample:\n  postern lab status --dir ./lab -o json')
    .action(async (flags: DirFlags & { output: OutputFormat }) => {
      const { labStatus } = await import('../../lab/lab.ts');
      const status = labStatus(flags.dir);
      print(status, flags.output, () => statusText(status));
      if (status.phase !== 'ready') process.exitCode = 1;
    });
}

function statusText(status: LabStatus): string {
  const head = `lab in ${status.dir}: ${status.phase}${status.server === undefined ? '' : `, API at ${status.server}`}`;
  const places = status.places.map(({ name, kind, addresses, pid }) => [
    name,
    kind,
    addresses.join(', '),
    String(pid ?? '-'),
  ]);
  return `${head}\n${textTable(['PLACE', 'KIND', 'ADDRESSES', 'PID'], places)}`;
}

function addDown(lab: Command): void {
  lab
    .command('down')
    .description('end a lab: its guests, processes, namespaces and files')
    .requiredOption('--dir <dir>', 'the lab')
    .option('--keep-data', 'keep what the cluster stored, so that the next up goes on with it')
    .addHelpText('after', '\nExample:\n  postern lab down --dir ./lab')
    .action(async (flags: DirFlags & { keepData?: boolean }) => {
      const { labDown } = await import('../../lab/lab.ts');
      await new Progress(process.stderr).during('lab down', () =>
        labDown(flags.dir, { keepData: flags.keepData ?? false }),
      );
    });
}

/** The lab's own process, which `up` starts in namespaces of its own. */
function addRun(lab: Command): void {
  lab
    .command('run', { hidden: true })
    .requiredOption('--dir <dir>')
    .action(async (flags: DirFlags) => {
      const [{ labRun }, { LAB_COMMANDS }, { createLogger }] = await Promise.all([
        import('../../lab/lab.ts'),
        import('../wiring/lab.ts'),
        import('../../host/log.ts'),
      ]);
      await labRun({ dir: flags.dir, commands: LAB_COMMANDS, log: createLogger('lab') }, endSignal());
    });
}
