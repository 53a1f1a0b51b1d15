/** `postern why`: what keeps something from working, in plain words. */
import type { Command } from 'commander';
import { kubeconfigOption, namespaceOption, withClient } from '../kubeconfig.ts';
import { type OutputFormat, outputOption } from '../options.ts';
import { print } from '../output.ts';

interface Flags {
  readonly kubeconfig?: string;
  readonly namespace: string;
  readonly output: OutputFormat;
}

export function addWhyCommand(postern: Command): void {
  postern
    .command('why')
    .description('say what keeps a Service from working')
    .command('service')
    .description('say what keeps a Service from working, and what to do')
    .argument('<name>', 'the Service')
    .addOption(kubeconfigOption())
    .addOption(namespaceOption())
    .addOption(outputOption())
    .addHelpText('after', '\nExample:\n  postern why service example-service -n example-namespace')
    .action(async (name: string, flags: Flags) => {
      const { explainService } = await import('../why-service.ts');
      const findings = await withClient(flags.kubeconfig, (client) =>
        explainService(client, { namespace: flags.namespace, name }),
      );
      await print(findings, flags.output, () =>
        findings.length === 0
          ? `service/${name}: nothing is wrong that can be seen from the API`
          : findings
              .map(
                (finding) =>
                  `service/${name}: ${finding.message}${finding.remedy === undefined ? '' : `\n  ${finding.remedy}`}`,
              )
              .join('\n'),
      );
    });
}
