/** `postern token`: what other machines join the cluster with. */
import { type Command, Option } from 'commander';
import { kubeconfigOption, loadEndpoint, withClientOf } from '../kubeconfig.ts';
import { type OutputFormat, outputOption, parsedOption, parseLifetime, parseServers } from '../options.ts';

interface CreateFlags {
  readonly kubeconfig?: string;
  readonly for: 'node' | 'server';
  readonly ttl: number;
  readonly description: string;
  readonly server?: readonly string[];
  readonly output?: OutputFormat;
}

interface Flags {
  readonly kubeconfig?: string;
  readonly output?: OutputFormat;
}

export function addTokenCommand(postern: Command): void {
  const token = postern.command('token').description('let other machines join: make, list and take back tokens');
  token
    .command('create')
    .description('make a token, and print what to do on the machine that is to join')
    .addOption(kubeconfigOption())
    .addOption(
      new Option(
        '--for <role>',
        'what the machine becomes; one that becomes a server is given the cluster’s keys, and may be a node as well',
      )
        .choices(['node', 'server'])
        .default('node'),
    )
    .addOption(parsedOption('--ttl <time>', 'how long it is good: 30m, 1h, 2d; 0: until it is deleted', parseTTL, '1h'))
    .option('--description <text>', 'what it is for, as `postern token list` shows', '')
    .addOption(
      new Option(
        '--server <urls>',
        'where the other machine reaches the servers; default: as the API tells nodes',
      ).argParser(parseServers),
    )
    .addOption(outputOption())
    .addHelpText(
      'after',
      '\nExamples:\n  postern token create\n  postern token create --for server --ttl 10m\n  (umask 077; postern token create -o json | jq -r .token > token)\n\n' +
        'A token for servers lets a machine become a node as well: who has it has the cluster.',
    )
    .action(create);
  token
    .command('list')
    .description('list the tokens that there are; what is secret in them is not shown')
    .addOption(kubeconfigOption())
    .addOption(outputOption())
    .addHelpText('after', '\nExample:\n  postern token list')
    .action(list);
  token
    .command('delete')
    .description('take a token back: nobody joins with it any more; who has joined stays')
    .argument('<token>', 'the token, or its id')
    .addOption(kubeconfigOption())
    .addHelpText('after', '\nExample:\n  postern token delete abcdef')
    .action(remove);
}

async function create(flags: CreateFlags): Promise<void> {
  const [{ makeToken, joinCommand, joinSteps }, { areLocal, serversForOthers }, { print }] = await Promise.all([
    import('../join/make-token.ts'),
    import('../join/server-urls.ts'),
    import('../output.ts'),
  ]);
  const known = await loadEndpoint(flags.kubeconfig);
  const { role, ttl } = { role: flags.for, ttl: flags.ttl === 0 ? undefined : flags.ttl };
  const [made, [server = known.server, ...otherServers]] = await withClientOf(known, async (client) => [
    await makeToken(client, { role, ttl, description: flags.description, now: Date.now() }),
    flags.server ?? (await serversForOthers(client, known)),
  ]);
  const joining = joinCommand({ ...known, server, otherServers }, made, role);
  const { token, command, servers } = joining;
  const expires = made.expires === undefined ? undefined : new Date(made.expires).toISOString();
  const value = { id: made.id, for: role, token, servers, ...(expires && { expires }), command };
  await print(value, flags.output, () => joinSteps(joining));
  for (const warning of warnings(servers, areLocal(servers), role)) process.stderr.write(`${warning}\n`);
}

/** What is printed would not work elsewhere, or is more than it looks. */
function warnings(servers: readonly string[], isLocal: boolean, role: 'node' | 'server'): readonly string[] {
  return [
    ...(isLocal
      ? [
          `note: ${servers.join(',')} is this machine only: start the server with --listen ADDRESS:PORT that others reach, or name that with --server.`,
        ]
      : []),
    ...(role === 'server' ? ['note: whoever has this token can take over the whole cluster until it ends.'] : []),
  ];
}

async function list(flags: Flags): Promise<void> {
  const [{ listTokens, printLeft }, { print, textTable }] = await Promise.all([
    import('../join/make-token.ts'),
    import('../output.ts'),
  ]);
  const tokens = await withClientOf(await loadEndpoint(flags.kubeconfig), listTokens);
  const now = Date.now();
  await print(tokens, flags.output, () =>
    textTable(
      ['ID', 'FOR', 'LEFT', 'DESCRIPTION'],
      tokens.map((token) => [token.id, token.for, printLeft(token, now), token.description]),
    ),
  );
}

async function remove(given: string, flags: Flags): Promise<void> {
  const { deleteToken } = await import('../join/make-token.ts');
  const id = await withClientOf(await loadEndpoint(flags.kubeconfig), (client) => deleteToken(client, given));
  process.stdout.write(`token ${id} deleted\n`);
}

/** 0 for no end. In milliseconds. */
function parseTTL(text: string): number {
  return text === '0' ? 0 : parseLifetime(text);
}
