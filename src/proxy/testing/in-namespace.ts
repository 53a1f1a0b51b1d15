/** Runs fixtures of tests as the only program of fresh network and mount namespaces. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const user = process.getuid?.() === 0 ? [] : ['--user', '--map-root-user'];
const flags = [...user, '--net', '--mount'];
const probe = spawnSync('unshare', [...flags, 'nft', 'list', 'ruleset'], { encoding: 'utf8' });

/** Why fixtures cannot run here, or false: the `skip` of their tests. */
export const skipNamespaces: string | false =
  probe.status === 0 ? false : `no namespace with nftables: ${probe.stderr?.trim() || probe.error?.message}`;

/** Runs a script with these arguments and returns the JSON that it prints. Throws what it wrote to standard error. */
export function inNamespace(script: URL, args: readonly string[] = []): unknown {
  const argv = [...flags, process.execPath, fileURLToPath(script), ...args];
  const { status, stdout, stderr } = spawnSync('unshare', argv, { encoding: 'utf8', timeout: 60_000 });
  if (status !== 0) throw new Error(`${fileURLToPath(script)} exited with ${status}\n${stderr}`);
  return JSON.parse(stdout);
}
