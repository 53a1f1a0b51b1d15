/** The list of commands. Each command's code is loaded only when it runs. */
import { Command } from 'commander';
import { addAgentCommand } from './commands/agent.ts';
import { addBackupCommand } from './commands/backup.ts';
import { addCompletionCommand } from './commands/completion.ts';
import { addConfigCommand } from './commands/config.ts';
import { addControllersCommand } from './commands/controllers.ts';
import { addDnsCommand } from './commands/dns.ts';
import { addExposeCommand } from './commands/expose.ts';
import { addFirewallCommand } from './commands/firewall.ts';
import { addImageCommand } from './commands/image.ts';
import { addL2Command } from './commands/l2.ts';
import { addLabCommand } from './commands/lab.ts';
import { addProxyCommand } from './commands/proxy.ts';
import { addQuickstartCommand } from './commands/quickstart.ts';
import { addRenderCommand } from './commands/render.ts';
import { addRestoreCommand } from './commands/restore.ts';
import { addServerCommand } from './commands/server.ts';
import { addStoreCommand } from './commands/store.ts';
import { addTokenCommand } from './commands/token.ts';
import { addTopCommand } from './commands/top.ts';
import { addUpCommand } from './commands/up.ts';
import { addVmCommand } from './commands/vm.ts';
import { addWhyCommand } from './commands/why.ts';
import { addConfigOptions } from './config/argv.ts';
import { VERSION } from './version.ts';

export function program(): Command {
  const postern = new Command('postern')
    .description('Kubernetes Services for virtual machines and pods, from one program')
    .version(VERSION, '-V, --version')
    .showHelpAfterError('(--help shows what there is)')
    .enablePositionalOptions()
    .exitOverride();
  addUpCommand(postern);
  addServerCommand(postern);
  addAgentCommand(postern);
  addTokenCommand(postern);
  addControllersCommand(postern);
  addProxyCommand(postern);
  addL2Command(postern);
  addDnsCommand(postern);
  addFirewallCommand(postern);
  addLabCommand(postern);
  addVmCommand(postern);
  addExposeCommand(postern);
  addWhyCommand(postern);
  addTopCommand(postern);
  addRenderCommand(postern);
  addImageCommand(postern);
  addStoreCommand(postern);
  addBackupCommand(postern);
  addRestoreCommand(postern);
  addConfigCommand(postern);
  addQuickstartCommand(postern);
  addCompletionCommand(postern);
  addConfigOptions(postern);
  return postern;
}
