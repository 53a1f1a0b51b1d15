/**
 * Runs a script of tests in a world of its own for containers: fresh namespaces as other fixtures have, and cgroups below one that
 * is removed afterwards. Whatever ends the script, all that it started ends with it.
 */
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { cgroupMounts, makeCgroup, removeCgroup } from '../../host/cgroups.ts';
import { skipUnless, skipWithoutPrograms } from '../../host/testing/in-namespace.ts';

/** Why containers cannot be run here, or false. */
export function skipWithoutContainerd(): string | false {
  if (process.getuid?.() !== 0) return 'needs root: containerd runs no containers otherwise';
  if (!existsSync('/bin/busybox')) return 'needs Debian’s busybox-static, of which images are made';
  return (
    skipWithoutPrograms('containerd', 'runc') ||
    skipUnless(['mount', '-t', 'tmpfs', 'tmpfs', '/run']) ||
    skipWithoutCgroups()
  );
}

function skipWithoutCgroups(): string | false {
  const name = groupName();
  try {
    makeCgroup(name);
    return false;
  } catch (error) {
    return `needs control groups that can be made: ${error instanceof Error ? error.message : error}`;
  } finally {
    removeCgroup(name);
  }
}

const groupName = (): string => `postern-test-${randomBytes(6).toString('hex')}`;

export interface WorldOptions {
  /** Milliseconds after which the script is killed. Default: a minute. */
  readonly timeout?: number;
}

/** Runs a script in a world and returns what it prints. Throws, with all that it wrote, when it fails. */
export function inContainerWorld(script: URL, args: readonly string[] = [], options: WorldOptions = {}): string {
  // The runner tells its children by this variable how to report; the script reports to people.
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const name = groupName();
  const groups = makeCgroup(name);
  try {
    const path = fileURLToPath(script);
    const argv = ['-c', ENTER, name, ...groups, '--', process.execPath, path, ...args];
    // unshare does not heed SIGTERM while its child runs.
    const limit = { timeout: options.timeout ?? 60_000, killSignal: 'SIGKILL', maxBuffer: 16 * 1024 * 1024 } as const;
    const { status, stdout, stderr, error } = spawnSync('sh', argv, {
      encoding: 'utf8',
      ...limit,
      env: { ...env, POSTERN_TEST_INIT: INIT, POSTERN_TEST_MOUNTS: cgroupMounts() },
    });
    if (status === 0) return stdout;
    throw new Error(`${path} exited with ${status}${error ? ` (${error.message})` : ''}\n${stdout}${stderr}`);
  } finally {
    for (let i = 0; !removeCgroup(name) && i < 100; i++)
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
  }
}

/** Joins the groups, and from there makes the namespaces: what was joined is the root of their hierarchy. */
const ENTER = `
set -e
while [ "$1" != -- ]; do echo $$ > "$1/cgroup.procs"; shift; done
shift
exec unshare --cgroup --net --mount --uts --pid --fork --kill-child --mount-proc -- sh -c "$POSTERN_TEST_INIT" "$0" "$@"
`;

/**
 * The first process of the PID namespace. It reaps orphans, which Node.js would not: the shims of containers are nobody's children.
 * /run is a fresh one, as containerd's shims have their sockets there, and so is where it notes what network plugins answered.
 * Mounts are shared among containers and us, as on a machine under systemd.
 */
const INIT = `
set -e
hostname "$0"
ip link set lo up
mount --make-rshared /
resolv=$(readlink -m /etc/resolv.conf)
text=$(cat "$resolv" 2>/dev/null || :)
mount -t tmpfs -o mode=755 tmpfs /run
case $resolv in /run/*) mkdir -p "$(dirname "$resolv")"; printf '%s\\n' "$text" > "$resolv" ;; esac
eval "$POSTERN_TEST_MOUNTS"
mkdir -p /var/lib/cni
mount -t tmpfs -o mode=700 tmpfs /var/lib/cni
unset POSTERN_TEST_INIT POSTERN_TEST_MOUNTS
set +e
"$@"
exit $?
`;
