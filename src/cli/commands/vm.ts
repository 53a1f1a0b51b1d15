/** `postern vm`: what KubeVirt users do with virtctl. */
import type { Command } from 'commander';
import { kubeconfigOption, namespaceOption, withClient } from '../kubeconfig.ts';
import { addVmAgentCommand } from './vm-agent.ts';

interface Flags {
  readonly kubeconfig?: string;
  readonly namespace: string;
  readonly force?: boolean;
}

const ACTIONS = [
  { name: 'start', done: 'was scheduled to start', description: 'start a stopped virtual machine' },
  { name: 'stop', done: 'was scheduled to stop', description: 'stop a virtual machine' },
  {
    name: 'restart',
    done: 'was scheduled to restart',
    description: 'stop a virtual machine and start it from its present template',
  },
] as const;

export function addVmCommand(postern: Command): void {
  const vm = postern
    .command('vm')
    .description('start, stop, restart and reach virtual machines; run them on this machine');
  for (const { name, done, description } of ACTIONS) {
    const command = vm
      .command(name)
      .description(description)
      .argument('<name>', 'the virtual machine')
      .addOption(kubeconfigOption())
      .addOption(namespaceOption());
    if (name === 'stop') command.option('--force', 'as if the power were cut');
    command
      .addHelpText('after', `\nExample:\n  postern vm ${name} example-vm -n example-namespace`)
      .action(async (vmName: string, flags: Flags) => {
        const path = `/apis/subresources.kubevirt.io/v1/namespaces/${encodeURIComponent(flags.namespace)}/virtualmachines/${encodeURIComponent(vmName)}/${name}`;
        await withClient(flags.kubeconfig, (client) => client.raw('PUT', path, flags.force ? { gracePeriod: 0 } : {}));
        process.stdout.write(`VM ${vmName} ${done}\n`);
      });
  }
  addReachCommands(vm);
  addVmAgentCommand(vm);
}

interface ReachFlags {
  readonly dataDir: string;
  readonly namespace: string;
}

function addReachCommands(vm: Command): void {
  vm.command('console')
    .description('join the serial console of a guest that runs on this machine (Ctrl-] leaves)')
    .argument('<name>', 'the virtual machine')
    .requiredOption('--data-dir <dir>', 'data directory of `postern up`, or DIR of `postern lab`')
    .addOption(namespaceOption())
    .addHelpText('after', '\nExample:\n  postern vm console example-vm -n example-namespace --data-dir DIR')
    .action(async (name: string, flags: ReachFlags) => {
      const { joinConsole } = await import('../guest.ts');
      await joinConsole(flags.dataDir, { namespace: flags.namespace, name });
    });
  vm.command('exec')
    .description('run one command in the root shell on a guest’s serial console, as the demo guest has one')
    .argument('<name>', 'the virtual machine')
    .argument('<command...>', 'what to run, after --')
    .passThroughOptions()
    .requiredOption('--data-dir <dir>', 'data directory of `postern up`, or DIR of `postern lab`')
    .addOption(namespaceOption())
    .addHelpText(
      'after',
      '\nExample:\n  postern vm exec -n example-namespace --data-dir DIR client-vm -- wget -qO- http://example-service/',
    )
    .action(async (name: string, command: readonly string[], flags: ReachFlags) => {
      const { execInGuest } = await import('../guest.ts');
      // The parser keeps the `--` that ends our own options when something came before it.
      const argv = command[0] === '--' ? command.slice(1) : command;
      process.exitCode = await execInGuest(flags.dataDir, { namespace: flags.namespace, name }, argv);
    });
}
