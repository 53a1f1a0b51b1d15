/**
 * Runs fixtures of tests as the only program of fresh network and mount namespaces. A fixture may be a file of tests
 * itself: what it prints is shown when it fails.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const USER = ['--user', '--map-root-user'];
const FRESH = ['--net', '--mount'];
const flags = process.getuid?.() === 0 ? FRESH : [...USER, ...FRESH];

export interface Privileges {
  /** In a user namespace of its own even when root runs the tests: as an ordinary user has it. */
  readonly unprivileged?: boolean;
}

const flagsFor = ({ unprivileged }: Privileges): readonly string[] => (unprivileged ? [...USER, ...FRESH] : flags);

/** Why fixtures with nftables cannot run here, or false: the `skip` of their tests. */
export function skipWithoutNft(options: Privileges = {}): string | false {
  const probe = spawnSync('unshare', [...flagsFor(options), 'nft', 'list', 'ruleset'], { encoding: 'utf8' });
  if (probe.status === 0) return false;
  return `needs a network namespace with nftables: ${probe.stderr?.trim() || probe.error?.message}`;
}

/** Runs a script and returns what it prints. Throws, with all that it wrote, when it fails. */
export function inNamespace(script: URL, args: readonly string[] = [], options: Privileges = {}): string {
  // The runner tells its children by this variable how to report; the fixture reports to people.
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const argv = [...flagsFor(options), process.execPath, fileURLToPath(script), ...args];
  const { status, stdout, stderr } = spawnSync('unshare', argv, { encoding: 'utf8', timeout: 60_000, env });
  if (status !== 0) throw new Error(`${fileURLToPath(script)} exited with ${status}\n${stdout}${stderr}`);
  return stdout;
}
