/** `postern config`: configuration files of the commands that run things: checked, and what may be in them. */
import { type Command, Option } from 'commander';
import { CONFIG_KINDS, type ConfigKind } from '../config/kinds.ts';
import { type OutputFormat, outputOption } from '../options.ts';

const kindOption = (): Option =>
  new Option('--kind <kind>', 'which kind of file').choices(CONFIG_KINDS).makeOptionMandatory();

export function addConfigCommand(postern: Command): void {
  const config = postern
    .command('config')
    .description('check configuration files of server, agent and up, and say what may be in them');
  config
    .command('check')
    .description('say what is wrong with a configuration file, with line and column; exit status 1 when something is')
    .argument('<file>', 'as --config takes it')
    .addOption(outputOption())
    .addHelpText('after', '\nExample:\n  postern config check /etc/postern/server.yaml')
    .action((file: string, flags: { output: OutputFormat }) => check(postern, file, flags.output));
  config
    .command('schema')
    .description('print the JSON Schema of a kind of file, for editors')
    .addOption(kindOption())
    .addHelpText('after', '\nExample:\n  postern config schema --kind ServerConfiguration > server.schema.json')
    .action(async ({ kind }: { kind: ConfigKind }) => {
      const { configSchema } = await import('../config/schema.ts');
      process.stdout.write(`${JSON.stringify(configSchema(kind, await fieldsOf(postern, kind)), null, 2)}\n`);
    });
  config
    .command('example')
    .description('print a file with every key of its kind, commented out, and its default')
    .addOption(kindOption())
    .addHelpText('after', '\nExample:\n  postern config example --kind AgentConfiguration > agent.yaml')
    .action(async ({ kind }: { kind: ConfigKind }) => {
      const { configExample } = await import('../config/example.ts');
      process.stdout.write(configExample(kind, await fieldsOf(postern, kind)));
    });
}

async function fieldsOf(postern: Command, kind: ConfigKind) {
  const [{ configFields }, { commandOf }] = await Promise.all([
    import('../config/fields.ts'),
    import('../config/argv.ts'),
  ]);
  return configFields(commandOf(postern, kind));
}

async function check(postern: Command, file: string, output: OutputFormat): Promise<void> {
  const [{ readConfig }, { configFields }, { commandOf, textOf }, { print }] = await Promise.all([
    import('../config/read.ts'),
    import('../config/fields.ts'),
    import('../config/argv.ts'),
    import('../output.ts'),
  ]);
  const { kind, mistakes } = readConfig(await textOf(file), (of) => configFields(commandOf(postern, of)));
  await print({ file, kind: kind ?? null, mistakes }, output, () =>
    mistakes.length === 0
      ? `${file}: ${kind} without mistakes`
      : mistakes.map(({ line, column, message }) => `${file}:${line}:${column}: ${message}`).join('\n'),
  );
  if (mistakes.length > 0) process.exitCode = 1;
}
