/**
 * Runs fixtures of tests in fresh namespaces, so that the machine's own network is never touched. A fixture may be a file of
 * tests itself: what it prints is shown when it fails.
 */
import { spawn, spawnSync } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

const USER = ['--user', '--map-root-user'];
// With a PID namespace, whose processes all end with the first of them, however that ends.
const FRESH = ['--net', '--mount', '--uts', '--pid', '--fork', '--kill-child', '--mount-proc'];

export interface Privileges {
  /** In a user namespace of its own even when root runs the tests: as an ordinary user has it. */
  readonly unprivileged?: boolean;
}

const isRoot = process.getuid?.() === 0;
const unshare = ({ unprivileged }: Privileges): readonly string[] => {
  return ['unshare', ...(isRoot && !unprivileged ? [] : USER), ...FRESH];
};

/** What a command line begins with to be run in fresh namespaces, by root or an ordinary user. */
export const UNSHARE: readonly string[] = unshare({});

/** Why a command cannot be run in fresh namespaces here, or false: the `skip` of tests that need what it needs. */
export function skipUnless(probe: readonly string[], options: Privileges = {}): string | false {
  const [program = '', ...argv] = [...unshare(options), ...probe];
  const { status, stderr, error } = spawnSync(program, argv, { encoding: 'utf8' });
  if (status === 0) return false;
  return `needs namespaces in which ${probe.join(' ')} works: ${stderr?.trim() || error?.message}`;
}

/** Why fixtures with nftables cannot run here, or false. */
export function skipWithoutNft(options: Privileges = {}): string | false {
  return skipUnless(['nft', 'list', 'ruleset'], options);
}

/** Why fixtures with the devices of guests cannot run here, or false. */
export function skipWithoutTaps(): string | false {
  return skipUnless(['ip', 'tuntap', 'add', 'dev', 't', 'mode', 'tap']);
}

/** Why tests that start these programs cannot run here, or false. */
export function skipWithoutPrograms(...programs: readonly string[]): string | false {
  const absent = programs.filter((name) => spawnSync('sh', ['-c', 'command -v "$1"', 'sh', name]).status !== 0);
  return absent.length === 0 ? false : `needs ${absent.join(', ')}`;
}

/** Runs a script and returns what it prints. Throws, with all that it wrote, when it fails. */
export function inNamespace(script: URL, args: readonly string[] = [], options: Privileges = {}): string {
  const { program, argv, env } = fixture(script, args, options);
  const { status, stdout, stderr } = spawnSync(program, argv, { encoding: 'utf8', timeout: LIMIT, killSignal, env });
  if (status !== 0) throw new Error(`${fileURLToPath(script)} exited with ${status}\n${stdout}${stderr}`);
  return stdout;
}

/** The same beside others, which take turns waiting: each may take longer. */
export async function besideOthers(script: URL, args: readonly string[] = []): Promise<string> {
  const { program, argv, env } = fixture(script, args, {});
  const child = spawn(program, argv, { stdio: ['ignore', 'pipe', 'pipe'], timeout: 2 * LIMIT, killSignal, env });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const [stdout, stderr, status] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  if (status !== 0) throw new Error(`${fileURLToPath(script)} exited with ${status}\n${stdout}${stderr}`);
  return stdout;
}

/** How long a script may take, in milliseconds: many times what any takes on a machine that is not busy. */
const LIMIT = 120_000;
/** unshare does not heed SIGTERM while its child runs. */
const killSignal = 'SIGKILL';

/** How a script is run. */
function fixture(script: URL, args: readonly string[], options: Privileges) {
  // The runner tells its children by this variable how to report; the fixture reports to people.
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const [program = '', ...argv] = [...unshare(options), process.execPath, fileURLToPath(script), ...args];
  return { program, argv, env };
}
