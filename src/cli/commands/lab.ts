/** `postern lab`: a cluster of several nodes, a LAN and a client outside, on this one machine. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { LabStatus, LabStore, NodeFirewall } from '../../lab/lab.ts';
import type { IPFamily } from '../../lib/ip.ts';
import { type AnnouncerFlags, addAnnouncerOptions, announcerArgv, announcerOf } from '../announcer-options.ts';
import { addEgressOptions, type EgressFlags, egressArgv } from '../egress-options.ts';
import { addFirewallOptions, type FirewallFlags, firewallArgv } from '../firewall-options.ts';
import { type OutputFormat, outputOption, parseCount, parsedOption, parseFamilies } from '../options.ts';
import { print, textTable } from '../output.ts';
import { addPodNetworkOptions, type PodNetworkFlags, podNetworkArgv } from '../pod-network-options.ts';
import { Progress } from '../progress.ts';
import { endSignal } from '../signals.ts';

interface DirFlags {
  readonly dir: string;
}

interface UpFlags extends DirFlags, AnnouncerFlags, EgressFlags, FirewallFlags, PodNetworkFlags {
  readonly nodes: number;
  readonly ipFamilies: readonly IPFamily[];
  readonly nodeFirewall?: NodeFirewall;
  readonly nodeContainers?: boolean;
  readonly servers?: number;
  readonly store?: LabStore;
  readonly serverDisk?: number;
  readonly lans?: number;
}

export function addLabCommand(postern: Command): void {
  const lab = postern
    .command('lab')
    .description('several nodes, a LAN and a client outside the cluster, as network namespaces on this machine')
    .enablePositionalOptions();
  addUp(lab);
  addExec(lab);
  addStatus(lab);
  addStop(lab);
  addStart(lab);
  addCut(lab);
  addHeal(lab);
  addDown(lab);
  addRun(lab);
}

function addUp(lab: Command): void {
  const up = lab
    .command('up')
    .description('start a lab; returns when it is ready')
    .requiredOption('--dir <dir>', 'where it is kept; DIR/kubeconfig is for kubectl')
    .option('--nodes <count>', 'how many nodes: node1, node2, …', parseCount, 3)
    .option('--servers <count>', 'servers with a place on the LAN: server1, … (default: one beside it)', parseCount)
    .addOption(
      new Option('--store <engine>', 'where those keep the objects (default: etcd, a member beside each)').choices([
        'lmdb',
        'etcd',
      ] satisfies LabStore[]),
    )
    .option('--server-disk <mebibytes>', 'keep the objects on a disk of this size, in memory', parseCount)
    .option('--lans <count>', '2: the later half of the nodes is on a LAN of its own, behind a router', parseCount)
    .addOption(parsedOption('--ip-families <families>', 'the primary one first', parseFamilies, 'ipv4,ipv6'))
    .addOption(nodeFirewallOption())
    .option('--node-containers', 'a containerd for every node, so that it runs pods of containers (needs root)');
  addFirewallOptions(addAnnouncerOptions(addEgressOptions(addPodNetworkOptions(up))))
    .addHelpText(
      'after',
      '\nExample:\n  postern lab up --dir ./lab --nodes 3\n  kubectl --kubeconfig ./lab/kubeconfig get nodes\n  postern lab up --dir ./lab --node-containers\n  postern lab exec --dir ./lab node1 -- ctr --namespace k8s.io containers list\n  postern lab up --dir ./lab --node-firewall firewalld\n  postern lab exec --dir ./lab node1 -- firewall-cmd --list-all\n  postern lab up --dir ./lab --servers 3 --nodes 3\n  postern lab stop --dir ./lab server1 server1.etcd',
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
          labOptions({
            ...flags,
            agentFlags: [
              ...announcerArgv(flags),
              ...egressArgv(flags),
              ...podNetworkArgv(flags),
              ...firewallArgv(flags),
            ],
          }),
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
      await print(status, flags.output, () => statusText(status));
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
  const processes = status.processes.map(({ name, phase, pid, restarts, lastEnd }) => [
    ...[name, phase, String(pid ?? '-'), String(restarts), lastEnd ?? '-'],
  ]);
  const links = status.links.map(({ from, to, loss }) => [from, to, `${loss / 100} %`]);
  return [
    head,
    textTable(['PLACE', 'KIND', 'ADDRESSES', 'PID'], places),
    ...(processes.length === 0 ? [] : [textTable(['PROCESS', 'PHASE', 'PID', 'RESTARTS', 'LAST END'], processes)]),
    ...(links.length === 0 ? [] : [textTable(['FROM', 'TO', 'LOST'], links)]),
  ].join('\n');
}

function addStop(lab: Command): void {
  lab
    .command('stop')
    .description('end single processes of a lab, which do not run again before `postern lab start`')
    .requiredOption('--dir <dir>', 'the lab')
    .option('--kill', 'with SIGKILL, as a crash would')
    .argument('<process...>', 'as `postern lab status` names them: server1, server1.etcd, node1')
    .addHelpText('after', '\nExample:\n  postern lab stop --dir ./lab --kill server1 server1.etcd')
    .action(async (names: readonly string[], flags: DirFlags & { kill?: boolean }) => {
      const { labStop } = await import('../../lab/lab.ts');
      await labStop(flags.dir, names, flags.kill === true ? 'SIGKILL' : 'SIGTERM');
    });
}

function addStart(lab: Command): void {
  lab
    .command('start')
    .description('have processes of a lab run again that were stopped; returns when they are ready')
    .requiredOption('--dir <dir>', 'the lab')
    .argument('<process...>', 'as `postern lab status` names them')
    .addHelpText('after', '\nExample:\n  postern lab start --dir ./lab server1.etcd server1')
    .action(async (names: readonly string[], flags: DirFlags) => {
      const { labStart } = await import('../../lab/lab.ts');
      await labStart(flags.dir, names);
    });
}

function addCut(lab: Command): void {
  lab
    .command('cut')
    .description('lose what passes between places of a lab: links stay up, and nothing is heard')
    .requiredOption('--dir <dir>', 'the lab')
    .option('--one-way', 'only what goes from the first to the second')
    .option('--loss <percent>', 'only as much of it, such as 5%', parsePercent)
    .argument('<from>', 'places, separated by commas', parseNames)
    .argument('<to>', 'places, separated by commas', parseNames)
    .addHelpText(
      'after',
      '\nExample:\n  postern lab cut --dir ./lab node1 node2\n  postern lab cut --dir ./lab --one-way node1 server1,server2,server3\n  postern lab cut --dir ./lab --loss 5% node1 client',
    )
    .action(
      async (from: readonly string[], to: readonly string[], flags: DirFlags & { oneWay?: boolean; loss?: number }) => {
        const { labCut } = await import('../../lab/lab.ts');
        const { dir, ...rest } = flags;
        await labCut({ dir, from, to, ...rest });
      },
    );
}

function addHeal(lab: Command): void {
  lab
    .command('heal')
    .description('undo cuts between places of a lab; without places, all of them')
    .requiredOption('--dir <dir>', 'the lab')
    .argument('[from]', 'places, separated by commas', parseNames)
    .argument('[to]', 'places, separated by commas; default: all others', parseNames)
    .addHelpText('after', '\nExample:\n  postern lab heal --dir ./lab')
    .action(async (from: readonly string[] | undefined, to: readonly string[] | undefined, flags: DirFlags) => {
      const { labHeal } = await import('../../lab/lab.ts');
      const healed = await labHeal(flags.dir, from ?? [], to ?? []);
      const where = from === undefined ? 'in this lab' : 'between these places';
      if (healed === 0) process.stdout.write(`nothing to heal: no link is cut ${where}\n`);
    });
}

function parseNames(text: string): readonly string[] {
  return text.split(',').filter((name) => name !== '');
}

function parsePercent(text: string): number {
  const percent = Number(/^(\d+(?:\.\d+)?)%?$/.exec(text)?.[1]);
  if (!(percent > 0 && percent <= 100)) throw new InvalidArgumentError('It is a percentage, such as 5%.');
  return percent;
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
