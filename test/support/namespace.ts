/** Network namespaces for tests: the machine's own is never touched. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import type { TestContext } from 'node:test';
import { type CommandOptions, type CommandResult, runCommand } from '../../src/host/process.ts';

const USER = process.getuid?.() === 0 ? [] : ['--user', '--map-root-user'];
const UNSHARE = ['unshare', ...USER, '--net', '--uts', '--mount'] as const;

/** Why this machine has no namespaces for us, for a test's `skip`; false when it has. */
export const noNamespaces: string | false = probe();

/** A network namespace of the test's own, with a mount namespace and loopback up; gone when the test ends. */
export interface Namespace {
  /** A process in it. */
  readonly pid: number;
  /** The command line that runs `argv` in it. */
  enter(argv: readonly string[]): readonly string[];
  /** Runs a program in it to its end. */
  run(argv: readonly string[], options?: CommandOptions): Promise<CommandResult>;
  /** Runs a TypeScript file in it with this Node.js. */
  node(file: string, args?: readonly string[], options?: CommandOptions): Promise<CommandResult>;
}

/** Makes a namespace, in which `commands` of `ip -batch` are run first. */
export async function inNamespace(t: TestContext, commands: readonly string[] = []): Promise<Namespace> {
  const holder = spawn(UNSHARE[0], [...UNSHARE.slice(1), '--', 'sh', '-c', 'echo ready; exec sleep infinity'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(async () => {
    if (holder.exitCode !== null || holder.signalCode !== null) return;
    const ended = once(holder, 'exit');
    holder.kill('SIGKILL');
    await ended;
  });
  await Promise.race([
    once(holder.stdout, 'data'),
    once(holder, 'exit').then(() => Promise.reject(new Error('no namespace could be made'))),
  ]);
  const { pid } = holder;
  if (pid === undefined) throw new Error('no namespace could be made');
  const user = USER.length > 0 ? ['--user', '--preserve-credentials'] : [];
  const enter = (argv: readonly string[]) => [
    'nsenter',
    `--target=${pid}`,
    ...user,
    '--net',
    '--uts',
    '--mount',
    '--',
    ...argv,
  ];
  const run = (argv: readonly string[], options?: CommandOptions) => runCommand(enter(argv), options);
  await run(['ip', '-batch', '-'], { input: `${['link set dev lo up', ...commands].join('\n')}\n` });
  return { pid, enter, run, node: (file, args = [], options) => run([process.execPath, file, ...args], options) };
}

function probe(): string | false {
  const { status, error, stderr } = spawnSync(UNSHARE[0], [...UNSHARE.slice(1), '--', 'true'], { encoding: 'utf8' });
  return status === 0 ? false : `no network namespaces here: ${error?.message ?? stderr.trim()}`;
}
