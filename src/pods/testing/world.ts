/**
 * Runs a script of tests in a world of its own for containers: fresh namespaces as other fixtures have, and cgroups below one that
 * is removed afterwards. Whatever ends the script, all that it started ends with it.
 */
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { skipUnless, skipWithoutPrograms } from '../../host/testing/in-namespace.ts';

/** Why containers cannot be run here, or false. */
export function skipWithoutContainerd(): string | false {
  if (process.getuid?.() !== 0) return 'needs root: containerd runs no containers otherwise';
  if (!existsSync('/bin/busybox')) return 'needs Debian’s busybox-static, of which images are made';
  return skipWithoutPrograms('containerd', 'runc') || skipUnless(['mount', '-t', 'tmpfs', 'tmpfs', '/run']);
}

export interface WorldOptions {
  /** Milliseconds after which the script is killed. Default: a minute. */
  readonly timeout?: number;
}

/** Runs a script in a world and returns what it prints. Throws, with all that it wrote, when it fails. */
export function inContainerWorld(script: URL, args: readonly string[] = [], options: WorldOptions = {}): string {
  // The runner tells its children by this variable how to report; the script reports to people.
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const name = `postern-test-${randomBytes(6).toString('hex')}`;
  const groups = hierarchies().map(({ path }) => join(path, name));
  for (const group of groups) makeGroup(group);
  try {
    const path = fileURLToPath(script);
    const argv = ['-c', ENTER, name, ...groups, '--', process.execPath, path, ...args];
    // unshare does not heed SIGTERM while its child runs.
    const limit = { timeout: options.timeout ?? 60_000, killSignal: 'SIGKILL', maxBuffer: 16 * 1024 * 1024 } as const;
    const { status, stdout, stderr, error } = spawnSync('sh', argv, {
      encoding: 'utf8',
      ...limit,
      env: { ...env, POSTERN_TEST_INIT: INIT, POSTERN_TEST_MOUNTS: mounts() },
    });
    if (status === 0) return stdout;
    throw new Error(`${path} exited with ${status}${error ? ` (${error.message})` : ''}\n${stdout}${stderr}`);
  } finally {
    for (const group of groups) removeGroups(group);
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
 * /run is a fresh one, as containerd's shims have their sockets there; mounts are shared among containers and us, as on a
 * machine under systemd. In the unified hierarchy processes may only be in leaves, where controllers are passed on.
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
if [ -e /sys/fs/cgroup/cgroup.procs ]; then
  mkdir /sys/fs/cgroup/init
  for pid in $(cat /sys/fs/cgroup/cgroup.procs); do echo "$pid" > /sys/fs/cgroup/init/cgroup.procs; done
fi
unset POSTERN_TEST_INIT POSTERN_TEST_MOUNTS
set +e
"$@"
exit $?
`;

interface Hierarchy {
  readonly path: string;
  readonly type: 'cgroup' | 'cgroup2';
  readonly options: string;
}

/** What the world mounts over the machine's hierarchies of cgroups: the same ones, seen from its own root. */
function mounts(): string {
  const all = hierarchies();
  const lines = all.map(({ path, type, options }) =>
    type === 'cgroup2'
      ? `mkdir -p ${path}; mount -t cgroup2 cgroup2 ${path}`
      : `mkdir -p ${path}; mount -t cgroup -o ${options} cgroup ${path}`,
  );
  const unified = all.some(({ path }) => path === '/sys/fs/cgroup');
  return [...(unified ? [] : ['mount -t tmpfs -o mode=755 tmpfs /sys/fs/cgroup']), ...lines].join('\n');
}

/** The machine's hierarchies, of both versions: proc_pid_mountinfo(5), with the names of controllers among the last options. */
function hierarchies(): readonly Hierarchy[] {
  const lines = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
  return lines.flatMap((line): Hierarchy[] => {
    const [left = '', right = ''] = line.split(' - ');
    const path = left.split(' ')[4] ?? '';
    const [type, , superOptions = ''] = right.split(' ');
    if (!/^\/sys\/fs\/cgroup(\/[\w,=.-]+)?$/.test(path)) return [];
    if (type === 'cgroup2') return [{ path, type, options: '' }];
    if (type !== 'cgroup') return [];
    const names = superOptions.split(',').filter((option) => !['rw', 'ro', 'xattr', 'clone_children'].includes(option));
    const controllers = names.filter((option) => /^[\w=.-]+$/.test(option) && !option.startsWith('release_agent='));
    return [
      {
        path,
        type,
        options: [...(names.some((n) => n.startsWith('name=')) ? ['none'] : []), ...controllers].join(','),
      },
    ];
  });
}

/** Makes a cgroup that may use what the one above it may: of version 1, `cpuset` would have it use nothing (cpuset(7)). */
function makeGroup(path: string): void {
  mkdirSync(path, { mode: 0o700 });
  for (const file of ['cpuset.cpus', 'cpuset.mems']) {
    const above = join(path, '..', file);
    if (existsSync(above)) writeFileSync(join(path, file), readFileSync(above));
  }
}

/** Removes a cgroup with all below it. Its processes have ended, which the kernel may take a moment to see. */
function removeGroups(path: string): void {
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    if (entry.isDirectory()) removeGroups(join(path, entry.name));
  }
  for (let attempt = 0; ; attempt++) {
    try {
      rmdirSync(path);
      return;
    } catch (error) {
      if (attempt === 100) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
    }
  }
}
