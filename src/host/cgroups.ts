/**
 * Control groups for a part of the machine that is to see itself as a whole: below one group in every hierarchy, with a view (a cgroup
 * namespace, and the hierarchies mounted anew) in which that group is the root. cgroups(7), cgroup_namespaces(7)
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { codeOf } from '../lib/errors.ts';
import { parseMountinfo } from './mountinfo.ts';

const ROOT = '/sys/fs/cgroup';

/** A tree of control groups. */
export interface CgroupHierarchy {
  readonly path: string;
  readonly type: 'cgroup' | 'cgroup2';
  /** What it is mounted with: controllers and names of version 1, nothing of version 2. */
  readonly options: string;
}

/** The hierarchies that are mounted where they usually are, of both versions. `mountinfo`: proc_pid_mountinfo(5). */
export function cgroupHierarchies(
  mountinfo: string = readFileSync('/proc/self/mountinfo', 'utf8'),
): readonly CgroupHierarchy[] {
  return parseMountinfo(mountinfo).flatMap(({ point: path, type, superOptions }): CgroupHierarchy[] => {
    // Nothing that a shell would understand: see cgroupMounts.
    if (!/^\/sys\/fs\/cgroup(\/[\w,=.-]+)?$/.test(path)) return [];
    if (type === 'cgroup2') return [{ path, type, options: '' }];
    return type === 'cgroup' ? [{ path, type, options: mountOptions(superOptions) }] : [];
  });
}

/** What tells a hierarchy of version 1 from the others: its controllers, or its name. */
function mountOptions(superOptions: string): string {
  const names = superOptions.split(',').filter((option) => /^(name=)?[\w.-]+$/.test(option));
  const own = names.filter((option) => !['rw', 'ro', 'xattr', 'clone_children', 'noprefix'].includes(option));
  return own.some((option) => option.startsWith('name=')) ? ['none', ...own].join(',') : own.join(',');
}

/** Makes a group, `lab/node1`, in every hierarchy, allowed what the machine is. Returns its folders. */
export function makeCgroup(name: string): readonly string[] {
  return cgroupHierarchies().map(({ path, type }) => {
    let group = path;
    for (const part of name.split('/')) {
      // Of version 2, a group passes on what it is told to. The machine's own settings stay as they are, and the last
      // group is whoever's who goes there.
      if (type === 'cgroup2' && group !== path) passOn(group);
      group = join(group, part);
      mkdirSync(group, { recursive: true, mode: 0o700 });
      if (type === 'cgroup') inheritCpuset(group);
    }
    return group;
  });
}

function passOn(group: string): void {
  const controllers = readFileSync(join(group, 'cgroup.controllers'), 'utf8').split(/\s+/).filter(Boolean);
  if (controllers.length === 0) return;
  writeFileSync(join(group, 'cgroup.subtree_control'), controllers.map((controller) => `+${controller}`).join(' '));
}

/** Of version 1, a new group may use no processor and no memory until it is said which: cpuset(7). */
function inheritCpuset(group: string): void {
  for (const file of ['cpuset.cpus', 'cpuset.mems']) {
    const above = join(group, '..', file);
    if (existsSync(above)) writeFileSync(join(group, file), readFileSync(above));
  }
}

/** Removes a group with all below it. False while one of its processes is left, which the kernel may take a moment to see end. */
export function removeCgroup(name: string): boolean {
  return cgroupHierarchies()
    .map(({ path }) => removeTree(join(path, name)))
    .every((gone) => gone);
}

function removeTree(path: string): boolean {
  if (!existsSync(path)) return true;
  const below = readdirSync(path, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  if (!below.map(({ name }) => removeTree(join(path, name))).every((gone) => gone)) return false;
  try {
    rmdirSync(path);
    return true;
  } catch (error) {
    const code = codeOf(error);
    if (code === 'ENOENT') return true;
    if (code === 'EBUSY') return false;
    throw error;
  }
}

/**
 * A shell's commands that mount the hierarchies anew, for a process that is in a cgroup namespace and a mount namespace of its own.
 * Of version 2, processes may only be in groups that have no others below them: the caller goes to one, `init`.
 */
export function cgroupMounts(hierarchies: readonly CgroupHierarchy[] = cgroupHierarchies()): string {
  const isUnified = hierarchies.some(({ path }) => path === ROOT);
  return [
    ...(isUnified ? [] : [`mount -t tmpfs -o mode=755 tmpfs ${ROOT}`]),
    ...hierarchies.map(({ path, type, options }) => {
      const mount =
        type === 'cgroup2' ? `mount -t cgroup2 cgroup2 ${path}` : `mount -t cgroup -o ${options} cgroup ${path}`;
      return `mkdir -p ${path}; ${mount}`;
    }),
    ...(isUnified
      ? [
          `mkdir -p ${ROOT}/init`,
          `for pid in $(cat ${ROOT}/cgroup.procs); do echo $pid > ${ROOT}/init/cgroup.procs; done`,
        ]
      : []),
  ].join('\n');
}
