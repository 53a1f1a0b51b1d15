import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cgroupHierarchies, cgroupMounts } from './cgroups.ts';

const VERSION_2 = '30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate,memory_recursiveprot';
const BOTH = `
24 1 0:22 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755
25 24 0:23 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct
26 24 0:24 / /sys/fs/cgroup/systemd rw,relatime shared:3 - cgroup cgroup rw,xattr,release_agent=/x/y,name=systemd
27 24 0:25 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
28 24 0:25 / /sys/fs/cgroup/a;b rw,relatime - cgroup cgroup rw,pids
29 24 0:25 / /elsewhere rw,relatime - cgroup2 cgroup2 rw
`;

test('the hierarchies are found where both versions are in use, and nothing that a shell would understand is', () => {
  assert.deepEqual(cgroupHierarchies(BOTH), [
    { path: '/sys/fs/cgroup/cpu,cpuacct', type: 'cgroup', options: 'cpu,cpuacct' },
    { path: '/sys/fs/cgroup/systemd', type: 'cgroup', options: 'none,name=systemd' },
    { path: '/sys/fs/cgroup/unified', type: 'cgroup2', options: '' },
  ]);
});

test('where there is only version 2, its root is mounted and left by processes', () => {
  const hierarchies = cgroupHierarchies(VERSION_2);
  assert.deepEqual(hierarchies, [{ path: '/sys/fs/cgroup', type: 'cgroup2', options: '' }]);
  const script = cgroupMounts(hierarchies);
  assert.doesNotMatch(script, /tmpfs/);
  assert.match(script, /^mkdir -p \/sys\/fs\/cgroup; mount -t cgroup2 cgroup2 \/sys\/fs\/cgroup$/m);
  assert.match(script, /echo \$pid > \/sys\/fs\/cgroup\/init\/cgroup\.procs/);
});
